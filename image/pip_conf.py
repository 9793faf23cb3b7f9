"""Say a pip configuration in uv's words: `eval "$(python3 pip_conf.py FILE)"`.

A company gives the build its pip.conf; uv, which installs the packages, does not read one. What decides where packages
come from is passed on; anything else is named on standard error, so that nobody looks for its effect.
https://pip.pypa.io/en/stable/topics/configuration/, https://docs.astral.sh/uv/reference/environment/
"""

from __future__ import annotations

import shlex
import sys
from configparser import ConfigParser, Error
from pathlib import Path

# pip's option: uv's variable, and what stands between several values.
SPOKEN = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "retries": ("UV_HTTP_RETRIES", " "),
    "proxy": ("ALL_PROXY", " "),
}


def main() -> None:
    """Print the lines for the file that the command line names; none where there is no such file."""
    path = Path(sys.argv[1])
    if not path.is_file():
        return
    try:
        options = read(path.read_text(encoding="utf-8"))
    except (Error, UnicodeDecodeError) as error:
        sys.exit(f"pip.conf cannot be read: {str(error).splitlines()[0]}")
    for name in sorted(options.keys() - SPOKEN.keys()):
        print(f"pip.conf: {name} is not passed on to uv, which installs the packages.", file=sys.stderr)
    print("\n".join(exports(options)))


def read(text: str) -> dict[str, str]:
    """Return the options of `[global]`, and of `[install]`, which win; as pip does, `_` in a name is `-`.

    Raises `configparser.Error` when the text is not in pip's format.
    """
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    sections = [parser[name] for name in ("global", "install") if name in parser]
    return {name.replace("_", "-"): value for section in sections for name, value in section.items()}


def exports(options: dict[str, str]) -> list[str]:
    """Return a line of shell for each option that uv has a word for."""
    lines = []
    for option, (variable, between) in SPOKEN.items():
        if values := options.get(option, "").split():
            lines.append(f"export {variable}={shlex.quote(between.join(values))}")
    return lines


if __name__ == "__main__":
    main()
