"""Waiting for a cluster."""

import time

from djk8s.shell.talk import say

PATIENCE = 15  # seconds after which a person wants to know what for
STEP = 1  # second: who asks more often takes the processor from what it waits for


class Patience:
    """Waits in short steps, and after a while says once what for."""

    def __init__(self) -> None:
        self.begun, self.told = time.monotonic(), False

    def step(self, doing: str) -> bool:
        """Wait a moment; return True the one time that it says what for."""
        late = not self.told and time.monotonic() - self.begun > PATIENCE
        if late:
            self.told = True
            say(f"Still waiting: {doing}.")
        time.sleep(STEP)
        return late
