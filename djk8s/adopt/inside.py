"""What Django itself says of a project, as one line of JSON. It runs in the project's image: `python - < inside.py`.

It needs Python 3.8, Django 2.2 and the standard library, and nothing of djk8s. A step that fails is a part of the
answer: what was raised, and where in the project's own files.
"""

from __future__ import annotations

import inspect
import json
import linecache
import os
import re
import sys
import sysconfig
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MARK = "djk8s-answer: "
AS_THEY_ARE = (
    "ASGI_APPLICATION",
    "COMPRESS_ENABLED",
    "COMPRESS_OFFLINE",
    "DEBUG",
    "DRAMATIQ_BROKER",
    "HUEY",
    "INSTALLED_APPS",
    "MEDIA_ROOT",
    "MEDIA_URL",
    "Q_CLUSTER",
    "RQ_QUEUES",
    "STATIC_ROOT",
    "TASKS",
    "WSGI_APPLICATION",
)
BROKERS = ("CELERY_BROKER_URL", "BROKER_URL")
ADDRESSES = (*BROKERS, "CACHES", "CHANNEL_LAYERS", "CELERY_RESULT_BACKEND", "RQ_QUEUES", "Q_CLUSTER")
EAGER = ("CELERY_TASK_ALWAYS_EAGER", "CELERY_ALWAYS_EAGER")
SCHEDULES = ("CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
IMPORTED = ("psycopg", "psycopg2", "MySQLdb", "pymysql", "celery")


def main() -> None:
    """Print the answer, whatever else the project prints."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(Path.cwd()))
    before = files()
    said = answer()
    said["written"] = sorted(files() - before)
    print("\n" + MARK + json.dumps(said, default=str), flush=True)


def files() -> set[str]:
    """Return the files that are in the project now, but for bytecode."""
    here, root = Path.cwd(), Path("/app")
    root = root if root in here.parents else here
    found = (path for path in root.rglob("*") if path.suffix != ".pyc" and path.is_file())
    return {path.relative_to(root).as_posix() for path in found}


def answer() -> dict[str, Any]:
    """Return what each step found out; without settings or models there is no next one."""
    said: dict[str, Any] = {"failures": []}
    for step in (settings, apps, urls, wsgi, asgi, celery):
        try:
            said.update(step())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # settings may also end the program
            said["failures"].append(failure(step.__name__, error))
            if step == settings or (step == apps and not has_models()):
                break
    return said


def settings() -> dict[str, Any]:
    """Import the settings."""
    from django.conf import settings

    given = {name: getattr(settings, name, None) for name in AS_THEY_ARE}
    settings.DEBUG = False  # as serving/overlay.py does, and with the key
    if os.environ.get("SECRET_KEY"):
        settings.SECRET_KEY = os.environ["SECRET_KEY"]
    assert settings.SECRET_KEY  # which says itself that it is empty
    settings.LOGGING_CONFIG = None  # a log file may be where only a container's overlay lets it be
    given["DRAMATIQ_BROKER"] = "redis" in str((given["DRAMATIQ_BROKER"] or {}).get("BROKER", "")).lower()
    huey = given["HUEY"]  # a class in a dictionary, by default the one for redis, or an instance
    name = huey.get("huey_class", "RedisHuey") if isinstance(huey, dict) else type(huey).__name__
    given["HUEY"] = bool(huey) and "redis" in name.lower()
    given["Q_CLUSTER"] = "redis" in (given["Q_CLUSTER"] or ())
    given["RQ_QUEUES"] = [*(given["RQ_QUEUES"] or ())]
    storages = getattr(settings, "STORAGES", None) or {}
    tasks = given["TASKS"] or {}
    given["TASKS"] = {alias: task.get("BACKEND") for alias, task in tasks.items()}
    return {
        "installed": [name for name in IMPORTED if find_spec(name)],
        "settings": given,
        "folders": served(settings),
        "cache_hosts": cache_hosts(settings),
        "static_storage": storages.get("staticfiles", {}).get("BACKEND")
        or getattr(settings, "STATICFILES_STORAGE", ""),
        "file_storage": storages.get("default", {}).get("BACKEND") or getattr(settings, "DEFAULT_FILE_STORAGE", ""),
        "databases": chosen(settings.DATABASES, "ENGINE", "NAME", "HOST"),
        "caches": chosen(settings.CACHES, "BACKEND", "LOCATION"),
        "channel_layers": {
            alias: {"BACKEND": layer.get("BACKEND"), "hosts": masked(layer.get("CONFIG", {}).get("hosts", ""))}
            for alias, layer in (getattr(settings, "CHANNEL_LAYERS", None) or {}).items()
        },
        "broker": masked(next((getattr(settings, name) for name in BROKERS if getattr(settings, name, "")), "")),
        "eager": any(getattr(settings, name, False) for name in EAGER),
        "beat": any(getattr(settings, name, None) for name in SCHEDULES),
    }


def served(settings: Any) -> list[str]:
    """Return the folders outside apps in which the settings look for static files and templates."""
    static = [one[1] if isinstance(one, (list, tuple)) else one for one in settings.STATICFILES_DIRS]
    return [str(one) for one in (*static, *(one for engine in settings.TEMPLATES for one in engine.get("DIRS", ())))]


def cache_hosts(settings: Any) -> list[str]:
    """Return the hosts of caches and brokers that are one word, as Compose names a service."""
    text = repr([getattr(settings, name, None) for name in ADDRESSES])
    hosts = re.findall(r"""(?:rediss?://(?:[^@/\s']*@)?|'(?:HOST|host)': '|\(')([A-Za-z][\w-]*)(?=[:/?'"])""", text)
    hosts += re.findall(r"'([A-Za-z][\w-]*):11211'", text)
    return sorted({*hosts} - {"localhost"})


def apps() -> dict[str, Any]:
    """Load the apps and their models."""
    from django.apps import apps
    from django.conf import settings

    try:
        apps.populate(settings.INSTALLED_APPS)
    finally:
        apps.ready = apps.models_ready  # where only an app's ready() failed, the next steps can still be taken
    here = str(Path.cwd()) if Path("/app") not in Path.cwd().parents else "/app"
    own = [app for app in apps.get_app_configs() if app.path.startswith(here) and any(map(is_made, app.get_models()))]
    unmigrated = [app.label for app in own if not [*Path(app.path, "migrations").glob("[!_]*.py")]]
    return {"unmigrated": [label for label in unmigrated if label not in getattr(settings, "MIGRATION_MODULES", {})]}


def is_made(model: Any) -> bool:
    """Return whether migrations make the table of a model."""
    return bool(model._meta.managed and not model._meta.proxy)


def has_models() -> bool:
    from django.apps import apps

    return apps.models_ready


def urls() -> dict[str, Any]:
    """Find a URL that is answered by a coroutine, and whether one shows uploads."""
    from django.conf import settings
    from django.urls import Resolver404, get_resolver, resolve

    said = {"coroutine": next(coroutines(get_resolver().url_patterns), ""), "uploads": False}
    media = (settings.MEDIA_URL or "").strip("/")
    with suppress(Resolver404):
        said["uploads"] = bool(media) and media in resolve(f"/{media}/a.png").route
    return said


def coroutines(patterns: Any) -> Any:
    """Yield the name of each view that is one."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from coroutines(pattern.url_patterns)
        elif is_async(pattern.callback):
            yield getattr(pattern.callback, "__qualname__", "") or type(pattern.callback).__name__


def is_async(view: Any) -> bool:
    # Django marks what is no coroutine function by itself, up to Python 3.11 with this attribute.
    return (
        inspect.iscoroutinefunction(view)
        or hasattr(view, "_is_coroutine")
        or bool(getattr(getattr(view, "view_class", None), "view_is_async", False))
    )


def wsgi() -> dict[str, Any]:
    """Load the application that a server of threads runs."""
    from django.conf import settings

    if settings.WSGI_APPLICATION:
        load(settings.WSGI_APPLICATION)
    return {}


def asgi() -> dict[str, Any]:
    """Find the application for a server of coroutines, and whether it is more than Django's own."""
    from django.conf import settings

    module = re.sub(r"\bwsgi\b", "asgi", (settings.WSGI_APPLICATION or "").rpartition(".")[0])
    path = getattr(settings, "ASGI_APPLICATION", None) or (f"{module}.application" if module else "")
    if not path or path == settings.WSGI_APPLICATION or not find_spec(path.rpartition(".")[0]):
        return {"asgi": "", "asgi_is_more": False}
    application = load(path)
    return {"asgi": path, "asgi_is_more": type(application).__module__ != "django.core.handlers.asgi"}


def celery() -> dict[str, Any]:
    """Look at the Celery app that the project made, if that came with the rest."""
    if "celery" not in sys.modules:
        return {}
    app = import_module("celery").current_app
    if not app.main:
        return {}
    return {
        "celery_broker": masked(app.conf.broker_url or ""),
        "celery_beat": bool(app.conf.beat_schedule),
        "eager": bool(app.conf.task_always_eager),
    }


def load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def chosen(several: Any, *keys: str) -> dict[str, Any]:
    return {alias: {key: masked(one.get(key, "")) for key in keys} for alias, one in (several or {}).items()}


def masked(value: Any) -> str:
    """Return a value as text, without the passwords of its URLs."""
    return re.sub(r"(://[^/@\s:]*):[^@\s]*@", r"\1:…@", str(value or ""))


def failure(step: str, error: BaseException) -> dict[str, Any]:
    """Return what was raised, where in files of the project, and the variables that it is about, where it knows."""
    missing, wrong = of_pydantic(error)
    return {
        "step": step,
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "text": str(error.code if isinstance(error, SystemExit) else error),
        "from_environ": is_from_environ(error),
        "frames": own_frames(error),
        "package": package(error),
        "missing": missing,
        "wrong": wrong,
    }


def is_from_environ(error: BaseException) -> bool:
    """Return whether a KeyError is of os.environ, and of no other dictionary."""
    frames = traceback.extract_tb(error.__traceback__)
    at = type(os.environ).__getitem__.__code__.co_filename
    return isinstance(error, KeyError) and bool(frames) and frames[-1].filename == at


def own_frames(error: BaseException) -> list[dict[str, Any]]:
    """Return the last three places in files of the project."""
    library = sysconfig.get_paths()["stdlib"]
    found = [
        {
            "file": frame.filename,
            "line": frame.lineno,
            "end": getattr(frame, "end_lineno", None) or frame.lineno,
            "code": (frame.line or "").strip(),
        }
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_absolute()  # as neither <frozen …> nor what is compiled is
        and not frame.filename.startswith(library)
        and "-packages" not in frame.filename
    ]
    if isinstance(error, SyntaxError) and error.filename:
        code = linecache.getline(error.filename, error.lineno or 0).strip()
        found.append({"file": error.filename, "line": error.lineno, "end": error.lineno, "code": code})
    return found[-3:]


def package(error: BaseException) -> str:
    """Return the installed package in whose code an error was raised last; "" for none."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    found = [name[1] for name in (re.search(r"-packages[/\\](\w+)", file) for file in files) if name]
    return found[-1] if found else ""


def of_pydantic(error: BaseException) -> tuple[list[str], list[str]]:
    """Return the variables that a class of settings of pydantic misses, and those whose values it does not take."""
    model = settings_class(error)
    if model is None or not hasattr(error, "errors"):
        return [], []
    missing: list[str] = []
    wrong: list[str] = []
    for one in error.errors():
        names = variables(model, [str(part) for part in one["loc"]])
        (missing if one["type"] in {"missing", "value_error.missing"} else wrong).extend(names)
    return missing, wrong


def settings_class(error: BaseException) -> Any:
    """Return the class whose instance was being made, from the frames in which it was."""
    model = getattr(error, "model", None)  # of pydantic 1, which is compiled: its frames have no variables
    if any(base.__name__ == "BaseSettings" for base in getattr(model, "__mro__", ())):
        return model
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for name in ("__pydantic_self__", "self"):
            model = type(frame.f_locals.get(name))
            if hasattr(model, "settings_customise_sources") or any(
                base.__name__ == "BaseSettings" for base in model.__mro__
            ):
                return model
    return None


def variables(model: Any, where: list[str]) -> list[str]:
    """Return the variables that the place `where` in a class of settings is read from."""
    if not hasattr(model, "model_fields"):  # pydantic 1
        fields = [field for field in model.__fields__.values() if field.alias == where[0]]
        names = [sorted(field.field_info.extra.get("env_names") or [where[0]])[0] for field in fields]
        return [name if model.__config__.case_sensitive else name.upper() for name in names]
    config = model.model_config
    delimiter = config.get("env_nested_delimiter")
    field = model.model_fields.get(where[0])
    whole = config.get("env_prefix", "") + where[0] if field else where[0]  # an alias has no prefix
    whole = delimiter.join([whole, *where[1:]]) if delimiter else whole
    names = leaves(whole, field, delimiter) if delimiter and field and len(where) == 1 else [whole]
    return [name if config.get("case_sensitive") else name.upper() for name in names]


def leaves(name: str, field: Any, delimiter: str) -> list[str]:
    """Return the variables of a field, which are those of its own fields where it has any that must be there."""
    inner = getattr(field.annotation, "model_fields", None)
    if not inner:
        return [name]
    needed = {part: one for part, one in inner.items() if one.is_required()}
    return [leaf for part, one in needed.items() for leaf in leaves(name + delimiter + part, one, delimiter)]


if __name__ == "__main__":
    main()
