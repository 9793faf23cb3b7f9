"""`inv --dry` prints exactly the commands of a task, and does nothing else."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

import tasks
from djk8s import git
from djk8s.compose import database
from support import ROOT

Inv = Callable[..., subprocess.CompletedProcess[str]]
Calls = Callable[..., list[dict[str, Any]]]
Noting = Callable[..., tuple[Path, Calls]]

CONFIG = "--config ../serving/gunicorn.conf.py"
MAKE = (
    "PYTHON -m venv --clear --without-pip VENV",
    ".tools/bin/uv pip install --python VENV/bin/python --require-hashes -r requirements-pip.txt",
)
SYNC = ".tools/bin/uv pip sync --python VENV/bin/python --require-hashes requirements-pip.txt requirements.txt"
INSTALL = (*MAKE, SYNC)
COLLECT = "(cd src && DEBUG=0 VENV/bin/python manage.py collectstatic --no-input)"
LABELS = "--label org.opencontainers.image.revision=REVISION --label djk8s.project=SCOPE"
BUILD = f"docker build --tag djk8s:latest {LABELS} ."
NEW = (
    "docker run --pull never --label djk8s.project=SCOPE "
    "--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --volume SCOPE-run:/app/data"
)
NAMES = "--env DEBUG --env HTTPS --env SECRET_KEY"
ONCE = f"{NEW} --rm --interactive {NAMES} djk8s:latest"
UP = "UP_ENV_FILE=ENVFILE docker compose --project-name SCOPE up"
UP_BUILD = UP.replace(" docker", " UP_REVISION=REVISION UP_RESTART=no docker")
UP_ALL = f"{UP_BUILD} --build --remove-orphans"
UP_DETACHED = UP_ALL.replace("UP_RESTART=no ", "")
JOINED = "--file docker-compose.yaml --file compose/dev.yaml --file compose/worker.yaml"
COMPILE = (
    ".tools/bin/uv pip compile --quiet --universal --fork-strategy=fewest --generate-hashes --no-annotate "
    "--python TOOLS --python-version=3.10 '--custom-compile-command=inv lock'"
)
IN_DATABASE = "docker exec CONTAINER"
PLAIN = "--no-owner --no-privileges"
TO_IT = "--username site --dbname site"
ALL_OR_NOTHING = (
    "--quiet --output /dev/null --single-transaction --set ON_ERROR_STOP=1 "
    "--command 'SET lock_timeout = 10000; SET client_min_messages = error' "
    f"--command {shlex.quote(database.EMPTY[1])}"
)
EXEC = "docker exec --interactive"
BUCKET = "UP_BACKUP_TO=s3:https://s3.amazonaws.com/shop"
SETTINGS = "UP_IMAGE=site UP_PORT=8080 UP_REPLICAS=3 UP_READY_WITHIN=60 UP_ENV_FILE=ENVFILE"
BACKUP = (
    f"UP_ENV_FILE=ENVFILE UP_BACKUP_NAME=djk8s {BUCKET} docker compose "
    "--project-name SCOPE --file docker-compose.yaml --file compose/backup.yaml --progress quiet "
    "run --rm --no-deps --build"
)
COMPOSES = "label=com.docker.compose.project=SCOPE"
ALL = "docker ps --all --format '{{.Names}}' --filter"
CONTAINERS = f"$({ALL} label=djk8s.project=SCOPE) $({ALL} {COMPOSES})"
DOWN = "(cd / && docker compose --project-name SCOPE down --remove-orphans)"
PS = (
    r"docker ps --all --format 'table {{.Names}}\t{{.Status}}\t"
    r"""{{printf "%.12s" (.Label "org.opencontainers.image.revision")}}\t{{.Image}}\t{{.Ports}}' """
    "--filter label=djk8s.project=SCOPE"
)
STOP = (
    "docker stop $(docker ps --all --quiet --filter label=djk8s.project=SCOPE)",
    "docker container prune --force --filter label=djk8s.project=SCOPE",
)
NAMED = """'{{if eq .Tag "<none>"}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}'"""
CLEAN = (
    f"docker container stop {CONTAINERS}",
    f"docker container rm --force {CONTAINERS}",
    f"docker network rm $(docker network ls --format '{{{{.Name}}}}' --filter {COMPOSES})",
    f"docker image rm $(docker image ls --all --format {NAMED} --filter label=djk8s.project=SCOPE)",
)
NOX = "TOOLS -m nox --error-on-missing-interpreters"
BENCH = "TOOLS -m nox --session bench --"
VOLUMES = "docker volume ls --quiet --filter"
REMOVE_VOLUMES = f"docker volume rm $({VOLUMES} 'name=^SCOPE-run$') $({VOLUMES} {COMPOSES})"


