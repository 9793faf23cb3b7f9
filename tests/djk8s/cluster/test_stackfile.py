"""A stack, made of what `docker compose config` prints."""

from pathlib import Path
from typing import Any

import pytest

from djk8s.cluster.stackfile import RECORD, STAGES, stack


@pytest.fixture
def compose(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "$nginx.conf").write_text("events {}")
    site = {"image": "shop:v1", "restart": "always", "security_opt": ["x"], "tmpfs": ["/tmp"], "command": None}
    volume = [{"type": "volume", "source": "database", "target": "/data"}]
    health = {"test": ["CMD", "true"], "start_interval": "1s"}
    port = {"mode": "host", "target": 8080, "published": "8080"}
    return {
        "name": "shop",
        "services": {
            "web": {**site, "build": {}, "scale": 2, "depends_on": {"db": {}, "migrate": {}}},
            "migrate": {**site, "depends_on": {"db": {}}, "deploy": {"mode": "replicated-job"}},
            "worker": {"image": "shop:v1", "scale": 0},
            "db": {"image": "postgres", "volumes": volume, "healthcheck": health},
            "proxy": {"image": "nginx", "ports": [port], "configs": [{"source": "nginx", "target": "/x"}]},
        },
        "configs": {"nginx": {"file": str(tmp_path / "$$nginx.conf")}},
        "volumes": {"database": {}},
    }


def staged(compose: dict[str, Any], stage: str) -> dict[str, Any]:
    return stack(compose, stage, "shop@sha256:1", "shop-settings-1", "settings", "shop-release-1")


def test_database_comes_before_the_job_and_the_job_before_the_site(compose: dict[str, Any]) -> None:
    found = [set(staged(compose, stage)["services"]) for stage in STAGES]
    assert found == [{"db"}, {"migrate"}, {"db", "proxy", "web"}]


def test_each_service_of_the_site_gets_the_image_and_the_settings(compose: dict[str, Any]) -> None:
    secret = [{"source": "settings", "target": "settings"}]
    for stage, name in (("jobs", "migrate"), ("site", "web")):
        service = staged(compose, stage)["services"][name]
        assert (service["image"], service["secrets"]) == ("shop@sha256:1", secret)
    assert "secrets" not in staged(compose, "site")["services"]["db"]


def test_what_a_stack_refuses_is_left_out_or_written_as_it_reads_it(compose: dict[str, Any]) -> None:
    services = staged(compose, "site")["services"]
    assert not {"build", "depends_on", "restart", "security_opt", "scale", "command"} & services["web"].keys()
    assert services["web"]["deploy"]["replicas"] == 2
    assert services["web"]["volumes"] == [{"type": "tmpfs", "target": "/tmp"}]
    assert services["db"]["healthcheck"] == {"test": ["CMD", "true"]}
    assert services["proxy"]["ports"][0]["published"] == 8080


def test_database_stays_on_the_node_that_has_its_volume(compose: dict[str, Any]) -> None:
    services = staged(compose, "site")["services"]
    assert services["db"]["deploy"]["placement"] == {"constraints": ["node.labels.shop.volumes == here"]}
    assert "placement" not in services["web"]["deploy"]


def test_config_is_named_by_its_content(compose: dict[str, Any]) -> None:
    before = staged(compose, "site")["configs"]["nginx"]["name"]
    Path(compose["configs"]["nginx"]["file"].replace("$$", "$")).write_text("events { }")
    assert before != staged(compose, "site")["configs"]["nginx"]["name"]


def test_record_needs_no_file_of_today(compose: dict[str, Any]) -> None:
    record = staged(compose, RECORD)
    assert record["secrets"] == {"settings": {"name": "shop-settings-1", "external": True}}
    assert record["configs"]["nginx"]["external"] is True
    assert record["services"] == staged(compose, "site")["services"]
