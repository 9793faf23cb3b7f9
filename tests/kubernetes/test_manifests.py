"""The manifests of kubernetes/, as kubectl renders them for a release."""

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from djk8s.cluster import kubernetes, settings
from djk8s.cluster.kustomization import kustomization, named
from djk8s.cluster.release import Release, dumps
from support import ROOT

SUPPORTED = ("1.34", "1.35", "1.36", "1.37")  # https://kubernetes.io/releases/, and one that is common still
IMAGE = "registry.example.com:5000/team/shop:0123456789ab@sha256:" + "f" * 64
RELEASE = Release(IMAGE, "0123456789ab", "ada@laptop", "2026-11-26T00:00:00Z", ("shop.0001_initial",))
SETTINGS = {"SECRET_KEY": "a'b\"", "PEM": '"two\nlines"\n', "EMPTY": ""}
Object = dict[str, Any]


def rendered(folder: Path) -> list[Object]:
    said = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return list(yaml.safe_load_all(said.stdout))


@pytest.fixture
def release(tmp_path: Path) -> list[Object]:
    """What `inv deploy` applies."""
    copied = tmp_path / "kubernetes"
    copied.symlink_to(ROOT / "kubernetes")
    settings.write(SETTINGS, tmp_path / "release" / "settings")
    known = ("../kubernetes/overlays/example", "shop", IMAGE, "5", dumps(RELEASE), "--allow-unsafe")
    text = json.dumps(kustomization(SETTINGS, *known))
    (tmp_path / "release" / "kustomization.yaml").write_text(text, encoding="utf-8")
    return rendered(tmp_path / "release")


def one(objects: list[Object], kind: str) -> Object:
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] != "static")
    return found


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_supported_kubernetes_knows_every_field(release: list[Object], version: str) -> None:
    for each in release:
        kubernetes_validate.validate(each, version, strict=True)


def test_field_that_is_none_is_found(release: list[Object]) -> None:
    one(release, "Deployment")["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one(release, "Deployment"), SUPPORTED[-1], strict=True)


def test_all_are_in_the_namespace(release: list[Object]) -> None:
    assert {each["metadata"]["namespace"] for each in release} == {"shop"}


def test_pods_get_the_image_and_the_settings_by_their_digest(release: list[Object]) -> None:
    import base64

    secret = one(release, "Secret")
    assert {name: base64.b64decode(text).decode() for name, text in secret["data"].items()} == SETTINGS
    assert secret["metadata"]["name"] != "settings"
    for kind in ("Deployment", "Job"):
        (container,) = one(release, kind)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == IMAGE.replace(":0123456789ab", "")
        names = [source["name"] for each in container["envFrom"] for source in each.values()]
        assert names == [secret["metadata"]["name"], one(release, "ConfigMap")["metadata"]["name"]]


def test_release_is_kept_where_kubernetes_copies_it_to_the_replica_set(release: list[Object]) -> None:
    assert kubernetes.release_of(one(release, "Deployment")) == RELEASE


def test_number_of_replicas_is_the_autoscalers(release: list[Object]) -> None:
    assert "replicas" not in one(release, "Deployment")["spec"]
    assert one(release, "HorizontalPodAutoscaler")["spec"]["minReplicas"] == 5


def test_unsafe_migrations_are_allowed_by_a_word(release: list[Object]) -> None:
    (container,) = one(release, "Job")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["python", "-m", "serving.migrate", "--allow-unsafe"]


def test_what_the_migration_needs_comes_first(release: list[Object]) -> None:
    key, value = kubernetes.FIRST.split("=")
    first = {each["kind"] for each in release if each["metadata"].get("labels", {}).get(key) == value}
    assert first == {"Secret", "ConfigMap", "Job"}


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("shop", {"newName": "shop"}),
        ("localhost:5000/shop", {"newName": "localhost:5000/shop"}),
        ("localhost:5000/shop:v1", {"newName": "localhost:5000/shop", "newTag": "v1"}),
        ("team/shop@sha256:ab", {"newName": "team/shop", "digest": "sha256:ab"}),
        ("sha256:ab", {"newName": "sha256", "newTag": "ab"}),
    ],
)
def test_name_of_an_image_is_taken_apart(image: str, found: dict[str, str]) -> None:
    assert named(image) == {"name": "site", **found}