def case(sentence: str, words: str, *lines: str, **environment: str) -> ParameterSet:
    return pytest.param(words, environment, lines, id=sentence)


def run_line(
    publish: str = "127.0.0.1:8000", port: int = 8000, names: str = NAMES, image: str = "djk8s:latest", end: str = ""
) -> str:
    return f"{NEW} --rm --stop-timeout 10 --publish {publish}:{port}{end} --env PORT={port} {names} {image}"


def serve_lines(port: int = 8000) -> tuple[str, ...]:
    return (*INSTALL, COLLECT, f"(cd src && PORT={port} VENV/bin/python -m gunicorn {CONFIG} myproj.wsgi:application)")


TABLE = [
    case("venv is made of the Python that runs this", "venv", *MAKE),
    case("venv is made of the Python asked for by version", "venv --python 3.77", *MAKE),
    case("venv is made of the Python asked for by path", "venv --python BIN/python3.77", *MAKE),
    case("install makes the venv first", "install", *INSTALL),
    case("env sets values without a command", "env --set DEBUG=1 --set 'GREETING=a  $(touch pwned)'"),
    case("serve does the steps before it", "serve", *serve_lines()),
    case(
        "serve --reload is Django's own server",
        "serve --reload",
        *INSTALL,
        "(cd src && VENV/bin/python manage.py migrate --noinput)",
        "(cd src && PORT=8000 DEBUG=1 VENV/bin/python manage.py runserver 8000)",
    ),
    case("serve listens on --port", "serve --port 6545", *serve_lines(6545)),
    case("serve takes PORT of the shell, a name of .env.example", "serve", *serve_lines(6545), PORT="6545"),
    case("serve takes --port before PORT", "serve --port 1", *serve_lines(1), PORT="2", INVOKE_PORT="3"),
    case("build tags what run runs", "build", BUILD),
    case(
        "build gives several tags in one build, each once",
        "build --tag v1 --tag v2 --tag latest --tag v1",
        f"docker build --tag djk8s:v1 --tag djk8s:v2 --tag djk8s:latest {LABELS} .",
    ),
    case(
        "build is for another platform",
        "build --platform linux/arm64 --tag arm",
        f"docker build --tag djk8s:arm --tag djk8s:latest --platform linux/arm64 {LABELS} .",
    ),
    case(
        "build passes each build argument as one word",
        "build --build-arg PYTHON_VERSION=3.12 --build-arg 'GREETING=a  $(touch pwned)'",
        "docker build --tag djk8s:latest --build-arg PYTHON_VERSION=3.12 "
        f"--build-arg 'GREETING=a  $(touch pwned)' {LABELS} .",
    ),
    case(
        "build passes a build argument that the shell has by name",
        "build --build-arg PYTHON_VERSION",
        f"docker build --tag djk8s:latest --build-arg PYTHON_VERSION {LABELS} .",
        PYTHON_VERSION="3.12",
    ),
    case(
        "build mounts a company's pip.conf and ca.crt",
        "build --secret SECRETS/pip.conf --secret SECRETS/ca.crt",
        "docker build --tag djk8s:latest --secret id=pip.conf,src=SECRETS/pip.conf "
        f"--secret id=ca.crt,src=SECRETS/ca.crt {LABELS} .",
    ),
    case(
        "build names the configured image", "build", f"docker build --tag other:latest {LABELS} .", INVOKE_IMAGE="other"
    ),
    case(
        "build calls the configured engine",
        "build",
        f"podman build --tag djk8s:latest {LABELS} .",
        INVOKE_ENGINE="podman",
    ),
    case("run builds first, and shows on this machine alone, on the same port", "run", BUILD, run_line()),
    case("run --no-build runs what was built", "run --no-build", run_line()),
    case(
        "run is the tutorial's own command", "run --port 6545 --publish 8000", BUILD, run_line("127.0.0.1:8000", 6545)
    ),
    case("run shows on an IPv6 address", "run --publish [::1]:8001", BUILD, run_line("'[::1]:8001", end="'")),
    case("run takes PORT of the shell, once", "run", BUILD, run_line("127.0.0.1:6545", 6545), PORT="6545"),
    case("run runs a tag as it was built earlier", "run --tag v1", run_line(image="djk8s:v1")),
    case(
        "run names each variable and shows no value",
        "run --env DEBUG=1 --env 'GREETING=a  $(touch pwned)'",
        BUILD,
        run_line(names="--env DEBUG --env GREETING --env HTTPS --env SECRET_KEY"),
    ),
    case(
        "run leaves alone what the shell has besides the settings",
        "run",
        BUILD,
        run_line(names="--env DEBUG --env GUNICORN_CMD_ARGS --env HTTPS --env SECRET_KEY"),
        GREETING="hello",
        GUNICORN_CMD_ARGS="--log-level debug",
    ),
    case("run reads another file", "run --env-file OTHERFILE", BUILD, run_line(names="--env FROM_OTHER_FILE")),
    case(
        "run returns when it is detached",
        "run --detach",
        BUILD,
        run_line().replace(" --rm ", " --detach --log-driver local "),
    ),
    case("shell is a new container where none runs", "shell", BUILD, f"{ONCE} /bin/bash"),
    case(
        "shell keeps the quoting of the words after the dashes",
        "shell -- python -c 'print(\"a  b\")' '$HOME' ''",
        BUILD,
        f"""{ONCE} python -c 'print("a  b")' '$HOME' ''""",
    ),
    case(
        "shell gives flags after the dashes to the command", "shell -- ls --new -- -l", BUILD, f"{ONCE} ls --new -- -l"
    ),
    case("ps lists this project's containers with their revision", "ps", PS),
    case(
        "logs are those of the container started last",
        "logs",
        "docker logs $(docker ps --all --quiet --latest --filter label=djk8s.project=SCOPE)",
    ),
    case("stop stops this project's containers", "stop", *STOP),
    case(
        "push builds, and pushes under the revision",
        "push --registry registry.example.com/team",
        BUILD,
        "docker tag djk8s:latest registry.example.com/team/djk8s:REVISION",
        "docker push registry.example.com/team/djk8s:REVISION",
    ),
    case(
        "push builds for other platforms as it pushes",
        "push --tag v1 --platform linux/amd64 --platform linux/arm64 --provenance",
        "docker buildx build --push --tag registry.example.com/djk8s:v1 --platform linux/amd64,linux/arm64 "
        f"--sbom=false --provenance=true {LABELS} .",
        INVOKE_REGISTRY="registry.example.com",
    ),
    case("up builds and runs", "up", UP_ALL),
    case("up --detach waits and comes back after a reboot", "up --detach", f"{UP_DETACHED} --detach --wait"),
    case(
        "up --no-build runs what was built",
        "up --no-build",
        f"{UP.replace(' docker', ' UP_RESTART=no docker')} --no-build --remove-orphans",
    ),
    case("up takes the configured port", "up", f"UP_PORT=6545 {UP_ALL}", INVOKE_UP_PORT="6545"),
    case("up leaves PORT of the shell to the file", "up", UP_ALL, PORT="6545"),
    case(
        "up joins what is named, in its order, as oneself where the checkout is mounted",
        "up --with worker --with dev --scale worker=2",
        f"{UP_BUILD.replace('ENVFILE', 'ENVFILE UP_USER=USER:0').removesuffix(' up')} {JOINED} up --build "
        "--remove-orphans --watch --scale worker=2",
    ),
    case(
        "db dump writes a file", "db dump all.dump", f"{IN_DATABASE} pg_dump --format custom {PLAIN} {TO_IT} > all.dump"
    ),
    case(
        "db restore reads all of it before anything is changed",
        "db restore all.dump",
        f"{IN_DATABASE} pg_restore {PLAIN} --file /tmp/restore.sql < all.dump".replace("exec", "exec --interactive"),
        f"{IN_DATABASE} psql {TO_IT} {ALL_OR_NOTHING} --file /tmp/restore.sql",
    ),
    case("db shell speaks SQL", "db shell", f"{IN_DATABASE} psql {TO_IT}".replace("exec", "exec --interactive")),
    case(
        "backup runs beside the project",
        "backup --to s3://shop --keep 7",
        f"{BACKUP} --env BACKUP_KEEP=7 backup backup",
    ),
    case("backup lists those that there are", "backup --list --to s3://shop", f"{BACKUP} backup list"),
    case("restore takes the latest", "restore --from s3://shop", f"{BACKUP} backup restore latest"),
    case("restore takes another", "restore --from s3://shop --snapshot 1234abcd", f"{BACKUP} backup restore 1234abcd"),
    case(
        "manage in what is deployed", "manage --deployed compose -- check", f"{EXEC} CONTAINER python manage.py check"
    ),
    case("shell in what is deployed", "shell --deployed compose", f"{EXEC} CONTAINER /bin/bash"),
    case("command in what is deployed", "shell --deployed compose -- printenv PORT", f"{EXEC} CONTAINER printenv PORT"),
    case(
        "log of what is deployed", "logs --deployed compose", "(cd / && docker compose --project-name djk8s logs web)"
    ),
    case(
        "manage in a cluster",
        "manage --deployed kubernetes --context mine -- check",
        "kubectl --context mine --namespace djk8s exec --stdin deployment/web -- python manage.py check",
    ),
    case(
        "log of a cluster",
        "logs --deployed kubernetes",
        "kubectl --namespace djk8s logs --selector app=web --prefix --tail -1",
    ),
    case("log of each replica on a Swarm", "logs --deployed swarm", "docker service logs TASK"),
    case(
        "backup of what is deployed",
        "backup --deployed compose --to s3://shop",
        f"{SETTINGS} UP_BACKUP_NAME=djk8s-deployed {BUCKET} docker compose --project-name djk8s "
        "--file docker-compose.yaml --file compose/proxy.yaml --file compose/backup.yaml "
        "--progress quiet run --rm --no-deps --build backup backup",
    ),
    case("down keeps the database", "down", DOWN),
    case("down --volumes removes it", "down --volumes", DOWN.replace(")", " --volumes)")),
    case("clean keeps the databases", "clean", *CLEAN),
    case("clean --volumes removes them", "clean --volumes", *CLEAN, REMOVE_VOLUMES),
    case("clean --venv says in words that the environment goes", "clean --venv", *CLEAN),
    case(
        "manage --place compose runs in the site that is up",
        "manage --place compose -- check",
        "docker exec --interactive CONTAINER python manage.py check",
    ),
    case(
        "manage --place compose passes on what createsuperuser reads",
        "manage --place compose -- createsuperuser --noinput",
        "docker exec --interactive --env DJANGO_SUPERUSER_EMAIL CONTAINER python manage.py createsuperuser --noinput",
        DJANGO_SUPERUSER_EMAIL="any",
    ),
    case(
        "manage runs in the venv, after the steps before it",
        "manage -- migrate --check 'a  b'",
        *INSTALL,
        "(cd src && VENV/bin/python manage.py migrate --check 'a  b')",
    ),
    case(
        "manage --place container runs in the image",
        "manage --place container -- migrate --check 'a  b'",
        BUILD,
        f"{ONCE} python manage.py migrate --check 'a  b'",
    ),
    case(
        "lock --upgrade takes the newest",
        "lock --upgrade",
        *(
            f"{COMPILE} --output-file {name}.txt --upgrade {name}.in"
            for name in ("requirements-pip", "requirements-tools", "requirements-uv", "requirements")
        ),
    ),
    case("test runs the sessions asked for", "test --session a --session b", f"{NOX} --session a b"),
    case(
        "bench measures as often as asked, for machines, and draws",
        "bench --json --chart --rounds 1",
        f"{BENCH} --json --chart --rounds 1",
    ),
    case("lint is one session", "lint", "TOOLS -m nox --session lint"),
    case(
        "tasks chain",
        "build --tag v1 run --port 6545",
        f"docker build --tag djk8s:v1 --tag djk8s:latest {LABELS} .",
        BUILD,
        run_line("127.0.0.1:6545", 6545),
    ),
]


