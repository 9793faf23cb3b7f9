"""Each made project is adopted without an edit by hand, keeps its own files, and serves its pages in a container."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

from adopt.adopted import Adopted
from adopt.shapes import SHAPES, git
from djk8s.facts import loads
from support import get, stylesheets, wait_until

EVERY = (".djk8s.toml", ".env", "inv", "tasks.py", "noxfile.py", "serving/overlay.py", "requirements-tools.txt")
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


@pytest.mark.parametrize("name", SHAPES)
def test_made_project_is_adopted_and_serves(name: str, tmp_path: Path, tools: Path) -> None:
    one = Adopted(name, tmp_path, tools)
    before = tracked(one.folder)
    said = one.adopt(*one.shape.flags)
    assert said.returncode == 0, said.stdout + said.stderr
    assert [file for file in (*EVERY, *one.shape.written) if not (one.folder / file).is_file()] == []
    assert changed(one.folder, before) <= {".gitignore"}
    facts = loads((one.folder / ".djk8s.toml").read_text(encoding="utf-8")).facts
    assert {fact: getattr(facts, fact) for fact in one.shape.facts} == one.shape.facts
    files = {path: path.read_bytes() for path in one.folder.glob("*") if path.is_file()}
    again = one.adopt(*one.shape.flags)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is adopted already" in (again.stdout + again.stderr).lower()
    assert {path: path.read_bytes() for path in one.folder.glob("*") if path.is_file()} == files
    with one.running():
        serves(one)


def tracked(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files that git knows, in a clean tree."""
    assert git(folder, "status", "--porcelain") == ""
    return {path: (folder / path).read_bytes() for path in git(folder, "ls-files", "-z").rstrip("\0").split("\0")}


def changed(folder: Path, before: dict[str, bytes]) -> set[str]:
    """Return the files that are not as they were, or not there."""
    return {
        path for path, text in before.items() if not (folder / path).is_file() or (folder / path).read_bytes() != text
    }


def serves(one: Adopted) -> None:
    """Check what every site has, and what this one has besides."""
    assert "Visit 1" in page(one, "/")
    assert "Visit 2" in page(one, "/")
    assert "csrfmiddlewaretoken" in page(one, "/admin/login/")
    missing = get(f"{one.url}/nowhere")
    assert missing.status == 404
    assert "DEBUG" not in missing.text  # Django's own page would show settings and code
    for wanted in one.shape.pages:
        assert wanted.text in page(one, wanted.path)
    if one.shape.websocket:
        echoes(one)
    if one.shape.upload:
        keeps_uploads(one)
    if one.shape.logged:
        wait_until(lambda: one.shape.logged in one.inv("logs"), 10)
    for file in one.shape.in_image:
        one.inv("shell", "--", "test", "-f", f"/app/{file}")
    for file in (".env", ".git"):
        one.inv("shell", "--", "test", "!", "-e", f"/app/{file}")


def page(one: Adopted, path: str) -> str:
    """Return a page, whose stylesheets all load."""
    answer = get(one.url + path)
    assert answer.status == 200, (path, one.inv("logs"))
    sheets = stylesheets(answer, one.url)
    assert {(sheet.status, bool(sheet.body)) for sheet in sheets} <= {(200, True)}
    assert sheets or "<link" not in answer.text
    return answer.text


def echoes(one: Adopted) -> None:
    with connect(f"ws://127.0.0.1:{one.port}{one.shape.websocket}", origin=one.url) as socket:  # type: ignore[arg-type]
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"


def keeps_uploads(one: Adopted) -> None:
    """Send a picture, and ask for it where the site says that it is."""
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="dot.gif"\r\n\r\n'
    form = urllib.request.Request(one.url + one.shape.upload, data=head + GIF + b"\r\n--edge--\r\n")
    form.add_header("Content-Type", "multipart/form-data; boundary=edge")
    with urllib.request.urlopen(form, timeout=10) as answer:
        where = answer.read().decode()
    assert get(one.url + where).body == GIF


@pytest.mark.parametrize("name", ["florist", "grower"])
def test_static_files_that_node_makes_follow_each_edit_while_developing(name: str, tmp_path: Path, tools: Path) -> None:
    one = Adopted(name, tmp_path, tools)
    said = one.adopt()
    assert said.returncode == 0, said.stdout + said.stderr
    before = git(one.folder, "status", "--porcelain")
    sheet = f"{one.developed}/static/bouquet.css"
    try:
        one.inv("up", "--with", "dev", "--detach")
        wait_until(lambda: ".iris { color: indigo; }" in get(sheet).text)
        (one.folder / "assets/colours.json").write_text('{ "iris": "violet" }')
        wait_until(lambda: ".iris { color: violet; }" in get(sheet).text)
        assert (one.folder / "assets/dist/bouquet.css").stat().st_uid == os.getuid()
        more = {*git(one.folder, "status", "--porcelain").splitlines()} - {*before.splitlines()}
        assert more <= {" M assets/colours.json", "?? .tools"}  # which is a link here
    finally:
        one.inv("clean", "--volumes")
