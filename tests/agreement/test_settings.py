"""The names of settings: `.env.example` against what the site, gunicorn and the box read."""

from __future__ import annotations

import re
from collections.abc import Callable

from djk8s.dotenv import check
from djk8s.dotenv import file as dotenv

Agree = Callable[[object, str], None]
Text = Callable[[str], str]


def test_every_reader_of_settings_is_known(agree: Agree, text: Text) -> None:
    readers = set(re.findall(r"^def (\w+)\(name: str", text("src/myproj/environment.py"), re.MULTILINE))
    agree(
        readers == check.READERS,
        f"src/myproj/environment.py has {sorted(readers)}, and djk8s/dotenv/check.py {sorted(check.READERS)}.",
    )


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
    values = dotenv.values(dotenv.parse(text(".env.example")), ".env.example")
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
    "serving/gunicorn.conf.py": r"'PORT'\) or (\d+)",
    ".env.example": r"^# PORT=(\d+)$",
    "Dockerfile": r"^EXPOSE (\d+)$",
}


def test_default_port_is_one(agree: Agree, text: Text) -> None:
    (ours,) = re.findall(r'^ +"port": "(\d+)",$', text("tasks.py"), re.MULTILINE)
    for file, pattern in PORTS.items():
        found = re.findall(pattern, text(file), re.MULTILINE)
        agree(found == [ours], f"{file} says the default port is {' and '.join(found)}, and tasks.py {ours}.")
    checked = re.findall(r"/dev/tcp/127\.0\.0\.1/\$\{PORT:-(\d+)\}", text("Dockerfile"))
    agree(
        checked == [ours], f"The health check of the Dockerfile asks port {checked[0]}, and tasks.py says {ours}."
    )
