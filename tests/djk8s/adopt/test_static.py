"""How the static files are made, and why that failed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.exceptions import Exit

from djk8s.adopt import static
from djk8s.adopt.ask import Answer
from repository_of import FILES, SETTINGS, committed


def answer(**settings: object) -> Answer:
    usual = {"INSTALLED_APPS": ["django.contrib.staticfiles"], "STATIC_ROOT": "/app/src/public/static"}
    return Answer({"settings": {**usual, "COMPRESS_OFFLINE": None, "COMPRESS_ENABLED": None, **settings}})


def test_files_are_gathered(root: Path) -> None:
    committed(root, {"a": ""})
    assert static.commands(root, answer()).value == ("collectstatic --no-input",)
    assert static.commands(root, answer(COMPRESS_OFFLINE=True)).value == (
        "collectstatic --no-input",
        "compress --force",
        "collectstatic --no-input",
    )
    assert static.commands(root, answer(INSTALLED_APPS=[])).value == ()


def test_styles_of_sass_are_compiled_before_they_are_gathered(root: Path) -> None:
    committed(root, {"a": ""})
    apps = ["django.contrib.staticfiles", "sass_processor"]
    assert static.commands(root, answer(INSTALLED_APPS=apps)).value == ("compilescss", "collectstatic --no-input")


def test_files_whose_manifest_is_in_git_are_not_gathered_again(root: Path) -> None:
    committed(root, {"src/public/static/staticfiles.json": "{}"})
    assert static.commands(root, answer()).value == ()
    assert static.commands(root, answer(STATIC_ROOT="/app/other")).value == ("collectstatic --no-input",)


def test_compressor_that_compresses_for_a_page_is_refused(root: Path) -> None:
    committed(root, {"a": ""})
    apps = ["django.contrib.staticfiles", "compressor"]
    with pytest.raises(Exit, match="set COMPRESS_OFFLINE = True"):
        static.commands(root, answer(INSTALLED_APPS=apps))
    assert static.commands(root, answer(INSTALLED_APPS=apps, COMPRESS_ENABLED=False)).value == (
        "collectstatic --no-input",
    )


def test_static_root() -> None:
    assert static.static_root(answer()).value == "src/public/static"
    assert static.static_root(answer(STATIC_ROOT=None)).value == "staticfiles"
    assert static.static_root(answer(STATIC_ROOT="/var/www/static")).value == "staticfiles"


def test_folder_of_the_package_that_node_builds(root: Path) -> None:
    build, other = '{"scripts": {"build": "vite build"}}', '{"scripts": {"lint": "eslint"}}'
    files = {"package.json": other, "web/package.json": build, "web/a/package.json": build, "b/package.json": "{,"}
    committed(root, {**files, "node_modules/x/package.json": build, "x.py": ""})
    assert static.node(root).value == "web"
    assert static.node(root, "").value == ""
    assert static.node(root, "web/a/").value == "web/a"
    for wrong in ("b", "nowhere", f"{root}/web", f"../{root.name}/web"):
        with pytest.raises(Exit, match="--node"):
            static.node(root, wrong)


SCRIPTS = [
    ({}, "build"),
    ({"dev": "webpack --watch", "watch": "sass --watch a b"}, "watch"),
    ({"dev": "tailwindcss -i a.css -o b.css --watch"}, "dev"),
    ({"dev": "vite"}, "dev -- --host 0.0.0.0 --port 5173"),
    ({"watch": "vite build --watch", "dev": "vite"}, "watch"),
    ({"start": "webpack serve"}, "build"),
]


@pytest.mark.parametrize(("scripts", "words"), SCRIPTS, ids=str)
@pytest.mark.parametrize("folder", [".", "web"])
def test_script_that_makes_them_while_developing(root: Path, folder: str, scripts: dict[str, str], words: str) -> None:
    path = "package.json" if folder == "." else f"{folder}/package.json"
    committed(root, {path: json.dumps({"scripts": {"build": "vite build", **scripts}})})
    assert static.watch(root, folder) == words


INSTALLERS: list[tuple[dict[str, str], str]] = [
    ({}, "npm"),
    ({"web/package-lock.json": "{}", "yarn.lock": ""}, "npm"),
    ({"web/pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "pnpm@9"),
    ({"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, "pnpm@8"),
    ({"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, "pnpm@7"),
    ({"web/yarn.lock": "# yarn lockfile v1\n"}, "yarn@1"),
    ({"web/yarn.lock": "__metadata:\n  version: 8\n"}, "@yarnpkg/cli-dist@4"),
    ({"package.json": '{"packageManager": "yarn@3.6.4"}', "yarn.lock": ""}, "@yarnpkg/cli-dist@3.6.4"),
    ({"package.json": '{"packageManager": "yarn@10.1.0"}', "yarn.lock": ""}, "@yarnpkg/cli-dist@10.1.0"),
    ({"package.json": '{"packageManager": "pnpm@10.2.0+sha512.aa/b="}'}, "pnpm@10.2.0"),
    ({"package.json": '{"packageManager": "npm@11.0.0"}', "yarn.lock": ""}, "npm"),
    ({"package.json": '{"packageManager": "bun@1.2; touch pwned"}', "yarn.lock": ""}, "yarn@1"),
    ({"package.json": '{"packageManager": ["pnpm@9"]}'}, "npm"),
]


@pytest.mark.parametrize(("more", "package"), INSTALLERS, ids=str)
def test_what_installs_the_packages_of_node(root: Path, more: dict[str, str], package: str) -> None:
    committed(root, {"web/package.json": '{"scripts": {"build": "vite build"}}', **more})
    assert static.installer(root, "web").value == package


def collect(root: Path, settings: str) -> str:
    """Gather the static files of a project, and return what was said."""
    for name, text in {**FILES, "shop/settings.py": SETTINGS + settings}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    words = [sys.executable, "manage.py", "collectstatic", "--no-input"]
    environment = {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    ran = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
    assert ran.returncode
    return ran.stdout + ran.stderr


ROOT = "STATIC_ROOT = BASE_DIR / 'out'\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\n"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
STRICT = f"{ROOT}STORAGES = {{'staticfiles': {{'BACKEND': '{MANIFEST}'}}}}\n"
FAILURES = [
    (STRICT, "refers to img/gone.png, which is not there"),
    (f"{ROOT}STATIC_ROOT = None\n", "STATIC_ROOT is not set"),
    (f"{ROOT}STATIC_ROOT = BASE_DIR / 'assets'\n", "STATICFILES_DIRS has the folder of STATIC_ROOT in it"),
    (f"{ROOT}import os\nA = os.environ['CLINIC_PHONE']\n", "The variable CLINIC_PHONE is missing"),
    (f"{ROOT}import nowhere_at_all\n", "It imports nowhere_at_all"),
    (f"{ROOT}import sqlite3\nsqlite3.connect(':memory:').execute('select * from a')\n", "asks the database"),
    (f"{ROOT}A = (\n", "not for this Python"),
    (f"{ROOT}open(BASE_DIR / 'CHANGES.md')\n", "CHANGES.md is not there"),
    (f"{ROOT}import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "asks a service"),
    (f"{ROOT}1 / 0\n", "ZeroDivisionError: division by zero"),
]


@pytest.mark.parametrize(("settings", "says"), FAILURES)
def test_failure_is_one_sentence(root: Path, settings: str, says: str) -> None:
    (root / "assets").mkdir()
    (root / "assets/shop.css").write_text("body { background: url(img/gone.png) }\n")
    sentence = static.classified(collect(root, settings))
    assert says in sentence
    assert "\n" not in sentence


def test_place_is_the_last_in_their_own_files() -> None:
    log = """\
  File "/app/shop/settings.py", line 7, in <module>
    SECRET_KEY = key()
  File "/opt/venv/lib/python3.13/site-packages/django/conf/__init__.py", line 90, in __getattr__
