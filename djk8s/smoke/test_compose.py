"""What holds for any site with Compose: it comes up, alone and with the files of compose/, keeps its data, and ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anysite import NEEDS, Unfinished, check_other_host, check_pages, check_probes, check_start
from boxed import Box, docker
from nasty import NASTY, SETTING, among
from support import ROOT, get, inv

PORT = int(os.environ["INVOKE_UP_PORT"])
URL = f"http://localhost:{PORT}"
# swarm.yaml is for `inv deploy` alone.
OVERLAYS = sorted(path.stem for path in (ROOT / "compose").glob("*.yaml") if path.stem != "swarm")
# https is in front, as proxy; backup wants a place, mail and watch a package; dev is tried alone.
TOGETHER = [name for name in OVERLAYS if name not in {"backup", "debug", "dev", "https", "mail", "watch"}]


def up(*words: str) -> Box:
    """Bring the project up with what it needs, and fail with what was said where it does not come up."""
    started = inv("up", "--detach", *NEEDS, *words)
    assert started.returncode == 0, started.stderr
    return Box(PORT)


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """Bring the project up with every nasty value in its environment file."""
    written = inv("env", *SETTING)
    assert written.returncode == 0, written.stderr
    yield up()
    inv("down", "--volumes")


def test_start_logs_no_error(box: Box) -> None:
    check_start(box.log_of_its_start)


def test_pages_answer_and_their_styles_load(box: Box) -> None:
    check_pages(URL, box.log)


def test_probes_answer_whatever_host_asks(box: Box) -> None:
    check_probes(URL)


def test_other_host_is_no_error_of_the_server(box: Box) -> None:
    check_other_host(URL, box.log)


def test_no_process_is_root_and_the_file_system_is_read_only(box: Box) -> None:
    assert "0" not in box.users()
    assert box.inspect("{{.HostConfig.ReadonlyRootfs}}") == "true"


def test_environment_file_reaches_the_server_byte_for_byte(box: Box) -> None:
    assert among(box.environment()) == NASTY


def test_stop_answers_the_request_in_flight(box: Box) -> None:
    request = Unfinished(PORT)
    time.sleep(1)  # by now the server waits for its end
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(box.stop)
        time.sleep(1)
        assert request.finish()
        assert stopping.result() == "0"


def test_data_survives_down_and_up(box: Box) -> None:
    up("--no-build").inside("touch", "/app/data/kept")
    assert inv("down").returncode == 0
    with pytest.raises(OSError):
        get(URL)
    up("--no-build").inside("cat", "/app/data/kept")


@pytest.mark.skipif(not TOGETHER, reason="compose/ has no file")
def test_all_of_compose_together(box: Box) -> None:
    together = up("--no-build", *(word for name in TOGETHER for word in ("--with", name)))
    check_probes(URL)
    check_pages(URL, together.log)


@pytest.mark.skipif("dev" not in OVERLAYS, reason="there is no compose/dev.yaml")
def test_development_loop(box: Box) -> None:
    check_pages(URL, up("--no-build", "--with", "dev").log)


def test_down_with_volumes_leaves_nothing(box: Box) -> None:
    up("--no-build")
    assert all(of_compose())
    assert inv("down", "--volumes").returncode == 0
    assert not any(of_compose())


def of_compose() -> list[str]:
    """Return the containers, volumes and networks of the project."""
    scope = inv("--dry", "up").stdout.split("--project-name ")[1].split()[0]
    mine = ("ls", "--quiet", "--filter", f"label=com.docker.compose.project={scope}")
    return [docker(kind, *mine) for kind in ("container", "volume", "network")]
