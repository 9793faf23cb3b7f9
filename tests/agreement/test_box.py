"""The box: Dockerfile, entrypoint.sh, .dockerignore and docker-compose.yaml against the tasks and the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from djk8s import git
from djk8s.compose import stack
from djk8s.container import image, site
from djk8s.dotenv import check
from djk8s.host import server
from djk8s.project import Project
from support import ROOT

Agree = Callable[[object, str], None]
Text = Callable[[str], str]


@pytest.fixture
def web(text: Text) -> dict[str, Any]:
    """The one service of the Compose file."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(text("docker-compose.yaml"))["services"]
    assert list(services) == ["web"]
    return services["web"]


def default(value: str) -> str:
    """Return what `${NAME:-default}` is where NAME is not set."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)


def test_compose_image_is_the_tasks(agree: Agree, web: dict[str, Any], defaults: Project) -> None:
    named = default(web["image"])
    agree(named == defaults.up_image, f"docker-compose.yaml names {named}, and tasks.py {defaults.up_image}.")


def test_compose_port_is_the_tasks(agree: Agree, web: dict[str, Any], defaults: Project) -> None:
    (published,) = web["ports"]
    inside = dict(word.split("=") for word in web["environment"])["PORT"]
    said = default(published)
    agree(
        said == f"{defaults.up_port}:{inside}",
        f"docker-compose.yaml publishes {said} with PORT={inside}, and tasks.py says port {defaults.up_port}.",
    )


def test_compose_env_file_is_the_tasks(agree: Agree, web: dict[str, Any], defaults: Project) -> None:
    (file,) = map(default, web["env_file"])
    agree(
        ROOT / file == defaults.env_file, f"docker-compose.yaml reads {file}, and tasks.py writes {defaults.env_file}."
    )


def test_what_inv_leaves_to_the_compose_file_is_there(agree: Agree, text: Text) -> None:
    """`inv up` names a variable only where it differs from what the file says."""
    said = dict(re.findall(r"\$\{(UP_\w+):-(.*?)\}", text("docker-compose.yaml")))
    agree(
        stack.DEFAULTS.items() <= said.items(),
        f"docker-compose.yaml has the defaults {said}, and djk8s/compose/stack.py {stack.DEFAULTS}.",
    )


def test_what_the_compose_file_sets_itself_is_not_compared(agree: Agree, web: dict[str, Any]) -> None:
    names = {word.split("=")[0] for word in web["environment"]}
    agree(
        names == check.SET_BY_COMPOSE,
        f"docker-compose.yaml sets {sorted(names)}, djk8s/dotenv/check.py skips {sorted(check.SET_BY_COMPOSE)}.",
    )


def test_both_builds_label_alike(agree: Agree, web: dict[str, Any], defaults: Project) -> None:
    ours = {defaults.label.split("=")[0], git.REVISION}
    labels = set(web["build"]["labels"])
    agree(labels >= ours, f"docker-compose.yaml labels with {sorted(labels)}, and djk8s with {sorted(ours)}.")


def test_volumes_are_where_the_image_may_write(agree: Agree, text: Text, web: dict[str, Any]) -> None:
    (volume,) = web["volumes"]
    agree(
        volume == f"data:{site.DATA}",
        f"docker-compose.yaml mounts {volume}, and djk8s/container/site.py keeps the database in {site.DATA}.",
    )
    agree(
        re.search(rf"install --directory --owner 10001 .* {site.DATA}\b", text("Dockerfile")),
        f"Dockerfile makes no {site.DATA} that its user may write, and djk8s/container/site.py mounts a volume there.",
    )


def test_server_has_time_to_stop(agree: Agree, text: Text, web: dict[str, Any]) -> None:
    found = re.search(r"^graceful_timeout = (\d+)$", text("serving/gunicorn.conf.py"), re.MULTILINE)
    assert found
    grace = re.fullmatch(r"(\d+)s", web["stop_grace_period"])
    assert grace
    agree(
        int(found[1]) < int(grace[1]) <= 10,
        f"serving/gunicorn.conf.py gives requests {found[1]} s to end, and docker-compose.yaml kills after {grace[0]}: "
        "the first must be less, and the second at most the 10 s of `docker stop`.",
    )


def test_both_containers_have_the_same_time_to_stop(agree: Agree, web: dict[str, Any]) -> None:
    grace, timeout = web["stop_grace_period"], f"{site.STOP_TIMEOUT}s"
    agree(grace == timeout, f"docker-compose.yaml waits {grace} for a stop, and djk8s/container/site.py {timeout}.")


def test_both_containers_are_confined_alike(agree: Agree, web: dict[str, Any]) -> None:
    words = ["--read-only"] if web.get("read_only") else []
    words += [word for folder in web["tmpfs"] for word in ("--tmpfs", folder)]
    words += [word for dropped in web["cap_drop"] for word in ("--cap-drop", dropped)]
    words += [word for option in web["security_opt"] for word in ("--security-opt", option.removesuffix(":true"))]
    agree(
        tuple(words) == site.CONFINED,
        f"docker-compose.yaml confines by {' '.join(words)}, and djk8s/container/site.py by {' '.join(site.CONFINED)}.",
    )


def test_secrets_of_a_build_are_those_that_are_asked_for(agree: Agree, text: Text) -> None:
    asked = sorted(set(re.findall(r"--mount=type=secret,id=([^,\s]+)", text("Dockerfile"))))
    agree(
        asked == sorted(image.SECRETS),
        f"Dockerfile mounts the secrets {asked}, and djk8s/container/image.py takes {image.SECRETS}.",
    )


def test_entrypoint_becomes_the_server(agree: Agree, text: Text) -> None:
    script = (ROOT / "entrypoint.sh").read_bytes()
    lines = script.decode().splitlines()
    agree(
        b"\r" not in script, "entrypoint.sh has CRLF line ends, with which the Dockerfile's ENTRYPOINT does not start."
    )
    agree(lines[0].startswith("#!/"), "entrypoint.sh does not begin with #!, and the Dockerfile's ENTRYPOINT calls it.")
    agree(lines[-1] == 'exec "$@"', 'entrypoint.sh does not end in exec "$@", so the Dockerfile\'s CMD is not PID 1.')
    agree(
        (ROOT / "entrypoint.sh").stat().st_mode & 0o111 == 0o111,
        "entrypoint.sh may not be run, as the Dockerfile does.",
    )


def test_host_and_box_start_the_same_server(agree: Agree, text: Text, defaults: Project) -> None:
    _, _, program, _, config, *words = map(str, server.serve_command(defaults, 8000, {}).argv)
    agree(
        f" --config /app/{Path(config).relative_to(ROOT)}" in text("entrypoint.sh"),
        f"entrypoint.sh does not start gunicorn with {config}, as djk8s/host/server.py does.",
    )
    said = re.findall(r"^CMD \[(.*)\]$", text("Dockerfile"), re.MULTILINE)
    command = re.findall(r'"(.*?)"', said[0])
    agree(
        command == [program, *words],
        f"Dockerfile starts {' '.join(command)}, and djk8s/host/server.py {' '.join([program, *words])}.",
    )


def test_compose_file_fixes_no_name(agree: Agree, text: Text, web: dict[str, Any]) -> None:
    """A fixed name survives another project name and collides; `version` is what Compose calls obsolete."""
    agree(
        "container_name" not in web,
        "docker-compose.yaml fixes a container's name, and tasks.py names each project apart.",
    )
    top = set(yaml.safe_load(text("docker-compose.yaml")))
    agree(
        top == {"services", "volumes"},
        f"docker-compose.yaml has {', '.join(sorted(top))}, and tasks.py names the project.",
    )
