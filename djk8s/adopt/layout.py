"""Where things are in a project, from the files that git tracks: manage.py, the module of its settings, its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from djk8s import git
from djk8s.adopt.found import Found, Unsure
from djk8s.git import tracked
from djk8s.packages.python import read as text_of
from djk8s.project import IMAGE, NAME
from djk8s.shell.talk import refuse

MODULE = "DJANGO_SETTINGS_MODULE"
NOT_THE_SITE = re.compile(
    r"(test|doc|example|sample|demo)s?|testing|sandbox|fixtures|templates?|project_template|site-packages", re.I
)
OF_DJANGO = re.compile(r"execute_from_command_line|^\s*from [\w.]+ import main$", re.M)
DEVELOPMENT = {"dev", "develop", "development", "local", "test", "tests", "testing", "ci", "static", "debug"}
PRODUCTION = ("prod", "production")
DEPLOYED_BY = (
    "Dockerfile*", "*.Dockerfile", "*.dockerfile", "Procfile", "uwsgi*.ini", "*compose*.yml", "*compose*.yaml",
    "app.json", "app.yaml", "fly.toml", "render.yaml",
)  # fmt: skip
# In a shell, in Compose's files, in JSON's `"NAME": {"value": "x"}` and Render's `key: NAME` with `value: x` below it.
NAMED_IN = re.compile(
    MODULE + r"""["']?(?:\s*[:=]|[ \t]|\s+value:)\s*(?:\{[^}]*?"value"\s*:\s*)?["']?(?:\$\{\w+:?-)?([A-Za-z_][\w.]*)"""
)


def check(root: Path) -> None:
    """Raise `Exit` with the remedy where a folder cannot be adopted as it is."""
    asked = git.at(root, "rev-parse", "--git-dir")
    if "safe.directory" in asked.stderr:
        remedy = asked.stderr.strip().splitlines()[-1].strip()  # the command that git itself suggests
        refuse(f"{root} is another user's, and git reads no such folder: `{remedy}`, then type this again.")
    if asked.returncode:
        refuse(f"{root} is not a git repository: `git init && git add . && git commit` there, then type this again.")
    files = tracked(root)
    if not files:
        refuse("git has no file of it yet: `git add . && git commit`, then type this again.")
    if (root / ".env").is_dir():
        refuse(".env is a folder, and has to be the file with the settings of this machine: rename it, or remove it.")
    for line in git.at(root, "submodule", "status").stdout.splitlines():
        if line.startswith("-"):
            refuse(f"The submodule {line.split()[1]} is missing: `git submodule update --init --recursive` fetches it.")
    beside = {"", *(parent(path) for path in files if name_of(path) == "manage.py")}
    for path in files:
        if name_of(path) == ".env" and parent(path) in beside:
            refuse(
                f"{path} is in git, with its secrets: `git rm --cached {path}`, add a line .env to .gitignore, commit."
            )
    if changes := git.at(root, "status", "--porcelain", "--", ".").stdout:
        first = changes.splitlines()[0][3:]
        refuse(f"It has changes that are not committed, as {first}: commit them, or `git stash --include-untracked`.")


def manage(root: Path, given: str | None = None) -> Found[str]:
    """Return the folder of manage.py, "." for the project's own; raises `Exit` where there is none, or two."""
    if given is not None:
        folder = PurePosixPath(given).as_posix()
        if folder.startswith(("/", "..")) or not (root / folder / "manage.py").is_file():
            refuse(f"There is no manage.py in {given}: name its folder with --src.")
        return Found(folder, "--src")
    found = [path for path in tracked(root) if name_of(path) == "manage.py" and runs_django(root, path)]
    likely = [path for path in found if not apart(path)]
    depth = min((path.count("/") for path in likely), default=0)
    shallowest = [path for path in likely if path.count("/") == depth]
    if len(shallowest) > 1:
        refuse(f"Both {shallowest[0]} and {shallowest[1]} could be it: name the folder of one with --src.")
    if shallowest:
        return Found(parent(shallowest[0]) or ".", shallowest[0])
    if found:
        refuse(f"The only manage.py is {found[0]}, which looks like an example: if not, name its folder with --src.")
    others = [path for path in tracked(root) if not apart(path) and "import execute_from_command" in read(root, path)]
    if others:
        refuse(f"git tracks no manage.py: copy {others[0]}, which runs Django, to that, and commit it.")
    return refuse("git tracks no manage.py of Django's in it: commit it, or name its folder with --src.")


