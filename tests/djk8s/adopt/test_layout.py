"""Where manage.py and the settings of a project are, and what cannot be adopted."""

from __future__ import annotations

from pathlib import Path

import pytest
from invoke.exceptions import Exit

from djk8s.adopt import layout
from djk8s.adopt.found import Found, Unsure
from repository_of import committed, git, manage, wsgi


def refused(error: pytest.ExceptionInfo[Exit]) -> str:
    sentence = str(error.value.message)
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for a project."""
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


MANAGE_IN_TEXT = "Write `execute_from_command_line(sys.argv)`.\n"
PLACES = [
    pytest.param(["manage.py"], ".", id="the project's own folder"),
    pytest.param(["src/manage.py", "src/deep/manage.py"], "src", id="the shallowest"),
    pytest.param(["tests/manage.py", "web/back/manage.py"], "web/back", id="not that of tests"),
    pytest.param(
        ["docs/manage.py", "example/manage.py", "a/{{ x }}/manage.py", "a/b/manage.py"], "a/b", id="nor others"
    ),
]


@pytest.mark.parametrize(("paths", "folder"), PLACES)
def test_folder_of_manage(root: Path, paths: list[str], folder: str) -> None:
    committed(root, dict.fromkeys(paths, manage("shop.settings")))
    assert layout.manage(root).value == folder


def test_manage_that_calls_the_main_of_a_module(root: Path) -> None:
    calling = "from shop.manage import main\n\nmain()\n"
    committed(root, {"manage.py": calling, "shop/manage.py": manage("shop.settings")})
    assert layout.manage(root).value == "."


def test_manage_that_is_no_djangos_or_not_in_git_is_none(root: Path) -> None:
    committed(root, {"manage.py": "print('flask')\n", ".gitignore": "venv\n"})
    (root / "venv").mkdir()
    (root / "venv/manage.py").write_text(manage("x"))
    with pytest.raises(Exit) as error:
        layout.manage(root)
    assert "--src" in refused(error)


def test_file_that_could_be_manage_is_named(root: Path) -> None:
    """As patchman's sbin/patchman-manage."""
    committed(
        root, {"docs/a.py": manage("x"), "sbin/shop-manage": manage("shop.settings"), "README.md": MANAGE_IN_TEXT}
    )
    with pytest.raises(Exit) as error:
        layout.manage(root)
    assert (
        refused(error) == "git tracks no manage.py: copy sbin/shop-manage, which runs Django, to that, and commit it."
    )


def test_two_manage_at_one_depth_are_refused_by_name(root: Path) -> None:
    committed(root, {"a/manage.py": manage("a.settings"), "b/manage.py": manage("b.settings")})
    with pytest.raises(Exit) as error:
        layout.manage(root)
    assert "a/manage.py and b/manage.py" in refused(error)
    assert layout.manage(root, "b") == Found("b", "--src")


@pytest.mark.parametrize("given", ["{root}/a", "../other/a"])
def test_manage_outside_the_project_is_refused(root: Path, given: str) -> None:
    committed(root, {"a/manage.py": manage("a.settings")})
    (root.parent / "other").symlink_to(root)
    with pytest.raises(Exit, match=r"There is no manage\.py in"):
        layout.manage(root, given.format(root=root))


def test_only_manage_of_an_example_is_named(root: Path) -> None:
    committed(root, {"sandbox/manage.py": manage("settings")})
    with pytest.raises(Exit) as error:
        layout.manage(root)
    assert "sandbox/manage.py" in refused(error)


