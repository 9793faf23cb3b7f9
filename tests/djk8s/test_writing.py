"""Files are written into a project all or none, and beside its own."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from invoke.exceptions import Exit

from djk8s import facts, files, writing
from djk8s.facts import Facts
from support import one_sentence

SHOP = Facts("shop", "shop.settings", "shop.wsgi:application")


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_cache_answers_to_the_names_that_the_settings_have() -> None:
    known = Facts("shop", "shop.settings", "shop.wsgi:application", cache="redis", cache_names=("redis", "queue"))
    service = files.rendered(known)["compose/cache.yaml"].partition("\n  web:")[0]
    assert "    networks:\n      default: { aliases: [redis, queue] }\n    labels:\n" in service


def test_files_are_written_and_scripts_can_run(tmp_path: Path) -> None:
    writing.write(tmp_path, {"inv": "#!/bin/sh\n", "a/b/c.txt": "text", "a/d.whl": b"\0"})
    assert everything(tmp_path) == {"inv": b"#!/bin/sh\n", "a/b/c.txt": b"text", "a/d.whl": b"\0"}
    assert os.access(tmp_path / "inv", os.X_OK)
    assert not stat.S_IMODE((tmp_path / "a/b/c.txt").stat().st_mode) & 0o111
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "inv"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("theirs")
    with pytest.raises(Exit) as refusal:
        writing.write(tmp_path, {"inv": "", "tasks.py": "ours"})
    assert "allow it with --replace tasks.py" in one_sentence(str(refusal.value.message))
    assert everything(tmp_path) == {"tasks.py": b"theirs"}
    writing.write(tmp_path, {"inv": "", "tasks.py": "ours"}, replace=["tasks.py"])
    assert everything(tmp_path) == {"tasks.py": b"ours", "inv": b""}


def test_file_where_a_folder_has_to_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("theirs")
    with pytest.raises(Exit, match=r"serving is a file, and serving/site\.py has to be in a folder of that name"):
        writing.write(tmp_path, {"serving/site.py": ""})
    assert everything(tmp_path) == {"serving": b"theirs"}


@pytest.mark.parametrize("stops_at", range(1, 5))
def test_failure_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_at: int) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/one").write_text("theirs")
    (tmp_path / "gone").write_text("theirs")
    before, calls, real = everything(tmp_path), [], Path.replace

    def fails_once(path: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == stops_at:
            raise OSError(28, "No space left on device", str(target))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", fails_once)
    with pytest.raises(Exit, match="No space left on device"):
        writing.write(tmp_path, {"new/a": "a", "old/one": "ours", "gone": None}, replace=["old/one", "gone"])
    assert everything(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_none_removes_a_file(tmp_path: Path) -> None:
    (tmp_path / "gone").write_text("")
    writing.write(tmp_path, {"gone": None}, replace=["gone"])
    assert everything(tmp_path) == {}


def test_empty_project_gets_the_usual_names(tmp_path: Path) -> None:
    assert writing.beside(tmp_path, SHOP) == SHOP


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Dockerfile", {"Dockerfile": "Dockerfile.djk8s", ".dockerignore": "Dockerfile.djk8s.dockerignore"}),
        (".dockerignore", {".dockerignore": "Dockerfile.dockerignore"}),
        ("docker-compose.yaml", {"docker-compose.yaml": "docker-compose.djk8s.yaml"}),
        ("compose.yml", {"docker-compose.yaml": "docker-compose.djk8s.yaml"}),
        ("entrypoint.sh", {"entrypoint.sh": "entrypoint.djk8s.sh"}),
        ("requirements.txt", {"requirements.txt": "requirements.djk8s.txt"}),
        (".env.example", {".env.example": ".env.djk8s.example"}),
    ],
)
def test_file_of_the_same_name_stays_and_ours_is_beside_it(tmp_path: Path, theirs: str, ours: dict[str, str]) -> None:
    (tmp_path / theirs).touch()
    found = writing.beside(tmp_path, SHOP)
    assert found.renamed == ours
    if theirs in writing.BESIDE:
        assert writing.beside(tmp_path, SHOP, replace=[theirs, ".dockerignore"]).renamed == {}


@pytest.mark.parametrize("theirs", ["tasks.py", "inv", "serving/site.py", "compose/db.yaml", ".djk8s.toml"])
def test_other_file_of_ours_that_is_there_is_refused(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).touch()
    project = replace(SHOP, offered=("db",))
    with pytest.raises(Exit) as refusal:
        writing.beside(tmp_path, project)
    assert f"allow it with --replace {theirs}." in one_sentence(str(refusal.value.message))
    writing.beside(tmp_path, project, replace=[theirs])


def test_no_file_refers_to_one_by_its_usual_name(tmp_path: Path) -> None:
    for name in writing.BESIDE:
        (tmp_path / name).touch()
    project = writing.beside(tmp_path, replace(SHOP, offered=("db",), database="postgres"))
    texts = files.rendered(project)
    assert set(texts).isdisjoint(project.renamed)
    assert set(project.renamed.values()) - {"requirements.djk8s.txt"} <= set(texts)
    for path, text in texts.items():
        for name in project.renamed:
            # A path in the container stays, as /requirements.txt, which is mounted there.
            found = re.findall(rf"(?:^|.*[^\w./-]|.*/app/){re.escape(name)}(?![\w-]|\.\w).*", text, re.MULTILINE)
            assert found == [], path
    assert "dockerfile: Dockerfile.djk8s\n" in texts["docker-compose.djk8s.yaml"]
    assert 'ENTRYPOINT ["/app/entrypoint.djk8s.sh"]' in texts["Dockerfile.djk8s"]
    assert "source=requirements.djk8s.txt,target=/requirements.txt" in texts["Dockerfile.djk8s"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def test_gitignore_gets_what_it_lacks_once(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("*.pyc\n/venv\n.env*\n*.whl")
    wheel, example = ".tools-wheels/djk8s-1-py3-none-any.whl", ".env.example"
    text = writing.gitignore(tmp_path, SHOP, [wheel, example, "inv"])
    assert text.startswith(f"*.pyc\n/venv\n.env*\n*.whl\n\n{writing.IGNORED}\n.env\n.tools/\n")
    assert text.count("venv") == 1
    (tmp_path / ".gitignore").write_text(text)
    assert writing.gitignore(tmp_path, SHOP, [wheel, example, "inv"]) == ""
    for path in (wheel, example, "data/db.sqlite3", "staticfiles/a.css", ".env"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    seen = git(tmp_path, "ls-files", "--others", "--exclude-standard").split()
    assert sorted(seen) == [".env.example", ".gitignore", wheel]


def test_files_of_a_projects_own_in_data_stay_in_git(tmp_path: Path) -> None:
    assert "\n/data/\n" in writing.gitignore(tmp_path, SHOP)
    assert "\n/data/\n" not in writing.gitignore(tmp_path, replace(SHOP, tracked_data=True))


def test_facts_are_read_as_they_were_written() -> None:
    project = replace(SHOP, static=("compress", 'a "b"'), workers={"worker": "celery -A shop"}, tracked_data=True)
    text = facts.dumps(project, "1.2.3")
    assert facts.loads(text) == (project, "1.2.3", True)
    assert facts.loads(facts.dumps(project, "1.2.3", keep=False)) == (project, "1.2.3", False)
    assert facts.loads(text.replace('name = "shop"', 'name = "shop"\nfrom_the_future = 1')).facts == project


def test_folders_to_import_from_are_in_the_image_and_on_this_machine() -> None:
    texts = files.rendered(replace(SHOP, path=("lib", "src")))
    assert " PYTHONPATH=/app:/app/lib:/app/src " in texts["Dockerfile"]
    assert '"pythonpath": ".:lib:src"' in texts["tasks.py"]
    assert " PYTHONPATH=/app " in files.rendered(SHOP)["Dockerfile"]


DEVCONTAINERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["../docker-compose.yaml", "../compose/dev.yaml", "compose.yaml"]),
    (
        {"database": "postgres", "cache": "redis", "renamed": {"docker-compose.yaml": "docker-compose.djk8s.yaml"}},
        [
            "../docker-compose.djk8s.yaml",
            "../compose/cache.yaml",
            "../compose/db.yaml",
            "../compose/dev.yaml",
            "compose.yaml",
        ],
    ),
]


@pytest.mark.parametrize(("facts", "composed"), DEVCONTAINERS)
def test_devcontainer_has_what_the_site_needs(facts: dict[str, Any], composed: list[str]) -> None:
    shop = Facts("shop", "shop.settings", "shop.wsgi:application", **facts)
    assert ".devcontainer/devcontainer.json" not in files.rendered(shop)
    texts = files.rendered(replace(shop, devcontainer=True))
    said = re.sub("^//.*", "", texts[".devcontainer/devcontainer.json"], flags=re.MULTILINE)
    assert json.loads(said)["dockerComposeFile"] == composed
    assert {path for path in composed if path.startswith("../")} <= {f"../{path}" for path in texts}


def test_node_writes_as_the_owner_of_the_folder_in_a_devcontainer() -> None:
    file = ".devcontainer/compose.yaml"
    plain, node = (files.rendered(replace(SHOP, devcontainer=True, node=folder))[file] for folder in ("", "web"))
    assert "assets" not in plain
    assert yaml.safe_load(node.replace("!override", ""))["services"]["assets"]["user"] == "root"


DEVELOPING = [
    # where manage.py and package.json are, what is typed, the folders that the site sees, and what it waits for
    (".", ".", "build", [".:/app"], "service_completed_successfully"),
    (".", "web", "watch", [".:/app"], "service_started"),
    ("back", "front", "dev", ["./back:/app/back", "./front:/app/front"], "service_started"),
    ("back", "back/front", "dev", ["./back:/app/back"], "service_started"),
    ("back", ".", "dev", ["./back:/app/back", ".:/app"], "service_started"),
]


@pytest.mark.parametrize(("src", "node", "watch", "volumes", "until"), DEVELOPING)
def test_node_makes_static_files_while_developing(
    src: str, node: str, watch: str, volumes: list[str], until: str
) -> None:
    shop = Facts("shop", "shop.settings", "shop.wsgi:application", src=src, node=node, watch=watch)
    services = yaml.safe_load(files.rendered(shop)["compose/dev.yaml"].replace("!override", ""))["services"]
    assert services["web"]["volumes"] == volumes
    assert services["web"]["depends_on"] == {"assets": {"condition": until}}
    assert services["assets"]["working_dir"] == ("/app" if node == "." else f"/app/{node}")
    assert services["assets"]["command"][2].endswith(f"\nfi && npm run {watch}\n")
    assert services["assets"]["volumes"] == [".:/app"]
    assert "ports" not in services["assets"]


def test_port_of_vite_is_one_of_this_machine() -> None:
    shop = Facts("shop", "shop.settings", "shop.wsgi:application", node=".", watch="dev -- --host 0.0.0.0 --port 5173")
    services = yaml.safe_load(files.rendered(shop)["compose/dev.yaml"].replace("!override", ""))["services"]
    assert services["assets"]["ports"] == ["127.0.0.1:5173:5173"]


OTHERS = {
    "pnpm@9": "npx --yes --package pnpm@9 pnpm install --frozen-lockfile --store-dir ~/.pnpm-store && ",
    "yarn@1": "npx --yes --package yarn@1 yarn install --frozen-lockfile && ",
    "@yarnpkg/cli-dist@4": "npx --yes --package @yarnpkg/cli-dist@4 yarn install --immutable && ",
}


@pytest.mark.parametrize("package", OTHERS)
def test_packages_of_node_are_installed_by_what_locked_them(package: str) -> None:
    files_of = files.rendered(replace(SHOP, node=".", node_packages=package, watch="dev -- --port 5173"))
    assert OTHERS[package] in files_of["Dockerfile"]
    assert "npm ci" not in files_of["Dockerfile"] + files_of["compose/dev.yaml"]
    command = yaml.safe_load(files_of["compose/dev.yaml"].replace("!override", ""))["services"]["assets"]["command"][2]
    assert command.startswith(OTHERS[package])
    assert command.endswith(" run dev --port 5173\n")


def test_project_without_node_has_none_while_developing() -> None:
    shop = Facts("shop", "shop.settings", "shop.wsgi:application")
    assert "assets" not in files.rendered(shop)["compose/dev.yaml"]