def runs_django(root: Path, path: str) -> bool:
    """Return whether a manage.py is Django's, or only calls the `main` of a module of the project, which is."""
    text = read(root, path)
    return bool(OF_DJANGO.search(text)) and "{{" not in text


def apart(path: str) -> bool:
    """Return whether a file is in a folder that is no part of the site."""
    return any(NOT_THE_SITE.fullmatch(part) or "{{" in part for part in path.split("/")[:-1])


def is_of_tests(path: str) -> bool:
    """Return whether a file of Python is for tests or a tool, and no part of the site."""
    return apart(path) or bool(
        re.fullmatch(r"(test_.*|.*_test|tests|conftest|noxfile|setup|fabfile)\.py", name_of(path))
    )


def settings(root: Path, src: str, given: str | None = None) -> Found[str]:
    """Return the module of the settings to serve; raises `Unsure` where two are as likely, and `Exit` for none."""
    files = tracked(root)
    entries = [path for path in files if name_of(path) in {"manage.py", "wsgi.py", "asgi.py"} and below(path, src)]
    entries = [path for path in entries if not apart(path.removeprefix(f"{src}/"))]
    for path in entries:
        if uses_configurations(read(root, path)):
            refuse(f"{path} uses django-configurations, which this cannot serve yet: give it plain settings first.")
    places = (src, ".", *import_path(root, src).value)
    if given is not None:
        if not file_of(files, places, given):
            refuse(f"git tracks no file of {given} in {src}: name another module with --settings.")
        found = Found(given, "--settings")
    elif named := deployed(root, files):
        found = checked(files, places, named)
    else:
        named = served(root, entries) or elsewhere(root, files)
        found = checked(files, places, production(root, files, places, named))
    if path := by_dynaconf(root, file_of(files, places, found.value)):
        refuse(f"{path} gives the settings to dynaconf, which this cannot serve yet: give it plain settings first.")
    return found


def checked(files: tuple[str, ...], places: tuple[str, ...], found: Found[str]) -> Found[str]:
    if "-" in found.value:
        refuse(f"{found.where} names {found.value}, which no import statement can: rename what has a hyphen, commit.")
    if not file_of(files, places, found.value):
        refuse(f"{found.where} names {found.value}, which git does not track: commit it, or name one with --settings.")
    return found


def deploys(path: str) -> bool:
    """Return whether a file says how the site is deployed."""
    return not apart(path) and any(fnmatch(name_of(path), pattern) for pattern in DEPLOYED_BY)


def deployed(root: Path, files: tuple[str, ...]) -> Found[str] | None:
    """Return the module that a deployment file names, if one does and it is not for development."""
    where: dict[str, str] = {}
    for path in files:
        if deploys(path):
            for module in NAMED_IN.findall(read(root, path)):
                if not for_development(module):
                    where.setdefault(module, path)
    return one_of(where) if where else None


def served(root: Path, entries: list[str]) -> Found[str] | None:
    """Return the module that wsgi.py sets, or else manage.py, if one does."""
    for name in ("wsgi.py", "asgi.py", "manage.py"):
        if where := set_in(root, [path for path in entries if name_of(path) == name]):
            return one_of(where)
    return None


def set_in(root: Path, paths: list[str]) -> dict[str, str]:
    """Return the modules that some files set, each with its file; those for development only if there is no other."""
    where = {module: path for path in paths for module, _ in defaults(read(root, path))}
    return {module: path for module, path in where.items() if not for_development(module)} or where


def elsewhere(root: Path, files: tuple[str, ...]) -> Found[str]:
    """Return the module that other code sets, as a package's __init__.py; raises `Exit` if none does."""
    code = [path for path in files if path.endswith(".py") and not apart(path) and not is_of_tests(path)]
    for paths in ([path for path in code if name_of(path) == "__init__.py"], code):
        if where := set_in(root, paths):
            return one_of(where)
    return refuse(
        f"Neither manage.py nor wsgi.py sets {MODULE}: name the module with --settings, for example shop.settings."
    )


