"""Django's answer about a project, and the variables that it has to have for one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from invoke.exceptions import Exit

from djk8s.adopt import ask, guesses, inside
from djk8s.adopt.ask import Answer
from djk8s.dotenv.reads import Reads
from djk8s.facts import Facts

Asked = Callable[..., Answer]


def test_project_that_needs_nothing(asked: Asked) -> None:
    answer = asked('print("hello")\n')
    assert (answer.required, answer.notes) == ({}, ())
    assert answer.settings["WSGI_APPLICATION"] == "shop.wsgi.application"
    assert answer.says["databases"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert (answer.says["asgi"], answer.says["asgi_is_more"], answer.says["coroutine"]) == (
        "shop.asgi.application",
        False,
        "",
    )


def test_password_is_never_in_the_answer(asked: Asked) -> None:
    answer = asked("""
DATABASES["default"]["PASSWORD"] = "hunter2"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://:hunter2@r:6379"}}
CELERY_BROKER_URL = "amqp://shop:hunter2@r//"
CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": ["redis://shop:hunter2@r"]}}}
Q_CLUSTER = {"redis": {"password": "hunter2"}}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "OPTIONS": {"p": "hunter2"}}}
""")
    assert "hunter2" not in str(answer)
    assert answer.says["caches"]["default"]["LOCATION"] == "redis://:…@r:6379"


OWN_WORDS = """\
import os
from django.core.exceptions import ImproperlyConfigured
if not os.getenv("CLINIC"):
    raise ImproperlyConfigured("You have to say CLINIC, sir")
"""
AN_EXIT = """\
import os, sys
if not os.environ.get("CLINIC"):
    sys.exit("CLINIC must be set")
"""
AN_ADDRESS = """\
import os
import dj_database_url
DATABASES["default"] = dj_database_url.parse(os.environ["MY_STORE"])
"""
BY_NAME = """
import os
A = os.environ["SITE_URL"], os.environ["ADMIN_URL"], os.environ["MAIL_HOST"], os.environ["EMAIL_HOST_USER"]
B = os.environ["REDIS_URL"]
"""
NAMED = {
    "SITE_URL": "http://localhost:8000",
    "ADMIN_URL": "admin/",
    "MAIL_HOST": "localhost",
    "EMAIL_HOST_USER": "change-me",
    "REDIS_URL": "redis://localhost:6379/0",
}
NEEDED = [
    pytest.param('import os\nA = os.environ["PHONE"]\n', {"PHONE": "change-me"}, id="os.environ"),
    pytest.param('import os\nA = int(os.environ["BEDS"])\n', {"BEDS": "1"}, id="a number"),
    pytest.param('import os, json\nA = {**json.loads(os.environ["BEDS"])}\n', {"BEDS": "{}"}, id="JSON"),
    pytest.param(BY_NAME, NAMED, id="by their names"),
    pytest.param(AN_ADDRESS, {"MY_STORE": guesses.POSTGRES}, id="an address under another name"),
    pytest.param(OWN_WORDS, {"CLINIC": "change-me"}, id="in their own words"),
    pytest.param(AN_EXIT, {"CLINIC": "change-me"}, id="an exit"),
    pytest.param(
        'import os\nif not os.getenv("CLINIC"):\n    raise RuntimeError("CLINIC is not set")\n',
        {"CLINIC": "change-me"},
        id="any error that names it",
    ),
    pytest.param(
        'import os\nALLOWED_HOSTS = os.getenv("MY_HOSTS").split(",")\n',
        {"MY_HOSTS": "localhost"},
        id="None has no split",
    ),
    pytest.param(
        'import os\nA = {"PORT": int(os.environ.get("DB_PORT"))}\n', {"DB_PORT": "5432"}, id="None is no number"
    ),
]


@pytest.mark.parametrize(("settings", "required"), NEEDED)
def test_variable_that_is_missing_is_filled(asked: Asked, settings: str, required: dict[str, str]) -> None:
    assert asked(settings).required == required


def test_key_that_is_empty_is_filled_under_the_name_that_it_is_read_from(asked: Asked) -> None:
    answer = asked('import os\nKEY = os.environ.get("ORCHARD_SECRET", "")\nSECRET_KEY = KEY\n')
    assert re.fullmatch(r"[\w-]{50,}", answer.required["ORCHARD_SECRET"])
    assert answer.for_build == {"DEBUG": "0", "ORCHARD_SECRET": "for-this-line-only"}


def test_variable_that_an_error_only_mentions_keeps_its_value(asked: Asked) -> None:
    settings = """
