"""Nothing that is typed or configured is run as a command or ends in a traceback; a refusal is one sentence.

The options, settings and variables come from Invoke's own lists, so that a new one is tried too. The machine is only
pretended here: what would be started is noted, and succeeds.
"""

import contextlib
import errno
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from invoke import Collection, Config

import tasks
from djk8s import ports
from djk8s.cli.program import Inv as Program
from djk8s.container import site
from djk8s.dotenv import file as dotenv
from djk8s.host import venv
from djk8s.project import Project
from nasty import NASTY
from support import one_sentence

TOUCH = "$(touch pwned)`touch pwned`; touch pwned\ntouch pwned | touch pwned & touch pwned"
SHELLS = {"sh", "bash", "dash", "zsh", "cmd", "cmd.exe"}
LONGEST = 128 * 1024  # bytes that Linux takes as one word or variable
ID = "0123456789abcdef"


def quickly(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


class Pretended:
    """Stands in for every process: notes its words, answers well, and has ended with 0."""

    noted: ClassVar[list[list[str]]] = []
    begun: ClassVar[list[list[str]]] = []  # those of them that are no questions
    env_file = Path()

    def __init__(self, argv: Sequence[str | Path], *, env: Mapping[str, str], **options: Any) -> None:
        assert not isinstance(argv, (str, bytes))
        assert not options.get("shell")
        assert not options.get("executable")
        words = [os.fspath(word) for word in argv]
        refuse_as_the_system_does(words, env)
        self.noted.append(words)
        if "text" not in options:
            self.begun.append(words)
        self.words = " ".join(words)
        self.args, self.returncode, self.pid = argv, 0, 0
        self.stdin = self.stdout = self.stderr = None
        self.text = options.get("text", False)

    def communicate(self, _input: object = None, timeout: float | None = None) -> tuple[str | bytes, str | bytes]:
        said = self.says()
        return (said, "") if self.text else (said.encode(), b"")

    def says(self) -> str:
        if " config --format json" in self.words:
            lines = dotenv.parse(self.env_file.read_text(encoding="utf-8", errors="replace"))
            values = {line.name: (line.value or "").replace("$", "$$") for line in lines}
            return json.dumps({"services": {"web": {"environment": values}}})
        answers = {"pip list": "[]", "_base_executable": sys.executable, "version_info[:2]": "3 11"}
        return next((answer for part, answer in answers.items() if part in self.words), f"{ID} {ID}\n")

    def poll(self) -> int:
        return 0

    def wait(self, timeout: float | None = None) -> int:
        return 0

    def __enter__(self) -> "Pretended":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def refuse_as_the_system_does(words: list[str], variables: Mapping[str, str]) -> None:
    texts = [*words, *(f"{name}={value}" for name, value in variables.items())]
    if any("\0" in text for text in texts):
        raise ValueError("embedded null byte")
    if any("=" in name for name in variables):
        raise ValueError("illegal environment variable name")
    if any(len(os.fsencode(text)) > LONGEST for text in texts):
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))


class Noted(io.StringIO):
    """Standard error, which tells what was printed last; a sentence is printed at once."""

    last = ""

    def write(self, text: str) -> int:
        self.last = text if text != "\n" else self.last
        return super().write(text)


Type = Callable[..., list[list[str]]]


@pytest.fixture
def settings_folder(tmp_path: Path) -> Path:
    """A folder of the test's own, for invoke.yaml."""
    (tmp_path / "settings").mkdir()
    return tmp_path / "settings"


@pytest.fixture
def typed(shell: pytest.MonkeyPatch, settings_folder: Path, tmp_path: Path, project: Project) -> Iterator[Type]:
    """Type an `inv` command where nothing is started, check how it ends, and return the words it would have started."""
    shell.setattr(subprocess, "Popen", Pretended)
    shell.setattr(os, "system", None)
    shell.setattr(os, "execv", None)
    shell.setattr(ports, "is_free", lambda _: True)
    shell.setattr(site, "not_ready", lambda _: "")
    shell.setattr(Pretended, "env_file", project.env_file)
    Pretended.noted.clear()
    (tmp_path / "here").mkdir()
    shell.chdir(tmp_path / "here")

    def type_in(*words: str, env_file: bytes = b"SECRET_KEY=hunter2\n", **variables: str) -> list[list[str]]:
        project.env_file.write_bytes(env_file)
        project.program("python").parent.mkdir(parents=True, exist_ok=True)
        project.program("python").touch()
        (project.venv / "pyvenv.cfg").touch()
        venv.write_stamp(project, venv.venv_stamp(project, sys.executable))
        Pretended.noted.clear()
        Pretended.begun.clear()
        error, output = Noted(), io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape")
        code: object = 0
        shell.setattr(sys, "argv", ["inv", *words])
        redirected = contextlib.redirect_stderr(error), contextlib.redirect_stdout(output)
        with mock.patch.dict(os.environ, variables), redirected[0], redirected[1]:
            try:
                Program(named(words) or tasks.ns, settings_folder).run(["inv", *words])
            except SystemExit as end:
                code = end.code
            output.flush()
        assert "Traceback" not in error.getvalue()
        assert isinstance(code, int)
        if code:
            assert one_sentence(error.last)
        for argv in Pretended.noted:
            assert not [word for word, then in itertools.pairwise(argv) if is_shell(word) and then[:1] == "-"]
        return Pretended.noted

    yield type_in
    assert not Path("pwned").exists()
    assert not list(tmp_path.rglob("pwned"))


