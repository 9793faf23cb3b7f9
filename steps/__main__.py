"""What `inv` starts with the Python of .tools/: Invoke, with the tasks and settings of this project."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

# Until there is something that Ctrl-C has to end well it simply ends us; a Python that imports would show a traceback.
# `inv` has held it back since before this Python began.
before = signal.getsignal(signal.SIGINT)
if before is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

# Closed, as by `>&-`, they are None, which nobody expects.
sys.stdin, sys.stdout, sys.stderr = (
    stream or Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - it stays open as long as we do
    for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # -I leaves it out

import tasks  # noqa: E402
from steps import program  # noqa: E402

try:
    signal.signal(signal.SIGINT, before)
    program.main(tasks.ns)
except KeyboardInterrupt:  # in a moment that is not Invoke's
    sys.exit(130)
