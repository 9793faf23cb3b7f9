"""How a project's static files are made, and why that failed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from djk8s.adopt.ask import Answer
from djk8s.adopt.found import Found
from djk8s.adopt.layout import apart, name_of, parent, read
from djk8s.adopt.volume import in_project
from djk8s.facts import Facts
from djk8s.git import tracked
from djk8s.shell.talk import refuse

COLLECT = "collectstatic --no-input"
WATCHING = ("watch", "build:watch", "watch:build", "dev")
PNPM = {"5.3": "6", "5.4": "7", "6.0": "8"}  # the first that wrote such a lock file; https://pnpm.io/installation
MANIFEST = {"staticfiles.json", "manifest.json"}
WHERE = r'File "(?!/usr|<)((?:(?!-packages)[^"])+)", line (\d+)'


def commands(root: Path, answer: Answer) -> Found[tuple[str, ...]]:
    """Return the commands of manage.py that make the static files, in order; none where git has them."""
    if "django.contrib.staticfiles" not in answer.settings["INSTALLED_APPS"]:
        return Found((), "no django.contrib.staticfiles")
    folder = static_root(answer).value
    made = [path for path in tracked(root) if name_of(path) in MANIFEST and path.startswith(f"{folder}/")]
    if made:
        return Found((), made[0])
    # It compiles what the templates name, and does so for a page only while debugging.
    sass = ("compilescss",) if "sass_processor" in answer.settings["INSTALLED_APPS"] else ()
    compresses = "compressor" in answer.settings["INSTALLED_APPS"] and answer.settings["COMPRESS_ENABLED"] is not False
    if compresses and not answer.settings["COMPRESS_OFFLINE"]:
        refuse(
            "django-compressor makes its files when a page is asked for, and the image can only be read: set "
            "COMPRESS_OFFLINE = True where DEBUG is off, and commit that."
        )
    if answer.settings["COMPRESS_OFFLINE"] and answer.settings["COMPRESS_ENABLED"] is not False:
        # It renders templates, for which the files have to be there, and may write to a folder that is gathered.
        return Found((*sass, COLLECT, "compress --force", COLLECT), "COMPRESS_OFFLINE")
    return Found((*sass, COLLECT), "sass_processor" if sass else "django.contrib.staticfiles")


def static_root(answer: Answer) -> Found[str]:
    """Return the folder that they are gathered in, relative to the project's; another one is not in the image."""
    inside = in_project(answer.settings["STATIC_ROOT"])
    return Found(inside, "STATIC_ROOT") if inside else Found("staticfiles", "serving/overlay.py")


def node(root: Path, given: str | None = None) -> Found[str]:
    """Return the folder of the shallowest package.json with a script `build`, "." for the project's; "" for none."""
    if given is not None:
        folder = PurePosixPath(given).as_posix() if given else ""
        inside = not folder.startswith(("/", ".."))
        if given and not (inside and has_build(root, f"{folder}/package.json")):
            refuse(f"There is no package.json with a script `build` in {given}: name its folder here with --node.")
        return Found(folder, "--node")
    files = [path for path in tracked(root) if name_of(path) == "package.json" and "node_modules/" not in path]
    found = sorted(
        (path for path in files if not apart(path) and has_build(root, path)), key=lambda path: path.count("/")
    )
    return Found(parent(found[0]) or ".", found[0]) if found else Found("", "no package.json with a script `build`")


def has_build(root: Path, path: str) -> bool:
    return "build" in (manifest(root, path).get("scripts") or {})


def installer(root: Path, folder: str) -> Found[str]:
    """Return what installs the packages of Node, as npm knows it: by package.json, else by the lock file, else npm."""
    above = [folder, *map(str, PurePosixPath(folder).parents)] if folder != "." else ["."]
    for place in above:
        said = str(manifest(root, f"{place}/package.json").get("packageManager", ""))
        if found := re.fullmatch(r"(npm|pnpm|yarn)@(\d+(?:\.\d+)*)(?:\+.*)?", said):
            name, version = found.groups()
            return Found("npm" if name == "npm" else package(name, version), "packageManager")
        if (root / place / "package-lock.json").is_file():
            return Found("npm", "package-lock.json")
        if (root / place / "pnpm-lock.yaml").is_file():
            written = re.search(r"lockfileVersion: '?([\d.]+)", read(root, f"{place}/pnpm-lock.yaml"))
            return Found(package("pnpm", PNPM.get(written[1] if written else "", "9")), "pnpm-lock.yaml")
        if (root / place / "yarn.lock").is_file():
            newer = "__metadata:" in read(root, f"{place}/yarn.lock")
            return Found(package("yarn", "4" if newer else "1"), "yarn.lock")
    return Found("npm", "no lock file")


def with_node(root: Path, facts: Facts, folder: str) -> Facts:
    """Return the facts of a project whose static files Node makes in a folder, "" for none."""
    if not folder:
        return replace(facts, node="", node_packages="npm", watch="build")
    return replace(facts, node=folder, node_packages=installer(root, folder).value, watch=watch(root, folder))


def package(name: str, version: str) -> str:
    """Return a package of npm with a version: from 2 on, yarn has another name there."""
    return f"{'@yarnpkg/cli-dist' if name == 'yarn' and version.split('.')[0] != '1' else name}@{version}"


def manifest(root: Path, path: str) -> dict[str, Any]:
    """Return what a package.json says; {} for none that can be read."""
    try:
        said = json.loads(read(root, path)) if (root / path).is_file() else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def watch(root: Path, folder: str) -> str:
    """Return the words after `npm run` that make static files again after each edit, else `build`."""
    scripts: dict[str, str] = manifest(root, f"{folder}/package.json")["scripts"]
    script = next((name for name in WATCHING if name in scripts), "build")
    serves = re.match(r"vite\b(?! build)", scripts[script])  # which gives them to the browser itself
    return f"{script} -- --host 0.0.0.0 --port 5173" if serves else script