def named(words: Sequence[str]) -> Collection | None:
    """Return the tasks that words name; Invoke copies all it is given each time, and so this takes half as long."""
    names = [word for word in dict.fromkeys(words) if word in tasks.ns.task_names]
    if not names:
        return None
    some = Collection(*(tasks.ns[name] for name in names))
    some.configure(OURS)
    return some


def is_shell(word: str) -> bool:
    return Path(word).name in SHELLS


OURS = tasks.ns.configuration()
# What `djk8s new` and `adopt` do with their words is theirs: tests/djk8s/test_new.py, tests/djk8s/adopt
OF_DJK8S = {"new", "adopt"}
OPTIONS = [
    (context.name, argument.names[0].strip("_").replace("_", "-"), argument.takes_value)
    for context in tasks.ns.to_contexts()
    if context.name not in OF_DJK8S
    for argument in context.args.values()
]
TASKS = sorted({*tasks.ns.task_names} - OF_DJK8S)
WITH_VALUE = [f"{task} --{option}" for task, option, takes_value in OPTIONS if takes_value]
FLAGS = {
    task: [f"--{option}" for of, option, takes_value in OPTIONS if of == task and not takes_value] for task in TASKS
}

# What a person, or a file's name, can put into a word: bytes that are no text come as surrogates.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.characters(
    min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]
)
HARD = [
    "",
    "-",
    "--",
    "-x",
    "--dry",
    "--help",
    "=",
    "A=",
    "\n",
    "a\nb",
    "\r",
    "\x1b[31m",
    "\udcff",
    "\u2028",
    "a" * 300,
]
HARD += [TOUCH, "a" * (LONGEST + 1), "/" * 5000, "..", ".", "/", "~", "8000", "[::1]:80", "v1", "lint", "container"]
HARD += ["/dev/null", "pip.conf", "٣", "1" * 5000, f"{'a' * 300}/pip.conf"]
WORD = (
    st.sampled_from([*HARD, *NASTY.values()])
    | st.text(CHARACTERS, max_size=12)
    | st.text("-=:/.,;$`'\"\\\n a1A", max_size=12)
)
VALUE = WORD | WORD.map("A={}".format) | WORD.map("a/pip.conf{}".format)


def begins_with_a_dash_in(started: list[list[str]], value: str) -> bool:
    """Return whether what is started could take a value for an option of its own."""
    return value[:1] == "-" and any(value in argv for argv in started)


@pytest.mark.parametrize("option", WITH_VALUE)
def test_any_value_of(typed: Type, option: str) -> None:
    task, flag = option.split()
    for value in HARD:
        assert not begins_with_a_dash_in(typed(task, flag, value), value)

    @quickly(20)
    @given(VALUE, st.booleans(), st.booleans(), st.sets(st.sampled_from(FLAGS[task] or [""])))
    @example(TOUCH, True, False, set())
    def try_all(value: str, apart: bool, dry: bool, flags: set[str]) -> None:
        words = [flag, value] if apart else [f"{flag}={value}"]
        started = typed(*(["--dry"] if dry else []), task, *sorted(flags - {""}), *words)
        assert not (dry and Pretended.begun)
        assert not begins_with_a_dash_in(started, value)

    try_all()


CORE = [f"--{option.names[0]}" for option in Program(tasks.ns, tasks.ROOT).core_args() if option.takes_value]


@pytest.mark.parametrize("flag", CORE)
def test_any_value_of_invokes_own(typed: Type, flag: str) -> None:
    for value in [*HARD, "ps", "json", "root", "bash"]:
        typed(flag, value, "ps")
        typed(f"{flag}={value}", "--list")


