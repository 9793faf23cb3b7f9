"""The files that a project gets: this repository's own, with the other project's names in them.

There is no second copy: the wheel takes them from the top level (pyproject.toml), and a checkout reads them there. What
follows a line with OWN in one of them is this repository's alone. variants/ has those that its own site has no use for.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path, PurePosixPath

from djk8s.facts import Facts

# https://hub.docker.com/r/postgis/postgis: PostgreSQL 17, as compose/db.yaml has it.
POSTGIS = "postgis/postgis:17-3.5"
OWN = "# From here on, this is for the repository of djk8s alone.\n"
FILES = (
    "Dockerfile",
    ".dockerignore",
    ".env.example",
    "docker-compose.yaml",
    "entrypoint.sh",
    "inv",
    "noxfile.py",
    "tasks.py",
)
PINS = ("requirements-pip.txt", "requirements-uv.txt", "requirements-tools.txt")
FOLDERS = ("serving", "compose", "completion", "kubernetes")
DEVCONTAINER = ".devcontainer"


def source() -> Path:
    """Return the folder with the files."""
    package = Path(str(resources.files("djk8s")))
    return package / "files" if (package / "files").is_dir() else package.parent


def variants() -> Path:
    """Return the folder with the files that this repository's own site has no use for."""
    return Path(str(resources.files("djk8s"))) / "variants"


def rendered(facts: Facts) -> dict[str, str]:
    """Return the text of each file that a project gets, by its path with `/` between the parts."""
    texts = {path: read(source(), path) for path in shipped(facts)}
    if facts.database == "mysql":
        texts["compose/db.yaml"] = read(variants(), "db-mysql.yaml")
    if facts.cache:
        texts["compose/cache.yaml"] = cache(read(variants(), f"cache-{facts.cache}.yaml"), facts)
    if facts.workers:
        texts["compose/worker.yaml"] = workers(read(variants(), "worker.yaml"), facts)
    for path, change in CHANGES.items():
        if path in texts:
            texts[path] = change(texts[path], facts)
    return {renamed(path, facts): with_names(text, facts) for path, text in texts.items()}


def shipped(facts: Facts) -> Iterator[str]:
    """Yield the path of each file of this repository that a project gets as it is here, but for names."""
    yield from (*FILES, *PINS)
    for folder in (*FOLDERS, *([DEVCONTAINER] if facts.devcontainer else [])):
        for file in sorted((source() / folder).rglob("*")):
            path = file.relative_to(source()).as_posix()
            database = facts.database.startswith("post") or "db" in facts.offered
            of_use = {"compose/db.yaml": database, "compose/worker.yaml": False}
            if file.is_file() and "__pycache__" not in path and of_use.get(path, True):
                yield path


def read(folder: Path, path: str) -> str:
    """Return the text of a file, without what is this repository's alone."""
    whole = (folder / path).read_text(encoding="utf-8")
    return re.sub(r"\n+\Z", "\n", whole.partition(OWN)[0])


def renamed(path: str, facts: Facts) -> str:
    return facts.renamed.get(path, path)


def with_names(text: str, facts: Facts) -> str:
    """Return a text with the project's names in it."""
    for ours, theirs in facts.renamed.items():
        whole = rf"(^|[^\w./-]|/app/){re.escape(ours)}(?![\w-]|\.\w)"  # but not /requirements.txt of the Dockerfile
        text = re.sub(whole, lambda found, name=theirs: found[1] + name, text, flags=re.MULTILINE)  # type: ignore[misc]
    folder = "" if facts.src == "." else f"/{facts.src}"
    names = {
        "djk8s-compose:v1": f"{facts.name}-compose:v1",
        "/app/staticfiles": f"/app/{facts.static_root}",
        "./src:/app/src": f".{folder}:/app{folder}",
    }
    for ours, theirs in names.items():
        text = text.replace(ours, theirs)
    return text


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """Return a text in which each first part, which is there once, is replaced by the second."""
    for ours, theirs in pairs:
        if text.count(ours) != 1:
            raise ValueError(f"{ours!r} is {text.count(ours)} times in a file of djk8s, and not once")
        text = text.replace(ours, theirs)
    return text


