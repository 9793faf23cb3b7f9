"""The project up with Compose, as tests ask it: its address, its containers, and somebody who posts a note."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

from support import get, inv, run, wait_until

URL = f"http://localhost:{os.environ['INVOKE_UP_PORT']}"
BOARD = f"{URL}/board/"


def up(*words: str, **environment: str) -> None:
    """Bring the project up, and fail with what was said where it does not come up."""
    started = inv("up", "--detach", *words, **environment)
    assert started.returncode == 0, started.stderr


def scope() -> str:
    """Return the project's name on the engine."""
    return inv("--dry", "up").stdout.split("--project-name ")[1].split()[0]


def containers(service: str) -> list[str]:
    """Return the ids of all containers of a service, ended ones too."""
    mine = ("--filter", f"label=com.docker.compose.project={scope()}")
    return docker("ps", "--all", "--quiet", *mine, "--filter", f"label=com.docker.compose.service={service}").split()


def docker(*words: str) -> str:
    """Return what the engine says, and fail where it fails."""
    done = run("docker", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(image: str, dockerfile: str) -> None:
    """Build an image of a Dockerfile's text alone."""
    done = subprocess.run(
        ["docker", "build", "--quiet", "--tag", image, "-"],
        input=dockerfile,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def have(image: str, stand_in: str) -> None:
    """See that an image is here: the real one, or where no registry answers, what stands in for it."""
    if run("docker", "image", "inspect", image).returncode and run("docker", "pull", "--quiet", image).returncode:
        build(image, stand_in)


def state(container: str, of: str) -> str:
    """Return a part of a container's state, as `Running` or `Health.Status`."""
    return docker("inspect", "--format", f"{{{{.State.{of}}}}}", container)


def python(code: str) -> str:
    """Run a line of Python in the site that is up, with its models, and return what it printed."""
    done = inv("manage", "--place", "compose", "--", "shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def post(text: str) -> None:
    """Post a note as a browser does."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.open(BOARD).read().decode())
    assert found
    form = urllib.parse.urlencode({"text": text, "csrfmiddlewaretoken": found[1]}).encode()
    answer = browser.open(urllib.request.Request(BOARD, form, {"Origin": URL}))
    assert (answer.status, answer.url) == (200, BOARD)


def statuses(text: str) -> list[str]:
    """Return what the board says of each note with a text."""
    return re.findall(rf">{re.escape(text)}</p>.*?role=\"status\".*?>(.*?)<", get(BOARD).text, re.DOTALL)


def shows(site: str, words: str) -> bool:
    """Return whether a site that may be restarting shows these words; Django's own server has no /readyz."""
    try:
        return words in get(site).text
    except OSError:
        return False


def wait_for_count(text: str, seconds: float = 60) -> None:
    """Wait until a note's words are counted."""
    wait_until(lambda: [status for status in statuses(text) if "to read" in status], seconds)


def composed(*overlays: str) -> dict[str, dict[str, object]]:
    """Return the services that plain `docker compose` makes of the files of these overlays."""
    files = [word for name in overlays for word in ("--file", f"compose/{name}.yaml")]
    config = run(
        "docker", "compose", "--file", "docker-compose.yaml", *files, "config", "--format", "json",
        PGPASSWORD="a-password", DOMAIN="localhost", METRICS_TOKEN="a-token", UP_ENV_FILE=os.environ["INVOKE_ENV_FILE"],
    )  # fmt: skip
    assert config.returncode == 0, config.stderr
    services: dict[str, dict[str, object]] = json.loads(config.stdout)["services"]
    return {name: service for name, service in services.items() if service.get("scale") != 0}
