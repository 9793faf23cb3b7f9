"""gunicorn as it serves the tiny site on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import ROOT, Answer, answers, free_port, get, wait_until

CONFIG = ROOT / "serving/gunicorn.conf.py"
GUNICORN = (sys.executable, "-m", "gunicorn", "--config", str(CONFIG))
SIGNALS = {signal.SIGINT, signal.SIGTERM}
servers = pytest.mark.parametrize("kind", ["threads", "asgi"])


class Server:
    """A process of gunicorn, started with signals blocked as entrypoint.sh and `inv serve` do."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://localhost:{self.port}"
        own = {"DATABASE": f"{folder}/db.sqlite3", "GO": f"{folder}/go", "PORT": str(self.port), "SECRET_KEY": "a"}
        own |= {"DJANGO_SETTINGS_MODULE": "tiny.settings", "PYTHONPATH": str(ROOT / "tests/serving"), **environment}
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [*GUNICORN, *words, "tiny.wsgi:application"],
                cwd=folder,
                env=inherited | own,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS),
            )
        self.pool = ThreadPoolExecutor(30)

    @property
    def log_file(self) -> Path:
        return self.folder / "log"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def ready(self) -> Server:
        wait_until(lambda: self.process.poll() is not None or answers(self.url))
        assert self.process.poll() is None, self.log
        return self

    def get(self, path: str, **headers: str) -> Answer:
        return get(self.url + path, **headers)

    def begin(self, path: str) -> Callable[[], Answer]:
        """Ask for a view that waits, and return what lets it go on and gives its answer."""
        (self.folder / "began").unlink(missing_ok=True)
        (self.folder / "go").unlink(missing_ok=True)
        answer = self.pool.submit(self.get, path)
        wait_until((self.folder / "began").exists)

        def finish() -> Answer:
            (self.folder / "go").touch()
            return answer.result(60)

        return finish

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def says(self, words: str) -> None:
        """Wait until the log says something."""
        wait_until(lambda: words in self.log)

    def end(self) -> int:
        """Return the exit code."""
        return self.process.wait(60)


Start = Callable[..., Server]
