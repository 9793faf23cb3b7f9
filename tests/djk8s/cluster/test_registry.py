"""The name that an image is pushed under, who may build it, and what is said when a registry refuses it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from invoke import Exit

from djk8s import git
from djk8s.cluster import registry
from djk8s.project import Project

Typed = subprocess.CompletedProcess[str]
Inv = Callable[..., Typed]
Noting = Callable[..., tuple[Path, Callable[..., list[dict[str, Any]]]]]

COMMIT = "0123456789ab" + "c" * 28


@pytest.mark.parametrize(
    ("revision", "given", "allow_dirty", "tag"),
    [
        (COMMIT, None, False, "0123456789ab"),
        (COMMIT, None, True, "0123456789ab"),
        (f"{COMMIT}-dirty", None, True, r"0123456789ab-dirty-20\d{6}T\d{6}"),
        (f"{COMMIT}-dirty", "v1", False, "v1"),
        ("", "v1", False, "v1"),
    ],
)
def test_tag(
    project: Project, shell: pytest.MonkeyPatch, revision: str, given: str | None, allow_dirty: bool, tag: str
) -> None:
    shell.setattr(git, "revision", lambda _: revision)
    assert re.fullmatch(tag, registry.tag(project, given, allow_dirty))


@pytest.mark.parametrize(
    ("revision", "given", "told"),
    [(f"{COMMIT}-dirty", None, "--allow-dirty"), ("", None, "add --tag v1"), (COMMIT, "a b", "is not a tag")],
)
def test_no_tag(project: Project, shell: pytest.MonkeyPatch, revision: str, given: str | None, told: str) -> None:
    shell.setattr(git, "revision", lambda _: revision)
    with pytest.raises(Exit, match=told):
        registry.tag(project, given, False)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("", ""),
        ("registry.example.com", "registry.example.com/djk8s"),
        ("localhost:5000/team/a", "localhost:5000/team/a/djk8s"),
        ("team", "team/djk8s"),
    ],
)
def test_repository(project: Project, where: str, name: str) -> None:
    assert registry.repository(project, where) == name


def test_image_whose_name_says_its_registry(project: Project) -> None:
    named = replace(project, image="registry.example.com/shop")
    assert registry.repository(named, None) == "registry.example.com/shop"
    assert registry.repository(replace(named, registry="other.example.com"), None) == "registry.example.com/shop"
    with pytest.raises(Exit, match="says its registry: leave --registry"):
        registry.repository(named, "other.example.com/team")


NO_REGISTRIES = ["https://registry.example.com", "registry.example.com/", "a b", "host/Team", "-host/team", "x:y/team"]


@pytest.mark.parametrize("where", NO_REGISTRIES)
def test_no_registry(inv: Inv, where: str) -> None:
    typed = inv("--dry", "push", f"--registry={where}", "--tag", "v1")
    assert typed.returncode == 1
    assert typed.stderr.startswith(f"--registry {where!r} cannot precede a name: ")
    typed = inv("--dry", "push", "--tag", "v1", INVOKE_REGISTRY=where)
    assert typed.returncode == 1
    assert typed.stderr.startswith("The setting registry (in invoke.yaml or INVOKE_REGISTRY) is ")


def test_without_a_registry_it_says_how_to_name_one(inv: Inv) -> None:
    typed = inv("--dry", "push", "--tag", "v1")
    assert (typed.returncode, typed.stdout) == (1, "")
    assert "Add --registry registry.example.com/team" in typed.stderr


def test_an_image_that_names_its_registry_needs_no_other(inv: Inv) -> None:
    typed = inv("--dry", "push", "--tag", "v1", INVOKE_IMAGE="registry.example.com/team/shop")
    assert typed.stdout.splitlines()[-1] == "docker push registry.example.com/team/shop:v1"
    assert inv("--dry", "push", "--tag", "v1", INVOKE_IMAGE="team/shop").returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--platform arm64", "--platform 'arm64' is not a platform: write one, for example linux/amd64"),
        ("--platform linux/amd64,linux/arm64", "the option again for another"),
    ],
)
def test_no_platform(inv: Inv, words: str, told: str) -> None:
    typed = inv("--dry", "push", "--registry", "registry.example.com", "--tag", "v1", *words.split())
    assert (typed.returncode, typed.stdout) == (1, "")
    assert told in typed.stderr


PUSHED = ("push", "--registry", "registry.example.com/team", "--tag", "v1")
MANIFEST = '{"mediaType": "any", "digest": "sha256:0abc", "manifests": [{"digest": "sha256:1"}]}'
BUILDERS = {
    "a builder in a container": {"buildx_inspect": ("Name: one\nDriver:   docker-container\n", 0)},
    "the images of containerd": {
        "buildx_inspect": ("Name: default\nDriver:   docker\n", 0),
        "info": ('[["driver-type","io.containerd.snapshotter.v1"]]', 0),
    },
}


@pytest.mark.parametrize("answers", BUILDERS.values(), ids=BUILDERS)
def test_attestations_and_platforms_are_one_build(
    inv: Inv, noting: Noting, answers: dict[str, tuple[str, int]]
) -> None:
    path, calls = noting("docker", buildx_imagetools=(MANIFEST, 0), **answers)
    words = ("--platform", "linux/amd64", "--platform", "linux/arm64", "--sbom", "--provenance")
    typed = inv(*PUSHED, *words, INVOKE_ENGINE=str(path))
    assert (typed.returncode, typed.stdout) == (0, "registry.example.com/team/djk8s:v1@sha256:0abc\n"), typed.stderr
    [build] = calls("buildx", "build")
    begin = "--push --tag registry.example.com/team/djk8s:v1 --platform linux/amd64,linux/arm64 --sbom=true"
    assert " ".join(build["argv"][2:]).startswith(f"{begin} --provenance=true ")
    assert calls("push") == calls("build") == []


def test_digest_is_that_of_this_registry(inv: Inv, noting: Noting) -> None:
    digests = "other.example.com/team/djk8s@sha256:1\nregistry.example.com/team/djk8s@sha256:2\n"
    path, calls = noting("docker", image_inspect=(digests, 0))
    typed = inv(*PUSHED, INVOKE_ENGINE=str(path))
    assert typed.stdout == "registry.example.com/team/djk8s:v1@sha256:2\n"
    assert [call["argv"][0] for call in calls() if call["argv"][0] in {"build", "tag", "push"}] == [
        "build",
        "tag",
        "push",
    ]


@pytest.mark.parametrize(
    ("said", "host", "advice"),
    [
        ("denied: requested access to the resource is denied", "registry.example.com", "`docker login {}`"),
        ("unauthorized: authentication required", "localhost:5000", "`docker login {}`"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "localhost:5000", "{} does not answer"),
        ("lookup registry.example.com: no such host", "registry.example.com", "{} does not answer"),
        ("http: server gave HTTP response to HTTPS client", "10.0.0.1:5000", "{} speaks no https"),
        ("denied: requested access to the resource is denied", "team", "`docker login docker.io`"),
        ("no space left on device", "registry.example.com", "{}/team/djk8s was not pushed"),
    ],
)
def test_what_to_do_when_a_push_fails(project: Project, noting: Noting, said: str, host: str, advice: str) -> None:
    path, _ = noting("docker")
    project = replace(project, engine=str(path))
    sentence = registry.explain(project, f"{host}/team/djk8s:v1", said).replace(str(path), "docker")
    assert advice.format(host) in sentence
