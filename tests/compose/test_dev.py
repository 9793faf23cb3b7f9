"""`inv up --with dev`: an edit is seen at once, and so are other packages."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkout import Checkout
from debugger import Session
from stack import shows
from support import free_port, get, run, wait_until


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout of its own to edit, up with its source mounted, as somebody who is not root."""
    checkout = Checkout(tmp_path_factory.mktemp("edited"), f"djk8s-edited-{secrets.token_hex(3)}")
    run("chown", "-R", str(SOMEBODY), str(checkout.folder / "src"))
    try:
        line = checkout.inv("--dry", "up", "--with", "dev", "--detach").stdout
        assert f"UP_USER={os.getuid()}:0 " in line
        checkout.inv("env")
        words = [word.replace(f"UP_USER={os.getuid()}", f"UP_USER={SOMEBODY}") for word in shlex.split(line)]
        started = subprocess.run(["env", *words], cwd=checkout.folder, capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stderr
        yield checkout
    finally:
        checkout.inv("clean", "--volumes")


SOMEBODY = 12345


def test_edit_is_seen_without_a_rebuild(edited: Checkout) -> None:
    site, page = f"http://localhost:{edited.up_port}", edited.folder / "src/myproj/views.py"
    assert "in a container, with Compose" in get(site).text
    page.write_text(page.read_text().replace("in a container, with Compose", "as it was just edited"))
    wait_until(lambda: shows(site, "as it was just edited"), 20)
    assert "You’re seeing this error because you have <code>DEBUG = True</code>" in get(f"{site}/none").text


def test_new_files_in_the_checkout_belong_to_who_runs_it(edited: Checkout) -> None:
    made = edited.inv("manage", "--place", "compose", "--", "startapp", "made")
    assert made.returncode == 0, made.stderr
    assert {path.stat().st_uid for path in (edited.folder / "src").rglob("*")} == {SOMEBODY}


@pytest.fixture(scope="module")
def attached(edited: Checkout) -> Iterator[Checkout]:
    """The same checkout, up at somebody's terminal."""
    edited.inv("down")
    edited.environment["INVOKE_UP_DEBUG_PORT"] = str(free_port())
    words = [sys.executable, "inv", "up", "--with", "dev", "--with", "debug"]
    with (edited.folder / "said").open("w") as said:
        process = subprocess.Popen(words, cwd=edited.folder, env=edited.environment, stdout=said, stderr=said)
    wait_until(lambda: shows(f"http://localhost:{edited.up_port}", "as it was just edited"))
    yield edited
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def test_editor_stops_the_site_at_a_line_also_after_an_edit(attached: Checkout) -> None:
    port, page = int(attached.environment["INVOKE_UP_DEBUG_PORT"]), attached.folder / "src/myproj/views.py"
    site = f"http://localhost:{attached.up_port}"
    assert f"A debugger at localhost:{port}" in (attached.folder / "said").read_text()
    editor = Session(port, attached.folder)
    editor.ask("configurationDone")
    for _ in range(2):
        server = editor.child()
        line = next(number for number, text in enumerate(page.read_text().splitlines(), 1) if "return render(" in text)
        server.stop_at(page, line)
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(wait_until, lambda: shows(site, "as it was just edited"))
            frame = server.stopped()
            assert (frame["source"]["path"], frame["line"]) == (str(page), line)
            assert server.value(frame, "request.path") == "'/'"
            server.ask("continue", threadId=frame["thread"])
            answer.result()
        page.write_text("# edited\n" + page.read_text())  # the server starts again, in another process
    editor.close()


def test_site_is_back_once_a_mistake_in_its_settings_is_mended(attached: Checkout) -> None:
    site, settings = f"http://localhost:{attached.up_port}", attached.folder / "src/myproj/settings.py"
    whole = settings.read_text()
    settings.write_text(f"{whole}\nBROKEN = (\n")
    wait_until(lambda: "SyntaxError: '(' was never closed" in (attached.folder / "said").read_text(), 20)
    time.sleep(1)  # for the server to end
    settings.write_text(whole)
    wait_until(lambda: shows(site, "as it was just edited"), 30)


def test_other_package_is_there_without_a_word(attached: Checkout) -> None:
    imports = ("docker", "exec", f"{attached.scope()}-web-1", "python", "-c", "import toolz")
    assert "No module named 'toolz'" in run(*imports).stderr
    with (attached.folder / "requirements.in").open("a") as packages:
        packages.write("toolz\n")
    locked = attached.inv("lock")
    assert locked.returncode == 0, locked.stderr
    wait_until(lambda: run(*imports).returncode == 0, 120)
    wait_until(lambda: shows(f"http://localhost:{attached.up_port}", "as it was just edited"))
