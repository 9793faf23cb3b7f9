"""What is worth a remark about a project, each in a sentence that says what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from djk8s.adopt import services, volume
from djk8s.adopt.ask import Answer
from djk8s.adopt.debugging import made_from_it
from djk8s.adopt.layout import apart, name_of
from djk8s.adopt.services import cache_kinds, concurrency, kind
from djk8s.adopt.static import NODE_MODULES
from djk8s.adopt.variables import ENVIRONMENT
from djk8s.dotenv.file import is_secret
from djk8s.facts import Facts

SECRET = re.compile(
    r"(secret|credential|service.?account|adminsdk).*\.(json|txt|ya?ml)$|\.(pem|key|p12|pfx|sql|dump)$|^id_[a-z0-9]+$",
    re.I,
)
REMOTE = re.compile("s3|boto|gcloud|google|azure|cloudinary", re.IGNORECASE)  # as in serving/static.py
MOST = 5  # names in one sentence
CHOSEN = re.compile(f"DEBUG|{ENVIRONMENT.pattern}")  # what was not tried, but is so where the site is served
SERVERS = {"gunicorn.conf.py", "gunicorn_config.py", "gunicorn.py"}


def remarks(
    root: Path, answer: Answer, facts: Facts, tracked: Collection[str], given: Iterable[str], own_keys: Iterable[str]
) -> list[str]:
    """Return the sentences about a project: what Django said, its facts, and the files that git tracks.

    `given` are the variables that a person gave, and `own_keys` those of SECRET_KEY, for which any value does.
    """
    return [
        *literal(answer, facts),
        *rabbitmq(answer),
        *at_once(answer),
        *caches(answer, facts),
        *in_memory(answer),
        *placeholders(answer, {"SECRET_KEY", *own_keys, *given}),
        *debug(root, answer, facts),
        *uploads(answer),
        *static(answer, facts, tracked),
        *node(answer, facts, tracked),
        *data(answer, tracked),
        *secrets(tracked),
        *server(tracked),
        *database(facts),
        *more_databases(answer),
        *migrations(answer),
        *translations(tracked),
    ]


def literal(answer: Answer, facts: Facts) -> list[str]:
    """Say what to write where an address is in code besides the settings, which serving/cache.py does not change."""
    broker = str(answer.says.get("celery_broker", ""))
    in_code = re.match("rediss?:", broker) and broker != answer.says["broker"]
    if facts.cache != "redis" or facts.cache_variables or not in_code:
        return []
    return [
        "The address of Celery's broker is written in the code, where a container finds nothing: write "
        'os.environ.get("CACHE_URL", "redis://localhost:6379/0") there; compose/cache.yaml sets that variable.'
    ]


def rabbitmq(answer: Answer) -> list[str]:
    broker = str(answer.says.get("celery_broker") or answer.says["broker"])
    if not re.match("(py)?amqps?:", broker):
        return []
    return [
        "Its broker is RabbitMQ, which `inv up` does not bring: read its address from a variable, as "
        'CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"], and set that in .env to one that runs.'
    ]


def at_once(answer: Answer) -> list[str]:
    """Say why Celery has no worker."""
    if not services.at_once(answer):
        return []
    return [
        "Its tasks run while a page waits for them (CELERY_TASK_ALWAYS_EAGER), and it has no broker, so it gets no "
        "worker: for one, set CELERY_BROKER_URL and turn that off before you adopt it."
    ]


def caches(answer: Answer, facts: Facts) -> list[str]:
    """Say which caches of this machine nothing brings, as they are of another kind than the one that is brought."""
    kinds, here = cache_kinds(answer), re.compile(r"\b(localhost|127\.0\.0\.1|::1)\b|unix:|^\W*/")
    found = [alias for alias, kind in kinds.items() if kind != facts.cache]
    names = [alias for alias in found if here.search(answer.says["caches"][alias]["LOCATION"])]
    if not names:
        return []
    return [
        f"CACHES has {' and '.join(names)} on this machine, where a container finds nothing, and only {facts.cache} is "
        "brought: make them of that kind, or read their addresses from variables, and set these in .env to what runs."
    ]


def in_memory(answer: Answer) -> list[str]:
    """Say what channels in the memory of one process mean."""
    if not concurrency(answer):
        return []
    return [
        "Its channel layer is in the memory of one process, so .env has WEB_CONCURRENCY=1: channels_redis in "
        "CHANNEL_LAYERS lets several processes and replicas share one."
    ]


def placeholders(answer: Answer, known: Collection[str]) -> list[str]:
    """Say which values of .env were only tried."""
    tried = {name: value for name, value in answer.required.items() if name not in known and not CHOSEN.search(name)}
    values = [f"{name}={value}" for name, value in tried.items() if not is_secret(name)]
    values += [name for name in tried if is_secret(name)]
    if not values:
        return []
    return [f"Its settings want values that only you know, so .env has placeholders: {', '.join(values)}."]


def debug(root: Path, answer: Answer, facts: Facts) -> list[str]:
    """Say that DEBUG is on in the settings, and what stays as it is while debugging."""
    if not answer.settings["DEBUG"]:
        return []
    file, made = made_from_it(root, facts)
    if not made:
        return [f"{facts.settings} has DEBUG on: serving/overlay.py turns it off."]
    more = f" and {len(made) - MOST} more" if len(made) > MOST else ""
    return [
        f"{file} has DEBUG = True; what it sets stays as while debugging: {', '.join(made[:MOST])}{more}. "
        'Write DEBUG = os.environ.get("DEBUG") == "1" there, and commit that.'
    ]


def uploads(answer: Answer) -> list[str]:
    """Say that nothing shows the uploads, if they are files and the site has any."""
    storage = answer.says["file_storage"]
    elsewhere = bool(storage) and not storage.endswith("FileSystemStorage")
    if elsewhere or "//" in (url := answer.settings["MEDIA_URL"] or "/") or url == "/" or answer.says.get("uploads"):
        return []
    return [
        "Uploads are kept in the volume, and without DEBUG no URL shows them: let a server in front do it, or add "
        f're_path(r"^{url.strip("/")}/(?P<path>.*)$", django.views.static.serve, '
        '{"document_root": settings.MEDIA_ROOT}) to the urls.'
    ]


def static(answer: Answer, facts: Facts, tracked: Collection[str]) -> list[str]:
    """Say what becomes of static files that went to a bucket, or that git has where they are gathered."""
    said = []
    if REMOTE.search(answer.says["static_storage"]):
        said.append("Its static files went to a bucket: serving/static.py has the image serve them instead.")
    if facts.static and any(path.startswith(f"{facts.static_root}/") for path in tracked):
        said.append(
            f"{facts.static_root}/ is in git, and the image gathers it anew: what is only there has to be in a folder "
            "of STATICFILES_DIRS."
        )
    return said


def node(answer: Answer, facts: Facts, tracked: Collection[str]) -> list[str]:
    """Say that the image lacks packages of Node that a setting names, or that none names what Node builds."""
    if any("node_modules" in volume.in_project(folder) for folder in answer.says.get("folders", ())):
        return [NODE_MODULES]
    around = [str(folder) for folder in (PurePosixPath(facts.node), *PurePosixPath(facts.node).parents)]
    folders = [PurePosixPath(volume.in_project(folder) or "/") for folder in answer.says.get("folders", ())]
    named = any(folder.is_relative_to(facts.node) for folder in folders)
    if facts.node in {"", "."} or named or any(f"{folder}/__init__.py" in tracked for folder in around):
        return []
    return [
        f"Node builds {facts.node}/, and neither STATICFILES_DIRS nor TEMPLATES names a folder in it: unless its "
        "output goes to one that Django serves, leave it out with --node ''."
    ]


def data(answer: Answer, tracked: Collection[str]) -> list[str]:
    """Say how to take over a database and uploads that git tracks, as a container begins with empty ones."""
    said = []
    for path in volume.databases(answer, tracked):
        there = shlex.quote(f"cat > {shlex.quote(f'/app/data/{name_of(path)}')}")
        said.append(
            f"{path} stays out of the image, and a container begins with an empty database: `./inv run --detach`, then "
            f"`./inv shell -- sh -c {there} < {shlex.quote(path)}` takes it over."
        )
    media = volume.in_project(answer.settings["MEDIA_ROOT"])
    if media and not media.startswith("data/") and any(path.startswith(f"{media}/") for path in tracked):
        said.append(
            f"{media}/ is in git, and a container keeps uploads in its volume: `./inv run --detach`, then `tar c -C "
            f"{media} . | ./inv shell -- sh -c 'mkdir -p /app/data/media && tar x -C /app/data/media'` takes them over."
        )
    return said


def secrets(tracked: Iterable[str]) -> list[str]:
    """Say which files that git tracks look as if they were secret."""
    found = [path for path in tracked if SECRET.search(name_of(path)) and not apart(path)]
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    said = f"In git, and so in the image: {', '.join(found[:MOST])}{more}. Take out what is secret."
    return [said] if found else []


def server(tracked: Iterable[str]) -> list[str]:
    found = [path for path in tracked if name_of(path) in SERVERS and not apart(path)]
    return [f"{found[0]} is not read: what it sets belongs in serving/gunicorn.conf.py."] if found else []


def database(facts: Facts) -> list[str]:
    """Say how to get the database whose driver is there, where SQLite is what the settings have by themselves."""
    if facts.database != "sqlite" or "db" not in facts.offered:
        return []
    return [
        "psycopg is installed, and the database is SQLite unless DATABASE_URL says another: `./inv up --with db` "
        "brings PostgreSQL, and --database postgres makes it the usual one."
    ]


def more_databases(answer: Answer) -> list[str]:
    """Say what becomes of databases besides the default one; those of SQLite are migrated as that is."""
    found = answer.says["databases"].items()
    names = [alias for alias, one in found if alias != "default" and one["ENGINE"] and kind(one["ENGINE"]) != "sqlite"]
    if not names:
        return []
    return [
        f"DATABASES has {' and '.join(names)} too, which nothing here brings or migrates: once it runs where the "
        f"settings say, `./inv manage --place compose -- migrate --database {names[0]}` does."
    ]


def migrations(answer: Answer) -> list[str]:
    """Say which apps have models that no migration makes."""
    apps = answer.says.get("unmigrated")
    if not apps:
        return []
    return [
        f"No migration makes the models of {', '.join(apps)}: `python manage.py makemigrations {' '.join(apps)}`, and "
        "commit them; .gitignore may leave them out."
    ]


def translations(tracked: Collection[str]) -> list[str]:
    """Say that translations are not compiled, as git has only their sources."""
    found = [path for path in tracked if path.endswith(".po") and not apart(path) and f"{path[:-2]}mo" not in tracked]
    return [
        f"{path} is not compiled: `python manage.py compilemessages`, and commit the .mo files." for path in found[:1]
    ]