def tasks(text: str, facts: Facts) -> str:
    files = {"dockerfile": "Dockerfile", "compose": "docker-compose.yaml", "requirements": "requirements.txt"}
    files["env_example"] = ".env.example"
    return replaced(
        text,
        ('"project": "djk8s"', f'"project": "{facts.name}"'),
        ('"image": "djk8s"', f'"image": "{facts.name}"'),
        ('"src": "src"', f'"src": "{facts.src}"'),
        ('"pythonpath": "."', f'"pythonpath": "{":".join((".", *facts.path))}"'),
        ('"application": "myproj.wsgi:application"', f'"application": "{facts.application}"'),
        *((f'"{key}": "{name}"', f'"{key}": "{renamed(name, facts)}"') for key, name in files.items()),
    )


def dockerfile(text: str, facts: Facts) -> str:
    """Return the Dockerfile, with a stage for a compiler or for Node where the project needs one."""
    folder = "/app" if facts.src == "." else f"/app/{facts.src}"
    commands = [f"python manage.py {command}" for command in facts.static] or ["true"]
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in facts.build_variables.items())
    if variables and len(commands) > 1:
        variables = f"export {variables}&& \\\n    "
    text = replaced(
        text,
        ("ARG PYTHON_VERSION=3.13", f"ARG PYTHON_VERSION={facts.python}"),
        ("WORKDIR /app/src\n", f"WORKDIR {folder}\n"),
        (" PYTHONPATH=/app ", f" PYTHONPATH={':'.join(('/app', *(f'/app/{one}' for one in facts.path)))} "),
        (
            "RUN SECRET_KEY=for-this-line-only python manage.py collectstatic --no-input",
            f"RUN {nothing_kept(facts)}{variables}" + " && \\\n    ".join(commands),
        ),
        ('"myproj.wsgi:application"', f'"{facts.application}"'),
    )
    if links := "".join(map(link, facts.writes)):
        made = "--mode 770 /app/data\n"
        text = replaced(text, (made, f"{made}# What its settings write to is in it, and empty in the image.\n{links}"))
    if not facts.hashed:
        text = replaced(text, (" --require-hashes -r /requirements.txt", " -r /requirements.txt"))
    if facts.system_build:
        head, rest = text.split("\nFROM python:${PYTHON_VERSION}-slim\n\n")
        settings, install, code = parts(rest)
        compiler = f"# What compiles the packages stays in this stage.\n{apt(facts.system_build)}"
        text = (
            f"{head}\nFROM python:${{PYTHON_VERSION}}-slim AS packages\n\n{compiler}\n{install}"
            f"FROM python:${{PYTHON_VERSION}}-slim\n\n{settings}COPY --from=packages /opt/venv /opt/venv\n\n{code}"
        )
    if facts.system_run:
        libraries = f"# Libraries of the system that packages use.\n{apt(facts.system_run)}\n"
        before = "COPY --from=packages" if facts.system_build else "# inv venv"
        text = replaced(text, (f"PLACE=container\n{before}", f"PLACE=container\n\n{libraries}{before}"))
    if facts.node:
        text = with_node(text, facts)
    return text


def nothing_kept(facts: Facts) -> str:
    """Return the option of RUN for commands that write to the folder of the volume, as root."""
    return "--mount=type=tmpfs,target=/app/data " if facts.writes and not facts.tracked_data else ""


def link(path: str) -> str:
    """Return the line that links what the settings write to, a folder or a file, to the folder of the volume."""
    if path.startswith("data/"):
        return ""
    target = PurePosixPath("/app/data", "" if path.endswith("/") else PurePosixPath(path).name)
    there = PurePosixPath("/app", path)
    # Where git tracks nothing beside it, as beside a database, the image has no such folder.
    parent = "" if there.parent == PurePosixPath("/app") else f"mkdir -p {shlex.quote(str(there.parent))} && "
    return f"RUN {parent}ln -s {shlex.quote(str(target))} {shlex.quote(str(there))}\n"


def parts(rest: str) -> tuple[str, str, str]:
    """Return the final stage in three: its variables, its packages, and the code."""
    at_venv, at_code = rest.index("# inv venv"), rest.index("# The code, readable")
    return rest[:at_venv], rest[at_venv:at_code], rest[at_code:]


def apt(packages: tuple[str, ...]) -> str:
    listed = " ".join(packages)
    return (
        f"RUN apt-get update && apt-get install --yes --no-install-recommends {listed} && \\\n"
        "    rm -rf /var/lib/apt/lists/*\n"
    )


