"""Waiting for a cluster."""

import time

from djk8s.shell.talk import say

PATIENCE = 15  # seconds after which a person wants to know for what we wait
STEP = 1  # second: who asks more often takes the processor from what it waits for


class Patience:
    """Waits in short steps, and says once for what."""

    def __init__(self) -> None:
        self.begun, self.told = time.monotonic(), False

    def step(self, doing: str) -> bool:
        """Wait a moment; return whether this is when it said for what."""
        late = not self.told and time.monotonic() - self.begun > PATIENCE
        if late:
            self.told = True
            say(f"Still waiting: {doing}.")
        time.sleep(STEP)
        return late