PACKAGE = {f"shop/settings/{name}.py": "" for name in ("__init__", "base", "local")}
LOCAL = {"manage.py": manage("shop.settings.local")}
PRODUCTION = {"shop/settings/production.py": ""}
DEPLOYED = {"shop/settings/live.py": ""}
ON_SYS_PATH = manage("shop.settings").replace(
    "def main():\n", "def main():\n    sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\n"
)
SETTINGS = [
    pytest.param({"manage.py": manage("shop.settings"), "shop/settings.py": ""}, "shop.settings", id="of manage.py"),
    pytest.param({**PACKAGE, **LOCAL, **PRODUCTION, "shop/wsgi.py": wsgi("shop.settings.production")},
                 "shop.settings.production", id="of wsgi.py before that of manage.py"),
    pytest.param({**PACKAGE, **LOCAL, **PRODUCTION}, "shop.settings.production", id="production beside another"),
    pytest.param({**PACKAGE, **LOCAL}, "shop.settings.base", id="base, where there is no production"),
    pytest.param({**PACKAGE, **PRODUCTION, "manage.py": manage("shop.settings")}, "shop.settings.production",
                 id="production in a package that sets nothing itself"),
    pytest.param({**PACKAGE, **PRODUCTION, "manage.py": manage("shop.settings"),
                  "shop/settings/__init__.py": "from .base import *\n"}, "shop.settings", id="a package that chooses"),
    pytest.param({"manage.py": manage("shop.settings"), "shop/settings.py": "", "shop/settings_prod.py": ""},
                 "shop.settings_prod", id="a file for production beside the settings"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED, "Dockerfile": "ENV DJANGO_SETTINGS_MODULE=shop.settings.live\n"},
                 "shop.settings.live", id="of a Dockerfile"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED, "Dockerfile": "ENV DJANGO_SETTINGS_MODULE shop.settings.live\n"},
                 "shop.settings.live", id="of an old Dockerfile"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED, "Procfile": "web: DJANGO_SETTINGS_MODULE=shop.settings.live x\n"},
                 "shop.settings.live", id="of a Procfile"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED, "uwsgi.ini": "env = DJANGO_SETTINGS_MODULE=shop.settings.live\n"},
                 "shop.settings.live", id="of uwsgi.ini"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED,
                  "docker-compose.yml": "DJANGO_SETTINGS_MODULE: ${DJANGO_SETTINGS_MODULE:-shop.settings.live}\n"},
                 "shop.settings.live", id="of Compose, as a default"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED,
                  "app.json": '{"env": {"DJANGO_SETTINGS_MODULE": {"required": true, "value": "shop.settings.live"}}}'},
                 "shop.settings.live", id="of app.json"),
    pytest.param({**PACKAGE, **LOCAL, **DEPLOYED,
                  "render.yaml": "- key: DJANGO_SETTINGS_MODULE\n  value: shop.settings.live\n"},
                 "shop.settings.live", id="of render.yaml"),
    pytest.param({**PACKAGE, **LOCAL, **PRODUCTION, "Dockerfile": "ENV DJANGO_SETTINGS_MODULE=shop.settings.local\n"},
                 "shop.settings.production", id="not of a Dockerfile for development"),
    pytest.param({"manage.py": manage("x").replace('setdefault("DJANGO_SETTINGS_MODULE", "x")',
                  'setdefault("DJANGO_SETTINGS_MODULE", config("DJANGO_SETTINGS_MODULE", default="shop.live"))'),
                  "shop/live.py": ""}, "shop.live", id="the default of decouple"),
    pytest.param({"src/manage.py": manage("shop.settings"), "src/shop/settings.py": ""}, "shop.settings", id="in src"),
    pytest.param({"manage.py": manage("shop.settings"), "src/shop/__init__.py": "", "src/shop/settings.py": ""},
                 "shop.settings", id="in a package's sources beside manage.py"),
    pytest.param({"manage.py": manage("shop.settings"), "shop/settings.py": "", "shop/base/__init__.py": ""},
                 "shop.settings", id="of manage.py, though an app is called base"),
    pytest.param({"manage.py": manage('x').replace('"x"', '"%s.settings" % str("shop")'), "shop/__init__.py": "",
                  "shop/settings.py": ""}, "shop.settings", id="of a name that is put together"),
    pytest.param({"manage.py": ON_SYS_PATH, "lib/shop/settings.py": ""}, "shop.settings", id="in a folder on sys.path"),
    pytest.param({"shop/manage.py": manage("x").replace("DJANGO_", "NO_"), "shop/settings.py": "",
                  "shop/__init__.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
                  "tests/__init__.py": 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"\n'},
                 "shop.settings", id="of the package, where no entry sets it"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "module"), SETTINGS)
def test_module_of_the_settings(root: Path, files: dict[str, str], module: str) -> None:
    committed(root, files)
    assert layout.settings(root, layout.manage(root).value).value == module


