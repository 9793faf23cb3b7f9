"""What a deployment decides before it touches anything."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invoke import Exit

from djk8s.cluster import probe, settings
from djk8s.cluster.deploying import as_before, as_text, check, choose
from djk8s.cluster.machine import Machine
from djk8s.cluster.release import Release, Status, dumps, in_order, loads, unknown_migrations
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from repository_of import FILES, SETTINGS, committed
from support import ROOT

NEW = Release("shop:b", "b1", "ada@laptop", "2026-11-25T23:40:06Z", ("a.1", "a.2"), {"SECRET_KEY": "x"}, ("db",), 3)
OLD = Release("shop:a", "a1", migrations=("a.1",))


def test_release_is_kept_without_its_settings() -> None:
    kept = loads(dumps(NEW), "record")
    assert kept == Release("shop:b", "b1", NEW.by, NEW.at, NEW.migrations, {}, ("db",), 3, "record")


@pytest.mark.parametrize("label", ["", "no JSON", "[]", "{}", '{"image": "x"}'])
def test_label_of_somebody_else_is_no_release(label: str) -> None:
    assert loads(label) is None


def test_status_says_where_it_is_and_what_one_can_go_back_to(project: Project) -> None:
    before = replace(NEW, revision="a1", at="2026-11-24T08:00:00Z")
    lines = as_text(project, Status(NEW, 3, 2), [before], "http://localhost:8002").splitlines()
    assert lines[0] == "revision  b1, another than the folder"
    assert lines[1] == "replicas  2 of 3 healthy"
    assert lines[2].endswith(" ago, 2026-11-25T23:40:06Z, by ada@laptop")
    assert lines[3:] == [
        "joined    db",
        "image     shop:b",
        "address   http://localhost:8002",
        "rollback  goes to a1",
    ]


def test_status_after_a_rollback_says_from_where(project: Project) -> None:
    later = [replace(NEW, revision=name, at=f"2026-11-2{day}T08:00:00Z") for name, day in (("c1", 7), ("d1", 8))]
    lines = as_text(project, Status(NEW, 3, 3), later, "").splitlines()
    assert lines[0] == "revision  b1, another than the folder; older than d1, deployed later"
    assert not [line for line in lines if line.startswith(("rollback", "address"))]


def test_later_version_of_djk8s_may_keep_more() -> None:
    assert loads('{"image": "x", "revision": "y", "weather": "fine"}') == Release("x", "y")


def test_rollback_goes_to_the_version_before_or_to_the_one_asked_for() -> None:
    oldest = Release("shop:0", "0c")
    assert choose([NEW, OLD, oldest], None) == OLD
    assert choose([NEW, OLD, oldest], "0") == oldest
    assert choose([OLD, NEW], "b") == NEW  # forward again
    with pytest.raises(Exit, match=r"a1 is the first that was deployed, .* --to-revision names a later one: b1\."):
        choose([OLD, NEW], None)


def test_what_can_be_gone_back_to_is_in_order() -> None:
    first, second, third = (replace(OLD, at=f"2026-11-2{day}", record=str(day)) for day in (1, 2, 3))
    assert in_order([third, second, first], "2") == [second, first, third]


@pytest.mark.parametrize(("known", "asked"), [([NEW], None), ([NEW, OLD], "zz")])
def test_rollback_to_what_was_not_deployed_is_refused(known: list[Release], asked: str | None) -> None:
    with pytest.raises(Exit, match="deployed"):
        choose(known, asked)


@pytest.mark.parametrize(
    ("named", "joined"), [([], ("db", "worker")), (["db"], ("db",)), ([""], ()), (["worker", "db"], ("db", "worker"))]
)
def test_what_was_joined_stays_until_others_are_named(
    project: Project, named: list[str], joined: tuple[str, ...]
) -> None:
    now = Release("shop:a", "a1", overlays=("db", "worker"), replicas=2)
    target = as_before(Machine(project, EnvFile(project)), now, None, named)
    assert (target.overlays, target.replicas) == (joined, 2)


def test_database_is_not_taken_out_by_the_way(project: Project) -> None:
    now = Release("shop:a", "a1", overlays=("db",), replicas=1)
    with pytest.raises(Exit, match="would take the database out of what is deployed: add --with db"):
        as_before(Machine(project, EnvFile(project)), now, None, ["worker"])


def test_migrations_that_the_older_version_does_not_know_are_named() -> None:
    assert unknown_migrations(NEW, OLD) == ("a.2",)
    assert unknown_migrations(NEW, Release("x", "y")) == ()  # it never said which it has


class Place(Machine):
    """A place to deploy to, as far as a site is asked for it."""

    def variables(self, release: Release) -> dict[str, str]:
        return {"SECRET_KEY": "x"}


def test_site_is_asked_by_the_engine_that_has_its_image(project: Project, noting: Callable[..., Any]) -> None:
    engine, calls = noting(
        "docker", run=('{"vendor": "postgresql", "files": [], "migrations": ["a.1"], "unmade": []}', 0)
    )
    target = Place(replace(project, engine=str(engine)), EnvFile(project), "remote")
    assert check(target, NEW, target.docker_context).migrations == ("a.1",)
    assert calls("run")[0]["env"]["DOCKER_CONTEXT"] == "remote"


def test_site_that_waits_for_a_service_is_given_up(project: Project, noting: Callable[..., Any]) -> None:
    engine, calls = noting("docker", run=("", 124))
    with pytest.raises(Exit, match="did not start within 120 s"):
        check(Place(replace(project, engine=str(engine)), EnvFile(project)), NEW, {})
    assert calls("run")[0]["argv"][-5:-3] == ["timeout", "120"]


@pytest.mark.parametrize(
    ("urls", "code"),
    [
        ("urlpatterns = []\n", 0),
        ("import nowhere_at_all\n", 1),
        ("import os\nos.environ['STRIPE_KEY']\n", 1),
        ("raise RuntimeError('no')\n", 1),
        ("from django.db import OperationalError\nraise OperationalError('not there now')\n", 0),
        ("raise type('RedisConnectionError', (Exception,), {})\n", 0),
    ],
)
def test_site_whose_urls_cannot_be_imported_is_refused(tmp_path: Path, urls: str, code: int) -> None:
    committed(tmp_path, {**FILES, "shop/settings.py": SETTINGS, "shop/urls.py": urls})
    variables = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "shop.settings", "SECRET_KEY": "x"}
    ran = subprocess.run(
        [sys.executable, "-c", probe.CODE], cwd=tmp_path, env=variables, capture_output=True, check=False
    )
    assert ran.returncode == code, ran.stderr


def test_models_that_no_migration_makes_are_named(tmp_path: Path) -> None:
    model = "from django.db import models\nclass Note(models.Model):\n    text = models.TextField()\n"
    files = {"shop/__init__.py": "", "shop/models.py": model, "shop/migrations/__init__.py": ""}
    own = f"{SETTINGS}INSTALLED_APPS += ['shop']\nDEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n"
    committed(tmp_path, {**FILES, "shop/settings.py": own, "shop/urls.py": "urlpatterns = []\n", **files})
    variables = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "shop.settings", "SECRET_KEY": "x"}

    def unmade() -> object:
        argv = [sys.executable, "-c", probe.CODE]
        said = subprocess.run(argv, cwd=tmp_path, env=variables, capture_output=True, check=True, text=True).stdout
        return json.loads(said.splitlines()[-1])["unmade"]

    assert unmade() == ["shop"]
    made = [sys.executable, "manage.py", "makemigrations"]
    subprocess.run(made, cwd=tmp_path, env=variables, check=True, capture_output=True)
    assert unmade() == []


def test_entrypoint_reads_the_settings_as_they_were_written(tmp_path: Path) -> None:
    values = {"LINES": "one\ntwo=2", "QUOTED": 'it\'s "$HOME"  ', "GIVEN": "by the secret"}
    (tmp_path / "settings").write_text(settings.secret(values))
    script = (ROOT / "entrypoint.sh").read_text().replace("/run/secrets/settings", shlex.quote(f"{tmp_path}/settings"))
    (tmp_path / "entrypoint.sh").write_text(script)
    words = ["bash", str(tmp_path / "entrypoint.sh"), "env", "-0"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={"GIVEN": "by name", "PATH": "/bin"})
    found = dict(pair.split("=", 1) for pair in said.stdout.split("\0") if pair)
    assert {name: found[name] for name in values} == {**values, "GIVEN": "by name"}