import os
from django.core.exceptions import ImproperlyConfigured
DEBUG = os.environ.get("MY_DEBUG", "True") == "True"
if not DEBUG and not os.environ.get("MY_SECRET_KEY"):
    raise ImproperlyConfigured("MY_SECRET_KEY must be set when MY_DEBUG is off")
"""
    answer = asked(settings, example={"MY_DEBUG": "True"})
    assert [*answer.required] == ["MY_DEBUG", "MY_SECRET_KEY"]
    assert answer.required["MY_DEBUG"] == "0"


DEBUGS = [
    pytest.param('DEBUG = os.environ.get("DEBUG", "True") == "True"\n', {}, id="DEBUG"),
    pytest.param('DEBUG = os.environ.get("MY_DEBUG", "1") == "1"\n', {"MY_DEBUG": "0"}, id="another name"),
    pytest.param('DEBUG = os.environ.get("MY_DEBUG") != "False"\n', {"MY_DEBUG": "False"}, id="only False is off"),
    pytest.param('DEBUG = bool(os.environ.get("DEBUG", "on"))\n', {"DEBUG": ""}, id="only nothing is off"),
    pytest.param('DEBUG = os.environ.get("MY_DEBUG") == "1"\n', {}, id="off by itself"),
    pytest.param('DEBUG = os.environ["MY_DEBUG"] == "1"\n', {"MY_DEBUG": "0"}, id="it has to be there"),
    pytest.param('DEBUG = bool(int(os.environ["MY_DEBUG"]))\n', {"MY_DEBUG": "0"}, id="a number"),
]


@pytest.mark.parametrize(("settings", "required"), DEBUGS)
def test_site_is_asked_as_it_is_served(asked: Asked, settings: str, required: dict[str, str]) -> None:
    """What its settings do without DEBUG counts: here a variable that nothing else needs."""
    needs = 'if not DEBUG:\n    A = os.environ["PHONE"]\n'
    answer = asked(f"import os\n{settings}{needs}")
    assert answer.required == {**required, "PHONE": "change-me"}
    assert answer.settings["DEBUG"] is False
    assert answer.for_build == {"DEBUG": "0", **required, "PHONE": "change-me"}


@pytest.mark.parametrize(
    "settings", ["from shop.keys import KEY\n", "open('keys/a.json')\n", "open('/app/keys/a.json')\n"]
)
def test_file_that_git_does_not_track_is_told(asked: Asked, root: Path, settings: str) -> None:
    """The image does not have it, as there it is only where the tests look for it."""
    (root / "shop").mkdir(parents=True, exist_ok=True)
    name = "shop/keys.py" if "import" in settings else "keys/a.json"
    failure = "No module named 'shop.keys'" if "import" in settings else "No such file or directory: '/app/keys/a.json'"
    with pytest.raises(Exit, match=f"git does not track {name}, so the image does not have it"):
        asked(
            f"import pathlib\npathlib.Path('{name}').parent.mkdir(exist_ok=True)\n"
            f"pathlib.Path('{name}').write_text('')\nraise OSError(\"{failure}\")\n"
        )


@pytest.mark.parametrize(("line", "says"), [
    ("from json import nothing\n", "Its settings cannot be loaded"),
    ("from shop.base import A\n", "Its settings cannot be loaded"),
    ("from packaging.version import nothing\n", "packaging.version cannot be imported (ImportError: "),
])  # fmt: skip
def test_package_that_is_not_for_this_python_is_told_apart(asked: Asked, line: str, says: str) -> None:
    with pytest.raises(Exit) as error:
        asked(line, files={"shop/base.py": ""})
    assert str(error.value.message).startswith(says)


@pytest.mark.parametrize("given", [{}, {"DJANGO_ENV": "staging"}])
def test_value_that_a_person_gave_wins_over_the_environment_for_production(asked: Asked, given: dict[str, str]) -> None:
    chosen = {"DJANGO_ENV": "production"}
    answer = asked('import os\nA = os.environ["DJANGO_ENV"]\n', production=chosen, given=given)
    assert answer.required == {**chosen, **given}


def test_variable_that_only_wsgi_reads_is_found(asked: Asked) -> None:
    extra = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\nA = os.environ["ONLY_HERE"]\n'
    extra += "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    assert asked(files={"shop/wsgi.py": extra}).required == {"ONLY_HERE": "change-me"}


def test_value_that_a_person_gave_is_used_and_not_asked_for(asked: Asked) -> None:
    assert asked('import os\nA = int(os.environ["BEDS"])\n', given={"BEDS": "12"}).required == {"BEDS": "12"}


def test_value_of_their_example_is_tried_first(asked: Asked) -> None:
    settings = 'import os\nA = os.environ["ADMIN_URL"]\n'
    assert asked(settings, example={"ADMIN_URL": "door/"}).required == {"ADMIN_URL": "door/"}


def test_variable_for_which_nothing_fits_is_named(asked: Asked) -> None:
    settings = 'import os\nif os.environ["CLINIC"] != "x":\n    raise ValueError("CLINIC")\n'
    with pytest.raises(Exit) as error:
        asked(settings)
    assert "--env CLINIC=" in str(error.value.message)


@pytest.mark.parametrize(("settings", "says"), [
    ("import nowhere_at_all\n", "nowhere_at_all, which is not installed (shop/settings.py:10)"),
    ("A = 1 / 0\n", "ZeroDivisionError: division by zero"),
    ("A = (\n", "SyntaxError"),
    ('A = {}["CLINIC"]\n', "KeyError: 'CLINIC'"),
    ("raise ModuleNotFoundError(\"No module named 'pkg_resources'\")\n", "add setuptools<81 to requirements.txt"),
    ('from django.core.exceptions import ImproperlyConfigured as E\nraise E("Error loading MySQLdb module.")\n',
     "add mysqlclient to requirements.txt"),
    ("import distutils_of_ours\n", "distutils_of_ours, which is not installed"),
    ("import asyncore.x\n", "which Python 3.11 was the last to have: name it with --python 3.11"),
    ('from django.core.exceptions import ImproperlyConfigured as E\nraise E("No SECRET_KEY at all.")\n',
     "the variable that SECRET_KEY is read from with --env"),
    ("INSTALLED_APPS += ['debug_toolbar']\n", "debug_toolbar, which is not installed"),
])  # fmt: skip
def test_what_is_no_missing_variable_is_one_sentence_with_its_place(
    asked: Asked, root: object, settings: str, says: str
) -> None:
    with pytest.raises(Exit) as error:
        asked(settings)
    sentence = str(error.value.message).replace(f"{root}/", "")
    assert says in sentence
    assert "\n" not in sentence


def test_setting_that_an_app_wants_is_no_variable(asked: Asked) -> None:
    wants = "from django.core.exceptions import ImproperlyConfigured as E\nraise E('The A_B setting is required.')\n"
    with pytest.raises(Exit) as error:
        asked('INSTALLED_APPS += ["shop"]\n', files={"shop/apps.py": wants})
    assert "The A_B setting is required." in str(error.value.message)
    assert "--env" not in str(error.value.message)


def test_app_that_asks_a_database_while_it_starts_is_a_note(asked: Asked) -> None:
    app = "from django.apps import AppConfig\nclass C(AppConfig):\n    name = 'shop'\n    def ready(self):\n"
    app += "        from django.contrib.auth.models import User\n        User.objects.count()\n"
    answer = asked("INSTALLED_APPS += ['shop.apps.C']\n", {"shop/apps.py": app})
    assert "no such table" in answer.notes[0]
    assert answer.says["asgi"] == "shop.asgi.application"


def test_urls_that_cannot_be_imported_are_refused(asked: Asked) -> None:
    with pytest.raises(Exit) as error:
        asked(files={"shop/urls.py": "import nowhere_at_all\n"})
    assert "nowhere_at_all, which is not installed" in str(error.value.message)


def test_settings_that_were_asked_are_named_with_those_beside_them(asked: Asked) -> None:
    more = {"shop/settings_prod.py": "", "shop/models.py": "", "shop/urls.py": "1 / 0\n"}
    with pytest.raises(Exit) as error:
        asked(files=more)
    assert "Its urls cannot be loaded: ZeroDivisionError" in str(error.value.message)
    assert "other settings than shop.settings with --settings, as shop.settings_prod." in str(error.value.message)


def test_urls_are_those_of_a_site_that_is_served(asked: Asked) -> None:
    guarded = "from django.conf import settings\nurlpatterns = []\nif settings.DEBUG:\n    import debug_toolbar\n"
    answer = asked("DEBUG = True\n", files={"shop/urls.py": guarded})
    assert (answer.notes, answer.settings["DEBUG"]) == ((), True)


def test_models_that_no_migration_has_to_make(asked: Asked) -> None:
    def unmigrated(meta: str) -> list[str]:
        model = "from django.contrib.auth.models import User\nfrom django.db import models\n"
        model += f"class A({'User' if 'proxy' in meta else 'models.Model'}):\n    class Meta:\n        {meta} \n"
        found: list[str] = asked("INSTALLED_APPS += ['shop']\n", {"shop/models.py": model}).says["unmigrated"]
        return found

    assert [unmigrated(meta) for meta in ("proxy = True", "managed = False", "ordering = []")] == [[], [], ["shop"]]


def test_asgi_that_cannot_be_imported_is_a_note(asked: Asked) -> None:
    answer = asked(files={"shop/asgi.py": "import nowhere_at_all\n"})
    assert "Its asgi could not be read" in answer.notes[0]


def test_log_file_that_only_the_overlay_makes_harmless_stops_nothing(asked: Asked) -> None:
    handler = "{'class': 'logging.FileHandler', 'filename': '/nowhere/at/all.log'}"
    answer = asked(f"LOGGING = {{'version': 1, 'handlers': {{'f': {handler}}}}}\n")
    assert answer.says["failures"] == []


# As the packages say it, which the environment of the tests has not: django-environ 0.12, decouple 3.8, environs 14.
TEXTS = [
    ("ImproperlyConfigured", "Set the SHOP_KEY environment variable"),
    ("UndefinedValueError", "SHOP_KEY not found. Declare it as envvar or define a default value."),
    ("EnvError", 'Environment variable "SHOP_KEY" not set'),
]


@pytest.mark.parametrize(("kind", "text"), TEXTS)
def test_variable_is_read_from_what_packages_say(kind: str, text: str) -> None:
    failure = {"text": text, "type": kind, "bases": [kind], "missing": [], "from_environ": False}
    assert ask.missing(failure, Reads()) == ["SHOP_KEY"]


def test_python_that_prints_no_answer_is_one_sentence() -> None:
    with pytest.raises(Exit) as error:
        ask.parsed("hello\n", "Traceback\nSegmentation fault\n")
    assert "Segmentation fault" in str(error.value.message)


def test_password_of_an_address_that_was_given_is_in_no_file_that_git_keeps() -> None:
    answer = Answer({}, {"DATABASE_URL": "postgres://site:hunter2@db/site", "PHONE": "1"})
    assert answer.to_show == {"DATABASE_URL": "postgres://site:password@db/site", "PHONE": "1"}
    assert "hunter2" not in str(answer.for_build)


def test_key_that_the_settings_want_in_a_way_of_their_own(asked: Asked) -> None:
    own = "import os\nif not os.environ.get('SECRET' + '_KEY'):\n    raise ValueError('No MY_SECRET_KEY set')\n"
    answer = asked(own)
    assert answer.says["failures"] == []
    assert answer.required == {}


# As pydantic 1 has them, which is compiled: its frames have no variables, and no path.
PYDANTIC_1 = """
class Field:
    def __init__(self, name):
        self.alias, self.field_info = name, type("Info", (), {"extra": {"env_names": {f"shop_{name}"}}})