def test_settings_beside_those_that_were_found(root: Path) -> None:
    package = {**PACKAGE, **PRODUCTION, "shop/urls.py": ""}
    committed(root, {**package, "src/shop/settings.py": "", "src/shop/settings_live.py": "", "src/shop/urls.py": ""})
    assert layout.beside(root, ".", "shop.settings") == [f"shop.settings.{name}" for name in ("base", "production")]
    assert layout.beside(root, ".", "shop.settings.base") == ["shop.settings.production"]
    assert layout.beside(root, "src", "shop.settings") == ["shop.settings_live"]
    assert layout.beside(root, "shop", "shop.settings.base") == ["shop.settings.production"]  # not seen from manage.py
    assert layout.beside(root, "src", "shop.urls") == ["shop.settings", "shop.settings_live"]


def test_two_deployment_files_are_a_question(root: Path) -> None:
    files = {f"shop/settings/{name}.py": "" for name in ("__init__", "live", "stage")}
    named = {f"{name}.Dockerfile": f"ENV DJANGO_SETTINGS_MODULE=shop.settings.{name}\n" for name in ("live", "stage")}
    committed(root, {**files, **named, "manage.py": manage("shop.settings")})
    with pytest.raises(Unsure) as asked:
        layout.settings(root, ".")
    assert (asked.value.flag, asked.value.choices) == ("--settings", ("shop.settings.live", "shop.settings.stage"))
    assert layout.settings(root, ".", "shop.settings.stage") == Found("shop.settings.stage", "--settings")


def test_module_that_git_does_not_track_is_refused(root: Path) -> None:
    committed(root, {"manage.py": manage("shop.settings")})
    with pytest.raises(Exit) as error:
        layout.settings(root, ".")
    assert "manage.py names shop.settings" in refused(error)
    with pytest.raises(Exit) as error:
        layout.settings(root, ".", "shop.other")
    assert "shop.other" in refused(error)


def test_django_configurations_is_refused(root: Path) -> None:
    text = manage("shop.settings").replace("from django.core", "from configurations")
    text += "# execute_from_command_line of django"
    committed(root, {"manage.py": text, "shop/settings.py": ""})
    with pytest.raises(Exit) as error:
        layout.settings(root, ".")
    assert "django-configurations" in refused(error)


@pytest.mark.parametrize("given", [None, "shop.settings.base"])
def test_dynaconf_is_refused(root: Path, given: str | None) -> None:
    """It takes the place of Django's settings before serving/overlay.py can change any."""
    made = "import dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__, ENVVAR_PREFIX_FOR_DYNACONF='SHOP')\n"
    package = {"shop/settings/__init__.py": "from .base import *\n", "shop/settings/base.py": made}
    committed(root, {"manage.py": manage("shop.settings"), **package})
    with pytest.raises(Exit) as error:
        layout.settings(root, ".", given)
    assert refused(error).startswith("shop/settings/base.py gives the settings to dynaconf")
    committed(root, {"shop/settings/base.py": f"# {made.splitlines()[1]}\n"})
    assert layout.settings(root, ".", given).value == given or "shop.settings"


def test_file_that_forces_its_settings_is_named(root: Path) -> None:
    forcing = wsgi("x").replace('setdefault("DJANGO_SETTINGS_MODULE", "x")', "update()")
    forcing += 'os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\n'
    committed(root, {"manage.py": manage("shop.settings"), "shop/wsgi.py": forcing, "shop/settings.py": ""})
    assert layout.settings(root, ".").where == "shop/wsgi.py"
    assert layout.forced(root, ".") == ["shop/wsgi.py"]


ASKING = [
    'if "DJANGO_SETTINGS_MODULE" not in os.environ:\n    ',
    'if os.getenv("DJANGO_SETTINGS_MODULE") is None:\n    ',
    'if not os.environ.get("DJANGO_SETTINGS_MODULE"):\n    ',
]


@pytest.mark.parametrize("condition", ASKING)
def test_file_that_asks_first_forces_nothing(root: Path, condition: str) -> None:
    sets = f'import os\n{condition}os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\n'
    committed(root, {"manage.py": manage("shop.settings"), "shop/wsgi.py": sets, "shop/settings.py": ""})
    assert layout.settings(root, ".") == Found("shop.settings", "shop/wsgi.py")
    assert layout.forced(root, ".") == []