django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.
"""
    sentence = static.classified(log)
    assert sentence.startswith("SECRET_KEY is empty")
    assert sentence.endswith("(shop/settings.py:7)")


def test_log_that_is_empty_is_a_sentence_too() -> None:
    assert static.classified("") == "The static files could not be made: it printed nothing"


def test_another_step_of_the_build_is_not_taken_for_the_static_files() -> None:
    log = 'ERROR: failed to solve: process "/bin/sh -c ln -s a b" did not complete successfully: exit code: 1'
    assert static.classified(log) == f"The image could not be made: {log}"
    of_static = log.replace("ln -s a b", "python manage.py collectstatic")
    assert static.classified(of_static) == f"The static files could not be made: {of_static}"


def test_packages_of_node_that_are_served_as_they_are() -> None:
    log = "FileNotFoundError: [Errno 2] No such file or directory: '/app/node_modules'"
    assert static.classified(log).startswith("node_modules is not in the image: add a script `build` to package.json")


PROGRAMS = [
    ("/bin/sh: 1: sassc: not found", "sassc"),
    (", in _execute_child\n    raise e\nFileNotFoundError: [Errno 2] No such file or directory: 'msgfmt'\n", "msgfmt"),
    ("CommandError: An error occurred during rendering a.html: /bin/sh: line 1: lessc: command not found", "lessc"),
]


@pytest.mark.parametrize(("log", "program"), PROGRAMS)
def test_program_that_is_missing_is_named(log: str, program: str) -> None:
    sentence = f"It needs the program {program}: name the package of Debian that has it in apt.txt, and commit that."
    assert static.classified(log) == sentence