def one_of(where: dict[str, str]) -> Found[str]:
    if len(where) > 1:
        named = ", ".join(f"{module} ({path})" for module, path in where.items())
        raise Unsure("--settings", f"Which settings is it served with: {named}?", tuple(where))
    ((module, path),) = where.items()
    return Found(module, path)


def production(root: Path, files: tuple[str, ...], places: tuple[str, ...], found: Found[str]) -> Found[str]:
    """Return the module for production beside the one that was found, or in it; else `base` for a developer's."""
    file = file_of(files, places, found.value)
    package, _, last = found.value.rpartition(".")
    if file.endswith("/__init__.py"):
        if chooses(read(root, file)):
            return found
        package, last = found.value, "base"  # what is empty sets nothing
    if not for_development(found.value) and last not in {"base", "settings"}:
        return found
    names: tuple[str, ...] = PRODUCTION
    if "settings" in last:  # settings.py, with settings_production.py beside it
        names = tuple(name for one in PRODUCTION for name in (f"settings_{one}", f"{one}_settings"))
    there = {path: file_of(files, places, path) for name in names if (path := f"{package}.{name}".lstrip("."))}
    if there := {module: path for module, path in there.items() if path}:
        return one_of(there)
    if "settings" in last:  # a base beside it is an app of the site's
        return found
    for name in ("base", "settings"):  # the latter for a package whose name code puts before ".settings"
        module = f"{package}.{name}".lstrip(".")
        if path := file_of(files, places, module):
            return Found(module, path)
    return found


