"""`.env.example`: what a project cannot do without, what it reads, and the settings of serving/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from djk8s import files
from djk8s.adopt import variables
from djk8s.dotenv.reads import Read, Reads, scan
from repository_of import committed

OURS = files.read(files.source(), ".env.example")
OWN = {"ALLOWED_HOST", "SECRET_KEY_FILE", "DATABASE_URL_FILE", "WORKER"}


def reads(root: Path, text: str) -> Reads:
    (root / "settings.py").write_text(text)
    return scan(root, ["settings.py"])


def test_ours_has_what_serving_and_its_overlay_read() -> None:
    assert not OWN & set(variables.names_in(OURS))
    generic = """
        SECRET_KEY DEBUG ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS DOMAIN TRUSTED_PROXIES HTTPS CSP CSP_REPORT_ONLY
        DATABASE_URL PGPASSWORD FORWARDED_ALLOW_IPS BACKUP_TO RESTIC_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
        AWS_ENDPOINT_URL BACKUP_AT BACKUP_KEEP SERVER PORT ACCESS_LOG LOG_FORMAT EMAIL_URL DEFAULT_FROM_EMAIL
        METRICS_TOKEN SENTRY_DSN OTEL_EXPORTER_OTLP_ENDPOINT SLOW_QUERY WEB_CONCURRENCY GUNICORN_CMD_ARGS
    """
    assert [name for name in variables.names_in(OURS) if name != "PGPASSFILE"] == generic.split()


def test_required_ones_come_first_and_secrets_are_empty(root: Path) -> None:
    required = {"ORCHARD_SECRET": "hunter2", "CLINIC_PHONE": "change me", "DATABASE_URL": "sqlite:///db.sqlite3"}
    text = variables.example(required, Reads(), "", OURS)
    assert "hunter2" not in text
    lines = text.splitlines()
    order = [
        lines.index(line)
        for line in ("ORCHARD_SECRET=", "CLINIC_PHONE='change me'", "DATABASE_URL=sqlite:///db.sqlite3")
    ]
    assert max(order) < lines.index("SECRET_KEY=")
    assert sorted(re.findall(r"^(\w+)=", text, re.MULTILINE)) == sorted({*required, "SECRET_KEY", "DEBUG", "HTTPS"})


def test_what_is_read_is_there_with_its_default(root: Path) -> None:
    found = reads(
        root, 'import os\nA = os.environ.get("BEDS", "4")\nB = env.bool("LOUD", default=True)\nC = os.getenv("HOME")\n'
    )
    text = variables.example({}, found, "", OURS)
    assert "\n# BEDS=4\n# LOUD=True\n" in text
    assert "HOME" not in text
    names = re.findall(r"^#? ?([A-Z]\w*)=", text, re.MULTILINE)
    assert len(names) == len(set(names))


def test_comments_and_values_of_their_example_stay(root: Path) -> None:
    theirs = "# Ask the boss\nADMIN_URL=door/\n\n# for the map\nMAP_KEY=abc # free\nAPI_SECRET=hunter2\nDEBUG=on\n"
    text = variables.example({"ADMIN_URL": "door/"}, Reads(), theirs, OURS)
    assert "# Ask the boss\nADMIN_URL=door/\n" in text
    assert "# for the map\n# MAP_KEY=abc\n" in text
    assert "hunter2" not in text
    assert "\nDEBUG=0\n" in text


def test_tests_and_what_git_does_not_track_are_not_read(root: Path) -> None:
    read = 'import os\nos.environ["{}"]\n'
    tracked = {"a.py": read.format("A_ONE"), "tests/b.py": read.format("B_ONE"), "conftest.py": read.format("C_ONE")}
    tracked["myenv/lib/python3.13/site-packages/e.py"] = read.format("E_ONE")
    committed(root, tracked)
    (root / "d.py").write_text(read.format("D_ONE"))
    assert variables.of(root).names == {"A_ONE"}


CHOICES = [
    pytest.param({"Dockerfile": "ENV DJANGO_ENV=production\n"}, "production", id="Dockerfile"),
    pytest.param({"compose.prod.yaml": "    environment:\n      DJANGO_ENV: prod\n"}, "prod", id="Compose"),
    pytest.param({}, "production", id="the code"),
]


@pytest.mark.parametrize(("files", "word"), CHOICES)
def test_environment_is_the_one_for_production(root: Path, files: dict[str, str], word: str) -> None:
    chooses = 'import os\nif os.environ.get("DJANGO_ENV", "dev") == "production":\n    A = 1\n'
    committed(root, {"shop/settings.py": chooses, **files})
    assert variables.production(root, variables.of(root)) == {"DJANGO_ENV": word}


def test_word_env_of_a_dockerfile_is_no_variable(root: Path) -> None:
    chooses = 'import os\nA = os.environ.get("ENV"), os.environ.get("ENVIRONMENT")\n'
    compose = "services:\n  web:\n    environment: [PRODUCT_ID=3]\n"
    committed(root, {"shop/settings.py": chooses, "Dockerfile": "ENV PRODUCTION=1\n", "compose.yaml": compose})
    assert variables.production(root, variables.of(root)) == {}


def test_environment_of_which_nothing_is_known_is_not_chosen(root: Path) -> None:
    committed(root, {"shop/settings.py": 'import os\nA = os.environ.get("DJANGO_ENV", "dev")\n'})
    assert variables.production(root, variables.of(root)) == {}


def test_key_under_another_name_is_said_to_win() -> None:
    reads = Reads(into={"SECRET_KEY": {"SHOP_KEY"}})
    reads.found.append(Read("SHOP_KEY", None, "shop/settings.py", 1))
    text = variables.example({"SHOP_KEY": "a"}, reads, "", OURS)
    assert "# SHOP_KEY, which the settings read, wins.\nSECRET_KEY=\n" in text
