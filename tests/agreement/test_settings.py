"""The names of settings: `.env.example` against what the site, gunicorn and the box read."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from steps import envfile
from support import ROOT

Agree = Callable[[object, str], None]
Text = Callable[[str], str]

READERS = {"text", "flag", "choice", "words", "port", "origins", "database"}
# The Dockerfile and the Compose file say where they are; the other is Django's own and never changes.
NOT_FOR_PEOPLE = {"PLACE", "DJANGO_SETTINGS_MODULE"}
GUNICORNS_OWN = {"GUNICORN_CMD_ARGS"}


def names_read() -> dict[str, str]:
    """Return each variable that a file of the site reads, with that file."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = name_read(node)
            if name:
                found.setdefault(name, str(path.relative_to(ROOT)))
    return {name: file for name, file in found.items() if name not in NOT_FOR_PEOPLE}


def name_read(node: ast.AST) -> str | None:
    """Return the variable that an expression reads: `environment.flag("DEBUG")`, `os.environ["DEBUG"]`."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        return constant(node.slice)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return None
    of, reader = ast.unparse(node.func.value), node.func.attr
    if (of == "environment" and reader in READERS) or (of == "os.environ" and reader == "get"):
        return constant(node.args[0])
    return constant(node.args[0]) if (of, reader) == ("os", "getenv") else None


def constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_setting_that_is_read_is_explained(agree: Agree) -> None:
    read = names_read()
    assert {"SECRET_KEY", "WEB_CONCURRENCY", "DATABASE_URL"} <= set(read)
    for name, file in read.items():
        agree(name in envfile.example_names(), f"{file} reads {name}, which .env.example does not explain.")


def test_every_setting_that_is_explained_is_read(agree: Agree) -> None:
    unread = sorted(set(envfile.example_names()) - set(names_read()) - GUNICORNS_OWN)
    agree(not unread, f".env.example explains {', '.join(unread)}, which no file in src/ reads.")


def test_every_setting_has_its_reason_above(agree: Agree, text: Text) -> None:
    lines = text(".env.example").splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(# )?[A-Z_]+=", line):
            reason = lines[number - 1]
            agree(
                re.match(r"# .*[a-z].*", reason) and "=" not in reason.split()[1],
                f".env.example gives no reason above {line!r}, a setting that src/ reads.",
            )


def test_example_is_read_as_it_stands(agree: Agree, text: Text) -> None:
    values = envfile.parse(text(".env.example"), ".env.example")
    agree(
        values == {"SECRET_KEY": "", "DEBUG": "0", "HTTPS": "0"},
        f".env.example sets {values}, and not the defaults of src/myproj/settings.py: DEBUG and HTTPS off, no key.",
    )


def test_place_is_said_by_the_box(agree: Agree, text: Text) -> None:
    places = set(re.findall(r'choice\("PLACE", \((.*?)\)\)', text("src/myproj/settings.py")))
    assert places == {'"host", "container", "compose"'}
    agree(
        re.search(r"^ENV .*\bPLACE=container\b", text("Dockerfile"), re.MULTILINE),
        "Dockerfile does not set PLACE=container, one of the places of src/myproj/settings.py.",
    )
    agree(
        "PLACE=compose" in text("docker-compose.yaml"),
        "docker-compose.yaml does not set PLACE=compose, one of the places of src/myproj/settings.py.",
    )


PORTS = {
    "tasks.py": r'^ +"port": "(\d+)",$',
    "src/myproj/settings.py": r'environment\.port\("PORT", (\d+)\)',
    ".env.example": r"^# PORT=(\d+)$",
    "entrypoint.sh": r"PORT:-(\d+)\}",
    "Dockerfile": r"^EXPOSE (\d+)$",
    "README.md": r"venv, install, \.env, database, gunicorn → http://localhost:(\d+)",
}


def test_default_port_is_one(agree: Agree, text: Text) -> None:
    for file, pattern in PORTS.items():
        found = re.findall(pattern, text(file), re.MULTILINE)
        agree(found == ["8000"], f"{file} says the default port is {found}, and tasks.py 8000.")
    checked = re.findall(r"/dev/tcp/127\.0\.0\.1/\$\{PORT:-(\d+)\}", text("Dockerfile"))
    agree(checked == ["8000"], f"The health check of the Dockerfile asks port {checked}, and entrypoint.sh sets 8000.")
