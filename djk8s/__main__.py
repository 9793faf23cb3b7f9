"""The entry point that `./inv` starts with the Python of `.tools/`: Invoke, with the tasks of a project.

Its first argument is the project's folder, in which tasks.py is.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

# `./inv` blocked Ctrl-C before this Python started. Until there is something to clean up, it simply ends us: a Python
# that is importing would show a traceback.
before = signal.getsignal(signal.SIGINT)
if before is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

# A stream that was closed, as by `>&-`, is None, which no library expects.
sys.stdin, sys.stdout, sys.stderr = (
    stream or Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open until the process ends
    for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
)
root = Path(sys.argv.pop(1)).resolve()
sys.path[:0] = [str(root), str(Path(__file__).resolve().parent.parent)]  # -I leaves both out

from djk8s.cli import program  # noqa: E402

# By its path: the site may have an app of the same name.
spec = importlib.util.spec_from_file_location("tasks", root / "tasks.py")
if spec is None or spec.loader is None:
    sys.exit(f"{root / 'tasks.py'} cannot be read.")
tasks = sys.modules["tasks"] = importlib.util.module_from_spec(spec)

try:
    spec.loader.exec_module(tasks)
    signal.signal(signal.SIGINT, before)
    program.main(tasks.ns, root)
except KeyboardInterrupt:  # outside of Invoke
    sys.exit(130)