def test_folders_to_import_from(root: Path) -> None:
    package = {"src/shop/__init__.py": "", "src/shop/celery.py": "", "lib/a.py": ""}
    committed(root, {"manage.py": ON_SYS_PATH, "example/manage.py": manage("x"), **package})
    assert layout.import_path(root, ".") == Found(("src", "lib"), "src/shop/__init__.py, manage.py")
    assert layout.import_path(root, "example").value == ("src",)
    assert layout.import_path(root, "src").value == ()
    assert layout.module_of(root, ".", "src/shop/celery.py") == "shop.celery"
    assert layout.module_of(root, "example", "example/wsgi.py") == "wsgi"


NAMES = [("shop", "shop"), ("My Shop", "my-shop"), ("my_site", "my_site"), ("-a__b-", "a-b"), ("Ünï.café", "n-caf")]


@pytest.mark.parametrize(("folder", "fits"), NAMES)
def test_name_is_that_of_the_folder_made_to_fit(tmp_path: Path, folder: str, fits: str) -> None:
    (tmp_path / folder).mkdir()
    assert layout.name(tmp_path / folder) == Found(fits, "the folder")


def test_name_is_that_of_pyproject_where_the_folder_has_none(tmp_path: Path) -> None:
    (tmp_path / "店").mkdir()
    (tmp_path / "店/pyproject.toml").write_text('[project]\nname = "Shop"\n')
    assert layout.name(tmp_path / "店") == Found("shop", "pyproject.toml")
    with pytest.raises(Exit):
        layout.name(tmp_path / "店", "No")


def test_clean_repository_can_be_adopted(root: Path) -> None:
    layout.check(committed(root, {"manage.py": manage("x"), "frontend/.env": "VITE=1\n"}))


def test_folder_without_git_is_refused(root: Path) -> None:
    with pytest.raises(Exit) as error:
        layout.check(root)
    assert "git init" in refused(error)


CANNOT = [
    pytest.param({"manage.py": "", ".env": "SECRET_KEY=hunter2\n"}, "git rm --cached .env", id="an .env in git"),
    pytest.param({"back/manage.py": "", "back/.env": ""}, "git rm --cached back/.env", id="an .env beside manage.py"),
]


@pytest.mark.parametrize(("files", "says"), CANNOT)
def test_what_cannot_be_adopted_says_what_to_do(root: Path, files: dict[str, str], says: str) -> None:
    committed(root, files)
    with pytest.raises(Exit) as error:
        layout.check(root)
    assert says in refused(error)
    assert "hunter2" not in refused(error)


def test_dirty_tree_is_refused(root: Path) -> None:
    committed(root, {"manage.py": ""})
    (root / "new.py").write_text("")
    with pytest.raises(Exit) as error:
        layout.check(root)
    assert "new.py" in refused(error)


def test_virtual_environment_under_the_name_of_the_settings_is_refused(root: Path) -> None:
    committed(root, {"manage.py": "", ".gitignore": ".env\n"})
    (root / ".env").mkdir()
    with pytest.raises(Exit, match=r"\.env is a folder"):
        layout.check(root)


def test_submodule_that_is_not_there_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "theme").mkdir()
    committed(tmp_path / "theme", {"a.css": ""})
    committed(root, {"manage.py": ""})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "theme"), "theme")
    git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message", "A theme")
    layout.check(root)
    git(root, "submodule", "deinit", "--quiet", "--force", "theme")
    with pytest.raises(Exit) as error:
        layout.check(root)
    assert "git submodule update --init" in refused(error)


def test_names_in_the_code_are_found(root: Path) -> None:
    code = {"manage.py": "", "shop/settings.py": "ENGINE = 'django.contrib.gis.db.backends.postgis'\n"}
    committed(root, {**code, "tests/a.py": "import spam\n"})
    assert layout.named(root, ["django.contrib.gis", "spam"]) == ("django.contrib.gis",)


def test_module_that_no_import_can_name_is_refused(root: Path) -> None:
    committed(root, {"manage.py": manage("cms-backend.settings"), "cms-backend/settings.py": ""})
    with pytest.raises(Exit, match=r"manage\.py names cms-backend\.settings, which no import statement can"):
        layout.settings(root, ".")


def test_folder_of_another_user_is_told_as_that(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(root, {"manage.py": manage("shop.settings")})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
    with pytest.raises(Exit) as error:
        layout.check(root)
    assert "is another user's, and git reads no such folder: `git config --global --add safe.dir" in refused(error)