class BaseSettings:
    __config__ = type("Config", (), {"case_sensitive": False})
    __fields__ = {"key": Field("key"), "beds": Field("beds")}
class ValidationError(ValueError):
    model = BaseSettings
    def errors(self):
        return self.args[0]
import os
errors = [{"loc": ("key",), "type": "value_error.missing"}] if "SHOP_KEY" not in os.environ else []
errors += [{"loc": ("beds",), "type": "type_error.integer"}] if not os.environ.get("SHOP_BEDS", "").isdigit() else []
if errors:
    exec(compile("raise ValidationError(errors)", "pydantic/main.py", "exec"))
"""


def test_package_whose_own_code_is_too_old_is_named(asked: Asked, root: Path) -> None:
    """As one that imports getargspec, which Python 3.11 took out, where no line of the project is involved."""
    old = root.parent / "lib/site-packages/rules_of_old"
    old.mkdir(parents=True)
    (old / "__init__.py").write_text("")
    (old / "apps.py").write_text("from inspect import getargspec\n")
    with pytest.raises(Exit) as error:
        asked(f"import sys\nsys.path.append({str(old.parent)!r})\nINSTALLED_APPS.append('rules_of_old')\n")
    assert str(error.value.message).startswith("rules_of_old cannot be imported (ImportError: cannot import name")


def test_django_that_lacks_a_setting_is_not_too_old(asked: Asked) -> None:
    with pytest.raises(Exit, match="Its urls cannot be loaded: AttributeError: 'Settings' object has no attribute"):
        asked("del ROOT_URLCONF\n")


def test_class_of_settings_of_pydantic_1_says_the_whole_names(asked: Asked) -> None:
    answer = asked(PYDANTIC_1)
    assert [*answer.required] == ["SHOP_KEY", "SHOP_BEDS"]
    assert answer.required["SHOP_BEDS"] == "1"


def test_what_is_compiled_is_no_place_of_the_project(asked: Asked, root: Path) -> None:
    with pytest.raises(Exit) as error:
        asked('exec(compile("1 / 0", "some/package.py", "exec"))\n')
    assert "some/package.py" not in str(error.value.message)
    assert "shop/settings.py:10" in str(error.value.message)


def test_last_line_that_is_printed_before_an_exit_is_the_reason(asked: Asked) -> None:
    """As a helper of theirs does that asks for a variable."""
    own = (
        "import os, sys\nif not os.getenv('CLINIC'):\n    print('Dear user,\\nyou must set CLINIC')\n    sys.exit(1)\n"
    )
    assert asked(own).required == {"CLINIC": "change-me"}
    with pytest.raises(Exit, match="SystemExit: no luck today, "):
        asked("import sys\nprint('no luck today', file=sys.stderr)\nsys.exit(1)\n")


def test_container_without_a_network_finds_itself_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As settings do that make INTERNAL_IPS of socket.gethostbyname(socket.gethostname())."""

    def ran(argv: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        words = " ".join(argv)
        return subprocess.CompletedProcess(argv, 0, f'{inside.MARK}{{"failures": [], "typed": "{words}"}}', "")

    monkeypatch.setattr("subprocess.run", ran)
    said = ask.in_image("docker", "shop", Facts("shop", "shop.settings", "shop.wsgi:application"), {})
    assert " --network none --hostname localhost " in said["typed"]


@pytest.mark.parametrize(("packages", "says"), [
    ("requirements.txt", "add its package to requirements.txt, and commit that."),
    ("uv.lock", "`uv add` its package, and commit that."),
    ("web/poetry.lock", "`poetry add` its package, and commit that."),
])  # fmt: skip
def test_package_that_is_missing_is_added_as_they_are_locked(packages: str, says: str) -> None:
    failure = {"step": "settings", "type": "ImportError", "bases": [], "frames": [], "text": "No module named 'a'"}
    with pytest.raises(Exit) as error:
        ask.note(failure, packages, ask.Known())
    assert str(error.value.message).endswith(says)
