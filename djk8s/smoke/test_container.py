"""What holds for any site in its image: what is in that, and how a container of it serves, confined, and stops."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anysite import Unfinished, check_other_host, check_pages, check_probes, check_start
from boxed import Box, docker, found_in
from checkout import Checkout
from nasty import NASTY, SETTING, among
from support import inv, wait_until

TAG = "smoke"
IMAGE = f"{os.environ['INVOKE_IMAGE']}:{TAG}"
# In files that must stay out of the image; a build happens in a copy of the project, where this may be written.
SECRET = secrets.token_hex(16)
STAYS_OUT = (".git/config", "data/db.sqlite3")
ENV_FILES = (".env", ".env.local", ".env.production")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Build the image from a copy of the project that has secrets in it."""
    checkout = Checkout(tmp_path_factory.mktemp("copy"), os.environ["INVOKE_IMAGE"])
    root = checkout.folder
    folders = [root, *(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())]
    folders += [path.parent for path in root.rglob("manage.py")]
    placed = [root / name for name in STAYS_OUT] + [folder / name for folder in folders for name in ENV_FILES]
    for path in {*placed, *(path for path in root.rglob(".env*") if path.is_file())}:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"\nSMOKE_SECRET={SECRET}\n")
    try:
        built = checkout.inv("build", "--tag", TAG)
        assert built.returncode == 0, built.stderr
        yield checkout
    finally:
        checkout.inv("clean", "--volumes")


@pytest.fixture(scope="module")
def box(copy: Checkout) -> Iterator[Box]:
    """Run the site with every nasty value in its environment file."""
    written = inv("env", *SETTING)
    assert written.returncode == 0, written.stderr
    try:
        yield Box.run(TAG)
    finally:
        inv("stop")
        inv("down", "--volumes")


def test_start_logs_no_error(box: Box) -> None:
    check_start(box.log_of_its_start)


def test_pages_answer_and_their_styles_load(box: Box) -> None:
    check_pages(box.url, box.log)


def test_probes_answer_whatever_host_asks(box: Box) -> None:
    check_probes(box.url)
    wait_until(lambda: box.inspect("{{.State.Health.Status}}") == "healthy", 20)


def test_other_host_is_no_error_of_the_server(box: Box) -> None:
    check_other_host(box.url, box.log)


def test_no_process_is_root(box: Box) -> None:
    assert "0" not in box.users()
    user = docker("inspect", "--format", "{{.Config.User}}", IMAGE)
    assert user.partition(":")[0].isdecimal(), "The user is not a number, which a cluster could check."


def test_gunicorn_is_process_1(box: Box) -> None:
    assert "/gunicorn" in " ".join(box.inside("cat", "/proc/1/cmdline").split("\0")[:2])


def test_only_the_data_folder_and_tmp_can_be_written(box: Box) -> None:
    folders = ("/", "/app", "/opt/venv", "/var/tmp", "/home", "/app/data", "/tmp")
    tries = "for folder in $0 $@; do touch $folder/.written && rm $folder/.written && echo $folder; done 2>/dev/null; :"
    assert box.inside("bash", "-c", tries, *folders).split() == ["/app/data", "/tmp"]


def test_image_lets_the_site_write_to_its_data_folder_alone(copy: Checkout) -> None:
    def found(*words: str) -> list[str]:
        return docker("run", "--rm", IMAGE, "find", *words).splitlines()

    assert (
        found("/app", "/opt", "-path", "/app/data", "-prune", "-o", "-writable", "-not", "-type", "l", "-print") == []
    )
    assert found("/app/data", "-maxdepth", "0", "-writable") == ["/app/data"]
    # A new volume is a copy of what the image has there; the site must be able to write to what the build made.
    made = [path for path in found("/app/data", "-not", "-writable") if not (copy.folder / path[5:]).exists()]
    assert made == []


def test_environment_file_reaches_the_server_byte_for_byte(box: Box) -> None:
    assert among(box.environment()) == NASTY


def test_no_environment_file_and_no_secret_is_in_a_layer(copy: Checkout, box: Box) -> None:
    # That a file of the project is found shows that a secret would be.
    known = (copy.folder / "serving" / "health.py").read_bytes()
    key = next(pair[11:] for pair in box.environment().split(b"\0") if pair.startswith(b"SECRET_KEY="))
    assert len(key) >= 50, "inv env has to write a fresh SECRET_KEY."
    assert found_in(IMAGE, {known, SECRET.encode(), key}) == {known}


def test_stop_answers_the_request_in_flight_and_the_site_starts_again(box: Box) -> None:
    request = Unfinished(box.port)
    time.sleep(1)  # by now the server waits for its end
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(box.stop)
        time.sleep(1)
        assert request.finish()
        assert stopping.result() == "0"
    box.start_again()
    check_pages(box.url, box.log)
