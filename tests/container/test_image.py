"""The image: what is in it, and what it does before and beside the server. djk8s/smoke has what holds for any site."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

import pytest

from boxed import docker, found_in
from container import stranger
from container.boxes import CONFINED, IMAGE, box
from support import ROOT, get, inv, one_sentence, run


def test_inv_run_and_compose_confine_it_so() -> None:
    assert " ".join(CONFINED) in inv("--dry", "run", "--port", "8000").stdout
    service = (ROOT / "docker-compose.yaml").read_text()
    for line in ("read_only: true", "- /tmp", "- ALL", "- no-new-privileges:true"):
        assert line in service


def test_any_user_of_group_0_and_a_fresh_volume_serve() -> None:
    with box(IMAGE, "--user", "12345:0") as one:
        assert get(one.ready().url).status == 200


def test_data_folder_is_of_its_owner_and_group_alone() -> None:
    assert docker("run", "--rm", IMAGE, "stat", "--format", "%a %u %g", "/app/data") == "770 10001 0"


def test_no_secret_is_in_a_layer(shop: str) -> None:
    # That a file of the shop is found shows that its secrets would be.
    known = (stranger.SHOP / "src" / "shop" / "storage.py").read_bytes()
    assert found_in(shop, {known, stranger.SECRET.encode()}) == {known}
    assert "SECRET" not in docker("inspect", "--format", "{{json .Config.Env}}", shop)


# Each package brings a list of its files with their digests, RECORD:
# https://packaging.python.org/en/latest/specifications/recording-installed-packages/
CHANGED_FILES = """
import base64, csv, hashlib
from importlib.metadata import distributions

for package in distributions():
    for name, recorded, _ in csv.reader(package.read_text("RECORD").splitlines()):
        path = package.locate_file(name)
        digest = path.exists() and base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        if not digest or recorded and recorded != "sha256=" + digest.rstrip("="):
            print(name)
"""


def test_packages_are_whole_but_for_sources_of_translations() -> None:
    changed = docker("run", "--rm", IMAGE, "python", "-c", CHANGED_FILES).splitlines()
    assert {Path(name).suffix for name in changed} == {".po"}
    found = docker("run", "--rm", IMAGE, "find", "/opt/venv", "-name", "py.typed", "-o", "-name", "*.pyi")
    assert len(found.splitlines()) > 5


def test_next_to_nothing_is_compiled_at_a_start(shop: str, options: tuple[str, ...]) -> None:
    with box(shop, *options, "--user", "12345:0", "--env", "PYTHONVERBOSE=1") as one:
        assert get(one.ready().url).status == 200
        imported = re.findall("^# code object from (.*)$", one.log(), re.MULTILINE)
    compiled = [path for path in imported if not path.startswith("'")]  # Python quotes the path of bytecode
    assert len(imported) > 500
    assert len(compiled) < len(imported) / 100, compiled


def test_any_other_command_passes_through() -> None:
    assert docker("run", "--rm", IMAGE, "echo", "hi  there") == "hi  there"
    assert docker("run", "--rm", IMAGE, "/bin/bash", "-c", "echo $0 $PWD") == "/bin/bash /app/src"
    assert docker("run", "--rm", IMAGE, "gunicorn", "--version").startswith("gunicorn")


def test_key_is_read_from_a_mounted_file(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(secrets.token_urlsafe(50) + "\n")
    mounted = ("--volume", f"{key}:/run/secrets/key:ro", "--env", "SECRET_KEY=")
    with box(IMAGE, *mounted, "--env", "SECRET_KEY_FILE=/run/secrets/key") as one:
        assert get(one.ready().url).status == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ["SECRET_KEY is missing", "inv env", "--env SECRET_KEY="]),
        (("--env", "SECRET_KEY_FILE=/run/secrets/none"), ["/run/secrets/none"]),
        (("--env", "SECRET_KEY=k", "--env", "SERVER=fast"), ["SERVER is 'fast': write threads or asgi."]),
        (("--env", "SECRET_KEY=k", "--env", "WEB_CONCURRENCY=many"), ["WEB_CONCURRENCY is 'many'"]),
    ],
    ids=["no key", "no file of a key", "no such server", "no number of workers"],
)
def test_mistake_is_one_sentence(options: tuple[str, ...], words: list[str]) -> None:
    refused = run("docker", "run", "--rm", *options, IMAGE)
    assert refused.returncode == 1
    sentence = one_sentence("".join(line for line in both(refused) if "[INFO]" not in line))
    assert [word for word in words if word not in sentence] == []


def both(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of both outputs."""
    return (done.stdout + done.stderr).splitlines(keepends=True)
