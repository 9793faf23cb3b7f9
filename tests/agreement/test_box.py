"""The box: Dockerfile, entrypoint.sh and docker-compose.yaml against the tasks and the server."""

import re
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from djk8s import git
from djk8s.compose import database, stack
from djk8s.container import image, site
from djk8s.doctor.dotenv import is_ignored
from djk8s.dotenv import check
from djk8s.host import server
from djk8s.project import Project
from support import ROOT

COMPOSE = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
WEB: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]["web"]
SET = dict(word.split("=") for word in WEB["environment"])


def default(value: str) -> str:
    """Return what `${NAME:-default}` is if NAME is not set."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)


def test_compose_has_the_image_port_and_env_file_of_the_tasks(defaults: Project) -> None:
    assert default(WEB["image"]) == defaults.up_image
    assert list(map(default, WEB["ports"])) == [f"{defaults.up_ports['port']}:{SET['PORT']}"]
    assert [ROOT / default(file) for file in WEB["env_file"]] == [defaults.env_file]


def test_compose_has_the_defaults_so_inv_leaves_them_out(defaults: Project) -> None:
    assert stack.defaults(defaults).keys() >= {"UP_IMAGE", "UP_PORT", "UP_ENV_FILE"}
    assert stack.compose(defaults, "up").shown == {}


def test_compose_sets_the_variables_that_are_not_compared() -> None:
    assert set(SET) == check.SET_BY_COMPOSE


def test_both_builds_label_alike(defaults: Project) -> None:
    assert set(WEB["build"]["labels"]) >= {defaults.label.split("=")[0], git.REVISION}


def test_volumes_are_where_the_image_may_write() -> None:
    assert WEB["volumes"] == [f"data:{site.DATA}"]
    assert re.search(rf"install --directory --owner 10001 .* {site.DATA}\b", DOCKERFILE)


def test_server_stops_before_it_is_killed() -> None:
    gunicorn = (ROOT / "serving" / "gunicorn.conf.py").read_text(encoding="utf-8")
    (graceful,) = re.findall(r"^graceful_timeout = (\d+)$", gunicorn, re.MULTILINE)
    assert WEB["stop_grace_period"] == f"{site.STOP_TIMEOUT}s"
    assert int(graceful) < int(site.STOP_TIMEOUT) <= 10  # what `docker stop` waits


def test_both_containers_are_confined_alike() -> None:
    words = ["--read-only"] if WEB.get("read_only") else []
    words += [word for folder in WEB["tmpfs"] for word in ("--tmpfs", folder)]
    words += [word for dropped in WEB["cap_drop"] for word in ("--cap-drop", dropped)]
    words += [word for option in WEB["security_opt"] for word in ("--security-opt", option.removesuffix(":true"))]
    assert tuple(words) == site.CONFINED


def test_dockerfile_mounts_the_secrets_that_build_takes() -> None:
    assert set(re.findall(r"--mount=type=secret,id=([^,\s]+)", DOCKERFILE)) == set(image.SECRETS)


def test_entrypoint_is_a_script_that_becomes_the_server() -> None:
    script = ROOT / "entrypoint.sh"
    lines = script.read_bytes().decode().split("\n")  # so that \r stays
    assert lines[0].startswith("#!/")
    assert lines[-2:] == ['exec "$@"', ""]
    assert script.stat().st_mode & 0o111 == 0o111


def test_host_and_box_start_the_same_server(defaults: Project) -> None:
    _, _, program, _, config, *words = map(str, server.serve_command(defaults, 8000, {}).argv)
    entrypoint = (ROOT / "entrypoint.sh").read_text(encoding="utf-8")
    assert f" --config /app/{Path(config).relative_to(ROOT)}" in entrypoint
    (command,) = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r'"(.*?)"', command) == [program, *words]


def test_compose_fixes_no_container_name() -> None:
    """A fixed name survives another project name and collides."""
    assert "container_name" not in WEB


def test_nginx_is_of_a_stable_branch_that_is_still_mended() -> None:
    """Its branches with an even number get fixes only: https://nginx.org/en/download.html"""
    proxy = yaml.safe_load((ROOT / "compose/proxy.yaml").read_text(encoding="utf-8").replace("!reset", ""))
    name, _, tag = proxy["services"]["proxy"]["image"].partition(":")
    major, minor = map(int, tag.split(".")[:2])
    assert (name, minor % 2) == ("nginx", 0)
    assert (major, minor) >= (1, 30)


def test_backups_are_made_by_the_postgresql_of_the_database() -> None:
    images = re.findall(r"image: (postgres:\S+)", (ROOT / "compose/db.yaml").read_text(encoding="utf-8"))
    assert images == [images[0]] * len(images)
    assert f"FROM {images[0]}\n" in (ROOT / "compose/backup.yaml").read_text(encoding="utf-8")


def test_restores_empty_a_database_alike() -> None:
    script = (ROOT / "compose/backup.sh").read_text(encoding="utf-8")
    assert database.EMPTY[1] in " ".join(script.split())


def test_dockerfile_in_the_readme_is_the_dockerfile() -> None:
    """A README without one is fine too."""
    shown = re.findall(
        r"^```dockerfile\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert shown in ([], [DOCKERFILE])


@pytest.mark.parametrize(
    "name", [".env", ".env.production", "src/.env", "pip.conf", "company/pip.conf", "uv.toml", ".git"]
)
def test_file_with_a_password_stays_out_of_the_image(name: str) -> None:
    assert is_ignored(PurePath(name), (ROOT / ".dockerignore").read_text(encoding="utf-8"))


def test_advice_is_for_what_the_probe_says() -> None:
    says = (ROOT / "serving/health.py").read_text(encoding="utf-8")
    assert [word for word in site.MISSING if f'"503 {word}"' not in says] == []
    advised = [cause for cause in stack.CAUSES if cause.startswith("not ready: ")]
    assert len(advised) == len(site.MISSING)
    assert [cause for cause in advised if cause not in says] == []