@pytest.mark.parametrize("task", TASKS)
def test_any_words_behind_dashes(typed: Type, task: str) -> None:
    @quickly(40 if task in {"shell", "manage"} else 6)
    @given(st.lists(WORD, max_size=4))
    def try_all(words: list[str]) -> None:
        typed(task, "--", *words)
        too_long = any(len(os.fsencode(word)) > LONGEST for word in words)  # the steps before it have begun
        if task in {"shell", "manage"} and words and Pretended.begun and not too_long:
            assert Pretended.begun[-1][-len(words) :] == words

    try_all()


@quickly(150)
@given(
    st.lists(
        st.sampled_from([*TASKS, *WITH_VALUE, "-f", "-T", "--list", "--help"]).map(str.split)
        | WORD.map(lambda word: [word])
    )
)
def test_any_words_at_all(typed: Type, words: list[list[str]]) -> None:
    typed(*(word for part in words for word in part))


READERS = ["env --check", "env --set A=1", "serve", "run", "run --detach", "up", "shell", "manage -- check", "doctor"]
LINES = st.lists(
    st.sampled_from(["\n", "\r\n", " ", "A", "PORT", "export ", "=", "#", "'", '"', "\\", "$", "${A}", "\0", *HARD])
)


@pytest.mark.parametrize("words", READERS)
def test_any_env_file(typed: Type, words: str) -> None:
    @quickly(20)
    @given(
        st.binary()
        | st.text().map(str.encode)
        | LINES.map("".join).map(lambda text: text.encode(errors="surrogateescape"))
        | VALUE.map(lambda value: b"SECRET_KEY=x\nA='" + value.encode(errors="surrogateescape") + b"'\n")
    )
    @example(b"SECRET_KEY=x\nA=a\0b\n")
    def try_all(text: bytes) -> None:
        typed(*words.split(), env_file=text)

    try_all()


def leaves(given: Mapping[str, Any], above: str = "INVOKE") -> Iterator[str]:
    """Yield the names of the variables that Invoke reads for settings."""
    for name, value in given.items():
        under = f"{above}_{name.upper()}"
        yield from leaves(value, under) if isinstance(value, dict) else [under]


OF_OURS = [*leaves(OURS), "INVOKE_RUNTIME_CONFIG"]
VARIABLES = [*OF_OURS, *({*leaves(Config.global_defaults())} - {"INVOKE_RUN_WATCHERS"}), "INVOKE_UP", "INVOKE_RUN"]
USERS = ["steps", "ps", "build", "up", "venv", "env", "shell", "clean --volumes"]
SETTING = WORD | st.text("ab/.:-_1A@", max_size=12)


@pytest.mark.parametrize("name", VARIABLES)
def test_any_variable(typed: Type, name: str) -> None:
    @quickly(40 if name in OF_OURS else 4)
    @given(SETTING, st.sampled_from(USERS), st.booleans())
    def try_all(value: str, words: str, dry: bool) -> None:
        typed(*(["--dry"] if dry else []), *words.split(), **{name: value})

    with changes_taken_back():
        try_all()


@contextlib.contextmanager
def changes_taken_back() -> Iterator[None]:
    """Let nothing be made or removed where a venv or .env of any name would be."""
    with (
        mock.patch.object(venv, "remove_stamp"),
        mock.patch.object(venv, "write_stamp"),
        mock.patch.object(dotenv, "write"),
        mock.patch.object(shutil, "rmtree"),
    ):
        yield


