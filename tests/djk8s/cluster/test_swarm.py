"""What Swarm says of its replicas."""

from dataclasses import replace
from pathlib import Path

import pytest

from djk8s.cluster.docker import KEPT
from djk8s.cluster.release import Release
from djk8s.cluster.swarm import Swarm
from djk8s.cluster.task import Task, is_hopeless, is_whole
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project

# Of three nodes, one has died a minute ago: `docker service ls` still counts what ran there.
SAID = {
    "service": "shop_web 4/3\nshop_proxy 3/2\nshop_static 2/2 (2/2 completed)",
    "stack": "\n".join(
        f"{number}\tshop_{name}\tshop:1\t{wanted}\t{state}\t"
        for number, (name, wanted, state) in enumerate(
            [
                ("web.1", "Running", "Running 9 minutes ago"),
                ("web.2", "Running", "Running 9 minutes ago"),
                ("web.3", "Running", "Starting 2 seconds ago"),
                ("web.3", "Shutdown", "Running 9 minutes ago"),
                ("proxy.1jr5", "Running", "Running 9 minutes ago"),
                ("proxy.uduc", "Running", "Running 9 minutes ago"),
                ("proxy.x7ab", "Shutdown", "Running 9 minutes ago"),
            ]
        )
    ),
}


@pytest.fixture
def target(project: Project) -> Swarm:
    return Swarm(replace(project, name="shop"), EnvFile(project))


def test_replicas_of_a_node_that_is_gone_are_not_counted(shell: pytest.MonkeyPatch, target: Swarm) -> None:
    shell.setattr(Swarm, "ask", lambda _, *words: SAID[words[0]])
    assert target.counted(target.tasks()) == {"web": "2/3", "proxy": "2/2", "static": "2/2 (2/2 completed)"}


def test_all_that_are_wanted_run_or_are_done() -> None:
    assert all(map(is_whole, ["3/3", "3/3 (max 1 per node)", "0/0", "0/1 (1/1 completed)"]))
    assert not any(map(is_whole, ["0/1", "1/2", "1/1 (0/1 completed)", "0/0 (0/0 completed)"]))


STUMBLED = ("Failed 2 seconds ago", '"starting container failed: failed to mount: device or resource busy"')
DIED = ("Failed 2 seconds ago", '"task: non-zero exit (1)"')
UNKNOWN = ("Rejected 2 seconds ago", '"No such image: shop:1"')


@pytest.mark.parametrize(
    ("failed", "hopeless"),
    [
        pytest.param([], False, id="none has failed"),
        pytest.param([STUMBLED], False, id="the engine stumbled"),
        pytest.param([STUMBLED, STUMBLED], True, id="the engine cannot start it"),
        pytest.param([DIED], True, id="the site ended"),
        pytest.param([UNKNOWN], True, id="no image"),
    ],
)
def test_first_deployment_is_given_up(failed: list[tuple[str, str]], hopeless: bool) -> None:
    tasks = [Task("1", "web", "shop:1", "Shutdown", state, error) for state, error in failed]
    assert is_hopeless(tasks) is hopeless


def test_only_what_no_release_has_is_forgotten(shell: pytest.MonkeyPatch, target: Swarm) -> None:
    releases = [
        Release("shop:1", f"v{day}", "ada@laptop", f"2026-11-{day}T12:00:00Z", record=f"shop-release-{day}")
        for day in range(10, 10 + KEPT + 1)
    ]
    configs = [*(one.record for one in releases), "shop-nginx-new", "shop-nginx-old"]
    said = {
        ("config", "inspect"): '{"name": "shop-settings-new"} {"name": "shop-nginx-new"}',
        ("config", "ls"): "\n".join(configs),
        ("secret", "ls"): "shop-settings-new\nshop-settings-old",
    }
    removed: list[tuple[str, ...]] = []

    def ask(_: Swarm, *words: str) -> str:
        if words[1] == "rm":
            removed.append(words)
        return said.get((words[0], words[1]), "")

    shell.setattr(Swarm, "records", lambda _: releases)
    shell.setattr(Swarm, "ask", ask)
    target.forget()
    assert removed == [
        ("config", "rm", "shop-release-10", "shop-nginx-old"),
        ("secret", "rm", "shop-settings-old"),
    ]
    removed.clear()
    said["config", "inspect"] = ""  # no answer
    target.forget()
    assert removed == []


def test_what_joined_only_another_release_is_removed(shell: pytest.MonkeyPatch, target: Swarm, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text('{"services": {"web": {}, "proxy": {}}}')
    ran: list[str] = []
    shell.setattr(Swarm, "folder", lambda _: tmp_path)
    shell.setattr(Swarm, "ask", lambda _, *words: "shop_web\nshop_proxy\nshop_worker\nshop_db")
    shell.setattr(Swarm, "run", lambda _, command: ran.append(" ".join(map(str, command.argv[1:]))))
    target.remove_left_over("site")
    assert ran == ["service rm shop_db shop_worker"]
