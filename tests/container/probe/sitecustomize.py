"""Say of every file that is compiled at run time that it was; Python runs this at each start that can import it."""

import sys


def notice(event: str, arguments: tuple[object, ...]) -> None:
    # A command of the environment is three lines that Python always compiles; /probe is the tests' own.
    if event == "compile" and str(arguments[1]).startswith("/") and not str(arguments[1]).startswith(OURS):
        print("COMPILED", arguments[1], file=sys.stderr, flush=True)


OURS = ("/probe", "/opt/venv/bin/")


sys.addaudithook(notice)