def named(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of some names that the project's code has."""
    code = [path for path in tracked(root) if path.endswith(".py") and not is_of_tests(path)]
    texts = [read(root, path) for path in code]
    return tuple(name for name in names if any(name in text for text in texts))


def chooses(text: str) -> bool:
    """Return whether the __init__.py of a package of settings has any code."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return True
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def forced(root: Path, src: str) -> list[str]:
    """Return the files that set the module whatever the environment says, so that no overlay of settings counts."""
    names = ("manage.py", "wsgi.py", "asgi.py")
    paths = [path for path in tracked(root) if name_of(path) in names and below(path, src) and not apart(path)]
    return [path for path in paths if any(force for _, force in defaults(read(root, path)))]


def defaults(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each module that code sets DJANGO_SETTINGS_MODULE to, and whether it does so over one that is set."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return
    asks = any(asks_for_it(node) for node in nodes)
    for node in nodes:
        if isinstance(node, ast.Call) and node.args and is_text(node.args[0], MODULE):
            words = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "default")]
            for module in (name for word in words for name in modules(word)):
                yield module, False
        elif isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Subscript):
            for module in modules(node.value) if is_text(target.slice, MODULE) else ():
                yield module, not asks


def asks_for_it(node: ast.AST) -> bool:
    """Return whether an expression looks whether DJANGO_SETTINGS_MODULE is set, so that code can leave it as it is."""
    if isinstance(node, ast.Call) and node.args and is_text(node.args[0], MODULE):
        return ast.unparse(node.func).endswith(("getenv", ".get"))
    return isinstance(node, ast.Compare) and is_text(node.left, MODULE)  # "…" not in os.environ


def modules(node: ast.expr) -> Iterator[str]:
    """Yield the modules that an expression may come to: a text, or the default in a call."""
    texts = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    yield from (text for text in texts if re.fullmatch(r"[a-zA-Z_][\w-]*(\.[\w-]+)*", text) and not text.isupper())


def is_text(node: ast.expr, value: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def uses_configurations(text: str) -> bool:
    return "DJANGO_CONFIGURATION" in text or bool(re.search(r"^\s*(from|import) configurations\b", text, re.MULTILINE))


def by_dynaconf(root: Path, file: str) -> str:
    """Return the file, of the settings or beside them, with which dynaconf takes Django's place; "" for none."""
    near = [path for path in tracked(root) if path.endswith(".py") and parent(path) == parent(file)]
    return next((path for path in near if re.search(r"^[^#\n]*DjangoDynaconf\(", read(root, path), re.MULTILINE)), "")


def for_development(module: str) -> bool:
    """Return whether the last part of a module's name ends in a word for development or tests."""
    return re.split(r"[._]", module)[-1] in DEVELOPMENT


def file_of(files: tuple[str, ...], places: tuple[str, ...], module: str) -> str:
    """Return the file of a module, seen from one of the folders to import from; "" if git tracks none."""
    path, known = module.replace(".", "/"), set(files)
    for folder in ("" if place == "." else f"{place}/" for place in places):
        for file in (f"{folder}{path}.py", f"{folder}{path}/__init__.py"):
            if file in known:
                return file
    return ""


def beside(root: Path, src: str, module: str) -> list[str]:
    """Return the modules of settings beside one, or in the package that it is, but for those for development."""
    file = file_of(tracked(root), (src, ".", *import_path(root, src).value), module)
    near = [path for path in tracked(root) if path.endswith(".py") and path != file and parent(path) == parent(file)]
    near = [path for path in near if name_of(path) != "__init__.py" and not is_of_tests(path)]
    names = [PurePosixPath(path).stem for path in near if "settings" in "/".join(path.split("/")[-2:])]
    package = module if name_of(file) == "__init__.py" else module.rpartition(".")[0]
    return [f"{package}.{name}".lstrip(".") for name in names if not for_development(name)]


def import_path(root: Path, src: str) -> Found[tuple[str, ...]]:
    """Return the folders to import from besides the project's own and that of manage.py.

    They are the one for a package's sources, which an installation of the project would make known, and those that
    manage.py puts on sys.path.
    """
    files, manage = tracked(root), f"{src}/manage.py".removeprefix("./")
    where: dict[str, str] = {}
    for package in (file for file in files if re.fullmatch(r"src/\w+/__init__\.py", file)):
        if "src/__init__.py" not in files:
            where.setdefault("src", package)
    for word in on_sys_path(read(root, manage)):
        folder = (PurePosixPath(src) / word).as_posix()
        if any(below(file, folder) for file in files):
            where.setdefault(folder, manage)
    where.pop(src, None)
    where.pop(".", None)
    return Found(tuple(where), ", ".join(dict.fromkeys(where.values())) or "no other has any package")


def module_of(root: Path, src: str, file: str) -> str:
    """Return the module that a file of Python is, seen from the deepest of the folders to import from."""
    folders = sorted((src, *import_path(root, src).value), key=len, reverse=True)
    folder = next((one for one in folders if one != "." and below(file, one)), "")
    return file.removeprefix(f"{folder}/" if folder else "").removesuffix(".py").replace("/", ".")


def on_sys_path(text: str) -> Iterator[str]:
    """Yield the folders that code puts on sys.path, as it writes them."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError):
        return
    for call in calls:
        if ast.unparse(call.func) in {"sys.path.insert", "sys.path.append"}:
            texts = [one.value for one in ast.walk(call) if isinstance(one, ast.Constant)]
            yield from (one for one in texts if isinstance(one, str) and re.fullmatch(r"[\w-]+(/[\w-]+)*/?", one))


def name(root: Path, given: str | None = None) -> Found[str]:
    """Return the name for the image and its containers: that of the folder, made to fit."""
    if given is not None:
        if not (re.fullmatch(NAME, given) and re.fullmatch(IMAGE, given)):
            refuse(f"--name is {given!r}, and has to be a name of a-z, 0-9, _ and -, for example my-site.")
        return Found(given, "--name")
    if fit := fitting(root.resolve().name):
        return Found(fit, "the folder")
    found = re.search(r'^name *= *["\'](.+?)["\']', read(root, "pyproject.toml"), re.MULTILINE)
    if found and (fit := fitting(found[1])):
        return Found(fit, "pyproject.toml")
    return refuse("Its folder has no letter of a-z in its name: give the image a name with --name.")


def fitting(text: str) -> str:
    words = re.sub(r"[^a-z0-9_]+", "-", text.lower())
    return re.sub(r"[-_]{2,}", "-", words)[:63].strip("-_")


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def below(path: str, src: str) -> bool:
    return src == "." or path.startswith(f"{src}/")


def read(root: Path, path: str) -> str:
    """Return the text of a file; "" if it cannot be read."""
    return text_of(root / path)