def with_node(text: str, facts: Facts) -> str:
    """Return the Dockerfile with a stage in which Node makes static files; Node and its packages stay there."""
    folder = "/app" if facts.node == "." else f"/app/{facts.node}"
    stage = "# What Node makes of the static files; Node itself stays in this stage.\n"
    stage += f"FROM node:22-slim AS assets\n\nWORKDIR {folder}\n"
    if facts.node_packages == "npm":
        stage += (
            f"COPY {facts.node}/package*.json ./\n"
            "RUN --mount=type=cache,target=/root/.npm if [ -f package-lock.json ]; then npm ci; else npm install; fi\n"
            "COPY . /app\nRUN npm run build && rm -rf node_modules\n\n"
        )
    else:
        stage += (
            "COPY . /app\n"
            f"RUN --mount=type=cache,target=/root {installing(facts)} && \\\n"
            f"    {other(facts)} run build && rm -rf node_modules\n\n"
        )
    return replaced(
        text,
        ("\nFROM python:${PYTHON_VERSION}-slim\n", f"\n{stage}FROM python:${{PYTHON_VERSION}}-slim\n"),
        ("COPY --chmod=755 . /app\n", "COPY --from=assets --chmod=755 /app /app\n"),
    )


def other(facts: Facts) -> str:
    """Return the command that stands for npm in a project with pnpm or yarn."""
    return f"npx --yes --package {facts.node_packages} {'pnpm' if by_pnpm(facts) else 'yarn'}"


def installing(facts: Facts) -> str:
    """Return the command with which that installs what its lock file says, and fails where that is not all."""
    as_locked = "--immutable" if facts.node_packages.startswith("@yarn") else "--frozen-lockfile"
    return f"{other(facts)} install {as_locked}{' --store-dir ~/.pnpm-store' if by_pnpm(facts) else ''}"


def by_pnpm(facts: Facts) -> bool:
    return facts.node_packages.startswith("pnpm")


def noxfile(text: str, facts: Facts) -> str:
    needs = [*(["db"] if facts.database != "sqlite" else []), *(["cache"] if facts.cache else [])]
    text = replaced(text, ("NEEDS: list[str] = []", f"NEEDS: list[str] = {json.dumps(needs)}"))
    own = ("@nox.session(default=False, allow_parallel=True)", "@nox.session(allow_parallel=True)")
    return replaced(text, own) if facts.tests else text


def dockerignore(text: str, facts: Facts) -> str:
    text = text.replace("\ndata\n", "\n") if facts.tracked_data else text
    made = (one for one in (facts.uploads, *facts.writes) if facts.tracked_data or not one.startswith("data/"))
    more = [*(one.rstrip("/") for one in made if one), *facts.private]
    return text.replace("\nstaticfiles\n", "\n".join(["\nstaticfiles", *more, ""]))


def overlay(text: str, facts: Facts) -> str:
    return replaced(text, ("from myproj.settings import", f"from {facts.settings} import"))


def csp(text: str, facts: Facts) -> str:
    return text if facts.csp else replaced(text, ('"CSP": POLICY', '"CSP": "0"'))


def gunicorn(text: str, facts: Facts) -> str:
    if facts.server == "asgi":
        text = replaced(text, ('site.choice("SERVER", "threads", "asgi")', 'site.choice("SERVER", "asgi", "threads")'))
    return text


def cache(text: str, facts: Facts) -> str:
    """Return the Compose file of the cache, which gives its address to the site, in the site's own variables too."""
    usual = {"CACHE_URL": {"redis": "redis://cache:6379/0", "memcached": "cache:11211"}[facts.cache]}
    lines = [f"      - {name}={value}\n" for name, value in {**usual, **facts.cache_variables}.items()]
    if facts.cache_names:
        alias = f"    networks:\n      default: {{ aliases: [{', '.join(facts.cache_names)}] }}\n"
        text = replaced(text, ("    labels:\n", f"{alias}    labels:\n"))
    return replaced(text, ("      - CACHE_URL=\n", "".join(lines)))


def workers(text: str, facts: Facts) -> str:
    """Return the Compose file with a service for each worker; the text is that of one."""
    head, one = text.split("services:\n")
    services = [one.replace("NAME", name).replace("COMMAND", command) for name, command in facts.workers.items()]
    return f"{head}services:\n" + "\n".join(services)


def postgres(text: str, facts: Facts) -> str:
    """Return a Compose file with PostGIS for PostgreSQL where the site wants that."""
    return text.replace("postgres:17", POSTGIS) if facts.database == "postgis" else text


