"""Which variables Python code reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from djk8s.dotenv.reads import scan

READS = [
    ('os.environ["A"]', {"A": None}),
    ('os.environ["A"] = "1"', {}),
    ('os.environ.get("A")', {"A": "None"}),
    ('os.environ.get("A", "b")', {"A": "'b'"}),
    ('os.getenv("A", default="b")', {"A": "'b'"}),
    ('os.environ.setdefault("A", "b")', {}),
    ('env("A")', {"A": None}),
    ('env("A", default=1)', {"A": "1"}),
    ('env.bool("A", False)', {"A": "False"}),
    ("env.db()", {"DATABASE_URL": None}),
    ('env.db("A", default="sqlite://")', {"A": "'sqlite://'"}),
    ("env = environ.Env(A=(bool, False))", {"A": "False"}),
    ('config("A", cast=int)', {"A": None}),
    ('config("A", default=3, cast=int)', {"A": "3"}),
    ('get_env_variable("A")', {"A": None}),
    ('environment.flag("A")', {"A": None}),
    ('dj_database_url.config(default="sqlite://")', {"DATABASE_URL": "'sqlite://'"}),
    ('dj_database_url.config(env="A")', {"A": "None"}),
    ('app.config_from_object("django.conf:settings", namespace="CELERY")', {}),
    ('print("A")', {}),
    ("def broken(:", {}),
]


@pytest.mark.parametrize(("code", "found"), READS)
def test_variables_that_code_reads(tmp_path: Path, code: str, found: dict[str, str | None]) -> None:
    (tmp_path / "a.py").write_text(code)
    assert {read.name: read.default for read in scan(tmp_path, ["a.py"]).found} == found


def test_fields_of_pydantic_settings(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("""
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    key: str
    beds: int = 4
    other: str = Field(alias="STRIPE_KEY")
    loud: bool = Field(default=True)
""")
    found = {read.name: read.default for read in scan(tmp_path, ["a.py"]).found}
    assert found == {"SHOP_KEY": None, "SHOP_BEDS": "4", "STRIPE_KEY": None, "SHOP_LOUD": "True"}


def test_variables_that_a_setting_comes_from_also_through_another_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('URL = env("AT")\nX = env("OTHER")\nCACHES = {"default": {"LOCATION": URL}}\n')
    (tmp_path / "b.py").write_text('app = Celery("shop", broker=os.environ["BROKER"])\n')
    reads = scan(tmp_path, ["a.py", "b.py"])
    assert reads.of("CACHES") == ["AT"]
    assert reads.of("CELERY_BROKER_URL") == ["BROKER"]