ANY_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary(max_size=3) | st.text() | SETTING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
ONE = st.sampled_from(
    ["port: 1", "up:", "up: {}", "&a [*a]", "a: &a {b: *a}", "up: &a {image: *a}", "? [1]\n: 2", '"', "\t"]
)
OTHER = st.sampled_from(
    ["<<: 5", "up: !!python/object:os.system x", "engine: 0x" + "f" * 9000, "\ufeffport: 1", "{", "--- 1\n--- 2"]
)
DUMPED = st.dictionaries(st.sampled_from([*OURS, "run", "tasks", "up_port"]) | st.text(), ANY_YAML, max_size=3).map(
    yaml.safe_dump
)
UNDER = st.dictionaries(st.sampled_from([*OURS["up"], "x"]), ANY_YAML).map(lambda up: yaml.safe_dump({"up": up}))
FILES = st.binary() | (st.text() | ONE | OTHER | DUMPED | UNDER).map(lambda text: text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("name", ["settings/invoke.yaml", "settings/invoke.json", "home/.invoke.yaml", "given.yml"])
def test_any_settings_file(typed: Type, shell: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    variables = {"INVOKE_RUNTIME_CONFIG": str(tmp_path / name)} if name == "given.yml" else {}
    for ours in ("INVOKE_VENV", "INVOKE_ENV_FILE"):
        shell.delenv(ours)

    @quickly(60)
    @given(FILES, st.sampled_from(USERS), st.sampled_from([{}, {"INVOKE_PORT": "abc"}]))
    def try_all(text: bytes, words: str, more: dict[str, str]) -> None:
        (tmp_path / name).write_bytes(text)
        typed(*words.split(), **variables, **more)

    with changes_taken_back():
        try_all()


WRONG_SETTINGS = [
    ("up: 5", "invoke.yaml under up has 5 for settings"),
    ("port: [1]", "invoke.yaml has port: [1], which is no text"),
    ("prot: 9000", "invoke.yaml has 'prot', which is no setting: there are engine, project,"),
    ("[port]", "invoke.yaml has ['port'] for settings"),
    ("port: '", "invoke.yaml cannot be read (while scanning a quoted scalar"),
    ("project: My_App", "setting project (in invoke.yaml or INVOKE_PROJECT) is 'My_App', and has to be a name of a-z"),
    ("image: djk8s:v1", "setting image (in invoke.yaml or INVOKE_IMAGE) is 'djk8s:v1', and has to be an image's name"),
    ("engine: --host", "has to be a program"),
    ("venv: .", "(in invoke.yaml or INVOKE_VENV) is the folder that the project is in"),
    (f"venv: {'a' * 300}", "File name too long; name another path"),
    ("port: abc", "port 'abc' is not a port: give a number from 1 to 65535, in invoke.yaml or INVOKE_PORT"),
]
GOOD_SETTINGS = ["", "project: a-b_1", "image: localhost:5000/a__b/c-d", "up: {image: 'Host.example:5000/a.b:V1'}"]
GOOD_SETTINGS += ["venv: /nowhere/venv", "engine: /opt/a b/docker"]


@pytest.fixture
def invoke_yaml(typed: Type, shell: pytest.MonkeyPatch, settings_folder: Path) -> Path:
    for ours in ("INVOKE_VENV", "INVOKE_ENV_FILE"):
        shell.delenv(ours)
    return settings_folder / "invoke.yaml"


Inv = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(("text", "said"), WRONG_SETTINGS, ids=[text[:20] for text, _ in WRONG_SETTINGS])
def test_wrong_setting_is_refused(inv: Inv, invoke_yaml: Path, text: str, said: str) -> None:
    invoke_yaml.write_text(text)
    refused = inv("steps")
    assert said in one_sentence(refused.stderr)
    assert (refused.returncode, refused.stdout) == (1, "")


@pytest.mark.parametrize("text", GOOD_SETTINGS)
def test_good_setting_is_taken(inv: Inv, invoke_yaml: Path, text: str) -> None:
    invoke_yaml.write_text(text)
    assert inv("steps").returncode == 0


def test_settings_of_other_projects_do_not_matter_at_home(inv: Inv, invoke_yaml: Path, tmp_path: Path) -> None:
    (tmp_path / "home/.invoke.yaml").write_text("prot: 1\nrun: 5\ntasks: {collection_name: other}\nport: 6545")
    shown = inv("--dry", "run")
    assert shown.returncode == 0, shown.stderr
    assert "127.0.0.1:6545:6545" in shown.stdout


def test_variable_comes_before_the_file_and_that_before_home(inv: Inv, invoke_yaml: Path, tmp_path: Path) -> None:
    (tmp_path / "home/.invoke.yaml").write_text("port: 6545\nimage: home")
    invoke_yaml.write_text("port: 6546")
    assert "127.0.0.1:6546:6546 --env PORT=6546" in inv("--dry", "run", INVOKE_ENGINE="docker").stdout
    assert "127.0.0.1:6547:6547" in inv("--dry", "run", INVOKE_PORT="6547").stdout
    assert "home:latest" in inv("--dry", "run").stdout


@pytest.mark.parametrize("words", ["env --set", "env --set --check", "build --tag", "test --session", "run --port"])
def test_option_without_its_value_is_refused(inv: Inv, typed: Type, words: str) -> None:
    task, option, *_ = words.split()
    refused = inv(*words.split())
    assert one_sentence(refused.stderr).startswith(f"Flag {option} needed value and was not given one")
    assert f"`inv --help {task}` shows" in refused.stderr
    assert Pretended.noted == []