def database(text: str, facts: Facts) -> str:
    """Return the Compose file of the database, where more commands may follow the migrations."""
    commands = ("migrate --noinput", *facts.after_migrate)
    if len(commands) > 1:
        line = " && ".join(f"python manage.py {command}" for command in commands)
        text = replaced(text, ("command: [python, manage.py, migrate, --noinput]", f'command: [bash, -c, "{line}"]'))
    return for_each_worker(postgres(text, facts), facts)


def for_each_worker(text: str, facts: Facts) -> str:
    """Return a Compose file in which what it says of `worker` is said of each worker that the project has."""
    part = re.compile(r"\n  # compose/worker\.yaml, which is read later.*\n  worker:\n((?:    .*\n)+)")
    return part.sub(lambda found: "".join(found[0].replace("  worker:", f"  {name}:") for name in facts.workers), text)


def dev(text: str, facts: Facts) -> str:
    """Return the Compose file for developing, with a service for Node where that makes static files."""
    text = for_each_worker(text, facts)
    if not facts.node:
        return text
    folder = "" if facts.node == "." else f"/{facts.node}"
    npm, again = facts.node_packages == "npm", facts.watch != "build"
    script = facts.watch.replace(" -- ", " ")  # the others take what follows as it is
    port = re.search(r"--port (\d+)", facts.watch)
    mount = "    volumes: &source\n      - ./src:/app/src\n"
    inside = facts.src == "." or f"{facts.node}/".startswith(f"{facts.src}/")
    mounts = mount if inside else f"{mount}      - .{folder}:/app{folder}\n"  # of what Node makes, too
    after = "service_started" if again else "service_completed_successfully"
    text = replaced(text, (mount, f"{mounts}    depends_on:\n      assets: {{ condition: {after} }}\n"))
    return text + ASSETS.format(
        when="again after each edit" if again else "once: a script `watch` of package.json would do so after each edit",
        folder=folder,
        commands=BY_NPM.format(facts.watch) if npm else f"{installing(facts)} && {other(facts)} run {script}",
        ports=f'    ports:\n      - "127.0.0.1:{port[1]}:{port[1]}"\n' if port else "",
        restart="${UP_RESTART:-unless-stopped}" if again else '"no"',
    )


BY_NPM = """\
if [ ! -f package-lock.json ]; then npm install --no-package-lock
        elif [ ! node_modules/.package-lock.json -nt package-lock.json ]; then npm ci
        fi && npm run {}"""
ASSETS = """
  # Node makes the static files, in your folder and {when}.
  assets:
    image: node:22-slim
    user: *you
    init: true
    stdin_open: true # without input, `tailwindcss --watch` ends
    working_dir: /app{folder}
    command:
      - sh
      - -c
      - |
        {commands}
    environment:
      - HOME=/tmp # for npm's own files
    volumes:
      - .:/app
{ports}    restart: {restart}
    logging: {{ driver: local }}
"""


def devcontainer(text: str, facts: Facts) -> str:
    """Return devcontainer.json, with what the site cannot do without."""
    needs = [name for name, needed in (("cache", facts.cache), ("db", facts.database != "sqlite")) if needed]
    ours = '"../docker-compose.yaml", '
    theirs = [f"../{renamed('docker-compose.yaml', facts)}", *(f"../compose/{name}.yaml" for name in needs)]
    return replaced(text, (ours, "".join(f'"{file}", ' for file in theirs)))


def devcontainer_compose(text: str, facts: Facts) -> str:
    """Return its Compose file, where Node writes to the folder as its owner."""
    return text + AS_OWNER if facts.node else text


AS_OWNER = """
  assets:
    user: root # until it is whoever owns the folder
    entrypoint:
      - sh
      - -c
      - exec setpriv --reuid="$$(stat -c %u /app)" --regid="$$(stat -c %g /app)" --clear-groups "$$@"
      - assets
"""


CHANGES: Mapping[str, Callable[[str, Facts], str]] = {
    "tasks.py": tasks,
    "noxfile.py": noxfile,
    "Dockerfile": dockerfile,
    ".dockerignore": dockerignore,
    "serving/overlay.py": overlay,
    "serving/csp.py": csp,
    "serving/gunicorn.conf.py": gunicorn,
    ".devcontainer/devcontainer.json": devcontainer,
    ".devcontainer/compose.yaml": devcontainer_compose,
    "compose/backup.yaml": postgres,
    "compose/cache.yaml": for_each_worker,
    "compose/db.yaml": database,
    "compose/dev.yaml": dev,
    "compose/mail.yaml": for_each_worker,
}