PROGRAM = "It needs the program {0}: name the package of Debian that has it in apt.txt, and commit that."
GIVE = "The variable {0} is missing: give it with --env {0}=…."
# What Node makes is copied to the image without its packages.
NODE_MODULES = (
    "node_modules is not in the image: add a script `build` to package.json that copies what the site serves of it to "
    "another folder, name that in STATICFILES_DIRS, and commit that."
)
# The first that is in the log gives the sentence. The model is Heroku's buildpack for Python.
CAUSES = (
    (
        r"The file ['\"]([^'\"%]+)['\"] could not be found with",
        "A stylesheet or a script refers to {0}, which is not there, and their storage is strict about it: "
        "add the file, take the reference out, or set manifest_strict = False in the storage.",
    ),
    (
        r"Missing staticfiles manifest entry for ['\"]([^'\"%]+)",
        "{0} is not among the static files: add the file, or take the static tag that names it out of its template.",
    ),
    (r"KeyError: ['\"]([A-Z][A-Z0-9_]*)['\"]", GIVE),
    (r"Set the ['\"]?(\w+)['\"]? environment variable", GIVE),
    (r"(\w+) not found\. Declare it as envvar", GIVE),
    (r"Environment variable ['\"](\w+)['\"] not set", GIVE),
    (r"(SECRET_KEY) setting must not be empty", "{0} is empty: give the variable that it is read from with --env."),
    (
        r"(?:NoCredentials|DefaultCredentials|PartialCredentials|Authentication)Error|Unable to locate credentials"
        r"|Invalid(?:AccessKeyId|Location)|EndpointConnectionError|(?:AWS|AZURE|GS)_\w+[^\n]*(?:must|require|not set)",
        "The static files go to a storage in the cloud, for which a build has no credentials: "
        "set STORAGES['staticfiles'] to one of files, such as WhiteNoise's, and commit that.",
    ),
    (
        r"without having set the (STATIC_ROOT) setting",
        "{0} is not set: set it to a folder in the project, for example BASE_DIR / 'staticfiles'.",
    ),
    (
        r"STATICFILES_DIRS setting should not contain the (STATIC_ROOT)",
        "STATICFILES_DIRS has the folder of {0} in it: name another for one of them.",
    ),
    (r"sh: (?:line )?\d+: ([\w.-]+): (?:command )?not found", PROGRAM),
    (r"_execute_child\n(?:[^\n]*\n)*?FileNotFoundError[^\n]*: ['\"]([\w.-]+)['\"]", PROGRAM),
    (
        r"(?:OfflineGenerationError|CommandError): ([^\n]*(?:[Oo]ffline|rendering)[^\n]*)",
        "compress could not make its files ({0}): see to that template, or set COMPRESS_ENABLED to False.",
    ),
    (
        r"(?:OperationalError|InterfaceError|ProgrammingError)\b",
        "Its code asks the database when it is loaded (at import, or in AppConfig.ready()), and a build has none: "
        "ask it in a view, or not for collectstatic.",
    ),
    (
        r"redis\.exceptions\.\w+|ConnectionRefusedError|gaierror|Temporary failure in name resolution",
        "Its code asks a service when it is loaded (at import, or in AppConfig.ready()), and a build has none: "
        "ask it in a view, or not for collectstatic.",
    ),
    (r"No module named '([\w.]+)'", "It imports {0}, which is not installed: add its package to what is installed."),
    (
        r"cannot import name '(\w+)' from '?([\w.]+)",
        "The version of {1} that is installed has no {0}: pin the version that their code is for.",
    ),
    (r"PermissionError[^\n]*?['\"]([^'\"]+)['\"]", "{0} may not be written, as the static files are made."),
    (r"(?:FileNotFoundError|No such file or directory)[^\n]*?node_modules", NODE_MODULES),
    (
        r"(?:FileNotFoundError|No such file or directory)[^\n]*?['\"]([^'\"]+)['\"]",
        "{0} is not there: commit it, or let a script `build` of a package.json make it.",
    ),
    (r"SyntaxError: ([^\n]+)", "Its code is not for this Python ({0}): name another with --python."),
    (r"Unknown command: ['\"](\w+)['\"]", "manage.py has no command {0}: add its app to INSTALLED_APPS."),
    (
        r"ERR_PNPM_(?:OUTDATED|NO)_LOCKFILE|YN0028|Your lockfile needs to be updated",
        "The lock file of Node is missing, or older than package.json: install once, and commit what that changes.",
    ),
    (r"npm (?:ERR!|error) ([^\n]+)", "npm failed ({0}): see that `npm run build` works in a clone of the project."),
)


def classified(log: str) -> str:
    """Return why making the static files failed, in one sentence that says what to do."""
    for pattern, sentence in CAUSES:
        if found := re.search(pattern, log):
            parts = [part or "it" for part in found.groups()] or ["a file"]
            return sentence.format(*parts) + place(log)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    last = lines[-1] if lines else "it printed nothing"
    # BuildKit's last line names the command; the image has other steps too.
    what = "image" if "failed to solve" in last and "manage.py" not in last else "static files"
    return f"The {what} could not be made: {last[:300]}{place(log)}"


def place(log: str) -> str:
    """Return where in the project's own files the last error was, as the end of a sentence; "" if in none."""
    found = [where for where in re.findall(WHERE, log) if not where[0].endswith("manage.py")]
    return f" ({found[-1][0].removeprefix('/app/')}:{found[-1][1]})" if found else ""