@pytest.fixture
def prints(inv: Inv, shell: pytest.MonkeyPatch, tmp_path: Path, program: Callable[[str, str], Path]) -> Inv:
    """Type `inv --dry …`, with each name that differs from machine to machine replaced by a word in capitals."""
    python = program("bin/python3.77", f'exec "{sys.executable}" "$@"')
    shell.setenv("PATH", str(python.parent), prepend=os.pathsep)
    shell.setattr(git, "revision", lambda _: "REVISION")
    other = tmp_path / "other.env"
    other.write_text("FROM_OTHER_FILE=1\n")
    for name in ("pip.conf", "ca.crt"):
        (tmp_path / name).write_text("hunter2")

    def dry(words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        words = (
            words.replace("BIN", str(python.parent)).replace("OTHERFILE", str(other)).replace("SECRETS", str(tmp_path))
        )
        typed = inv("--dry", *shlex.split(words), **environment)
        typed.stdout = normal(typed.stdout, tmp_path)
        return typed

    return dry


BASE = getattr(sys, "_base_executable", sys.executable)


def normal(text: str, tmp_path: Path) -> str:
    """Return text with the names of this machine replaced."""
    tools = Path(sys.executable)
    names = {
        **{f"{python} -m venv": "PYTHON -m venv" for python in (BASE, os.path.realpath(sys.executable))},
        str(tmp_path / "venv"): "VENV",
        f"{tmp_path}/pip.conf": "SECRETS/pip.conf",
        f"{tmp_path}/ca.crt": "SECRETS/ca.crt",
        str(tmp_path / ".env"): "ENVFILE",
        os.path.relpath(tools, ROOT) if tools.is_relative_to(ROOT) else str(tools): "TOOLS",
    }
    for name, word in names.items():
        text = text.replace(name, word)
    text = re.sub(r"\bUP_USER=\d+:", "UP_USER=USER:", text)
    return re.sub(r"\bdjk8s-[0-9a-f]{6}\b", "SCOPE", text)


@pytest.mark.parametrize(("words", "environment", "lines"), TABLE)
def test_dry_prints_exactly(prints: Inv, words: str, environment: dict[str, str], lines: tuple[str, ...]) -> None:
    typed = prints(words, **environment)
    assert typed.stdout.splitlines() == list(lines)
    assert typed.returncode == 0


SECRETS = """
SECRET_KEY=hunter2-key
DATABASE_URL=postgres://user:hunter2-password@db/name
GUNICORN_CMD_ARGS='--certfile hunter2 args'
ANY_OTHER="hunter2 other"
"""


READ_SECRETS = ["run --env TOKEN=hunter2-flag", "run --env-file ENV", "shell -- env", "up", "serve", "steps"]
READ_SECRETS += ["manage --place container -- check", "env --set TOKEN=hunter2-flag --set SECRET_KEY=hunter2-key"]


@pytest.mark.parametrize("words", READ_SECRETS)
def test_no_secret_is_printed(inv: Inv, tmp_path: Path, words: str) -> None:
    file = tmp_path / ".env"
    file.write_text(SECRETS)
    typed = inv("--dry", *words.replace("ENV", str(file), words.endswith("ENV")).split())
    assert typed.returncode == 0
    assert "hunter2" not in typed.stdout + typed.stderr


def test_no_fresh_secret_is_printed(inv: Inv, engine: Calls, tmp_path: Path) -> None:
    typed = inv("shell", "--", "env")
    key = engine("run")[0]["env"]["SECRET_KEY"]
    assert key in (tmp_path / ".env").read_text()
    assert key not in typed.stdout + typed.stderr
    assert not any(key in word for call in engine() for word in call["argv"])


def test_deploy_to_a_swarm_migrates_before_the_site_changes(elsewhere: Inv) -> None:
    typed = elsewhere("--dry", "deploy", "--to", "swarm", "--tag", "v1", INVOKE_ENGINE="no-such-engine")
    assert typed.returncode == 0, typed.stderr
    stages = re.findall(r"stack deploy .*?(\w+)\.json", typed.stdout)
    assert stages == ["needed", "jobs", "site"]
    assert "SECRET_KEY" not in typed.stdout


def test_deploy_to_kubernetes_migrates_before_the_site_changes(elsewhere: Inv) -> None:
    words = ("--to", "kubernetes", "--context", "mine", "--registry", "registry.example.com/team", "--tag", "v1")
    typed = elsewhere("--dry", "deploy", *words, INVOKE_PROJECT="shop")
    folder = ".tools/deploy/kubernetes"
    assert re.findall(r"(?m)^kubectl --context mine --namespace shop (.*)", typed.stdout) == [
        "create namespace shop",
        "delete job migrate --ignore-not-found",
        f"apply -k {folder} --selector apply=first",
        "wait --for condition=complete --timeout 1h job/migrate",
        f"apply -k {folder}",
        "scale deployment/web --replicas=3",
        "rollout status deployment/web",
    ]


def test_rollback_on_kubernetes_is_its_own(elsewhere: Inv) -> None:
    typed = elsewhere("--dry", "rollback", "--to", "kubernetes", INVOKE_PROJECT="shop")
    assert re.findall(r"(?m)^kubectl --namespace shop (.*)", typed.stdout) == [
        "rollout undo deployment/web --to-revision=RECORD",
        "rollout status deployment/web",
    ]


def test_rollback_on_a_swarm_deploys_what_it_kept(elsewhere: Inv) -> None:
    typed = elsewhere("--dry", "rollback", "--to", "swarm")
    assert re.findall(r"docker (\w+ \w+)", typed.stdout) == ["config inspect", "stack deploy"]


def test_rollback_with_compose_takes_its_settings_from_the_file_that_is_named(elsewhere: Inv) -> None:
    typed = elsewhere("--dry", "rollback", "--env-file", "production.env")
    assert set(re.findall(r"UP_ENV_FILE=(\S+)", typed.stdout)) == {"production.env"}


def test_backup_on_a_swarm_runs_beside_the_database(elsewhere: Inv) -> None:
    typed = elsewhere("--dry", "backup", "--deployed", "swarm", "--to", "s3://shop", INVOKE_PROJECT="shop")
    made, command = typed.stdout.splitlines()
    assert '"network_mode": "container:CONTAINER"' in made
    assert '"data": {"external": true, "name": "shop_data"}' in made
    assert "--project-name shop-backup" in command
    assert "--file compose/backup.yaml --file .tools/deploy/backup.json" in command


WITH_WORDS = {
    "push": ["--registry", "registry.example.com/team", "--tag", "v1"],
    "deploy": ["--tag", "v1"],
    "db-dump": ["one.dump"],
    "db-restore": ["two.dump"],
    "backup": ["--to", "s3://shop"],
    "restore": ["--from", "s3://shop"],
    "new": ["shop", "../shop", "--tailwind"],
}
# These only look, and find that there is no engine.
LOOKING = {"doctor", "adopt"}
EVERY_TASK = [word for name in tasks.ns.task_names if name not in LOOKING for word in (name, *WITH_WORDS.get(name, []))]


@pytest.mark.parametrize("env_file", ["", "SECRET_KEY=hunter2\n"], ids=["without .env", "with .env"])
def test_dry_needs_no_engine_and_changes_nothing(checkout: Path, elsewhere: Inv, env_file: str) -> None:
    if env_file:
        (checkout / ".env").write_text(env_file)
    before = contents(checkout)
    typed = elsewhere("--dry", *EVERY_TASK, "--", "check", INVOKE_ENGINE="no-such-engine")
    assert typed.returncode == 0, typed.stderr
    assert typed.stdout.count("no-such-engine run") >= 2
    assert contents(checkout) == before


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")}


def test_lines_are_short_where_nothing_is_configured(elsewhere: Inv) -> None:
    *_, serve, up = elsewhere("--dry", "serve", "up").stdout.splitlines()
    assert serve.startswith("(cd src && PORT=8000 ../venv/bin/python -m gunicorn --config ../serving/")
    assert normal(up, Path("/-")) == "UP_RESTART=no docker compose --project-name SCOPE up --build --remove-orphans"


def test_two_checkouts_stay_apart(elsewhere: Inv, inv: Inv) -> None:
    here, there = inv("--dry", "ps").stdout, elsewhere("--dry", "ps").stdout
    assert normal(here, Path("/-")) == normal(there, Path("/-"))
    assert here != there


def test_printed_lines_can_be_pasted(checkout: Path, elsewhere: Inv, noting: Noting) -> None:
    engine, noted = noting("my 'docker' $engine", ps=("one\ntwo", 0), image_ls=("three", 0), network_ls=("four", 0))
    here = checkout / "src" / "myproj"
    lines = elsewhere("--dry", "build", "logs", "stop", "clean", cwd=here, INVOKE_ENGINE=str(engine)).stdout
    pasted = subprocess.run(["sh", "-e", "-c", lines], cwd=here, capture_output=True, text=True, check=False)
    assert pasted.returncode == 0, pasted.stderr
    build, *calls = noted()
    assert build["cwd"] == str(checkout)
    assert [call["argv"] for call in calls if not {"ps", "ls", "prune"} & set(call["argv"])] == [
        ["logs", "one", "two"],
        ["stop", "one", "two"],
        ["container", "stop", "one", "two", "one", "two"],
        ["container", "rm", "--force", "one", "two", "one", "two"],
        ["network", "rm", "four"],
        ["image", "rm", "three"],
    ]


def test_run_says_which_variables_to_export(inv: Inv) -> None:
    typed = inv("--dry", "run")
    assert set(re.findall(r"--env ([A-Z_]+)(?= )", typed.stdout)) == {"DEBUG", "HTTPS", "SECRET_KEY"}
    assert "export the variables that it names: DEBUG HTTPS SECRET_KEY\n" in typed.stderr
