"""The site's own code: what the last line says after a build that it made fail."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import free_port

REASONS = [
    ("src/myproj/views.py", b"\ndef page(:\n", "src/myproj/views.py is not Python (invalid syntax, line "),
    (
        "src/myproj/settings.py",
        b"\nSHOP_KEY = os.environ['SHOP_KEY']\nOTHER = os.environ.get('SHOP_OTHER')\n",
        "): a build has no values of .env, so give it a default, or a value in the Dockerfile.",
    ),
    ("requirements.in", b"\npillow\n", "requirements.in has changed since requirements.txt was made of it: `inv lock`"),
]


@pytest.mark.usefixtures("same_python")
@pytest.mark.parametrize("words", ["build", "run", "up --detach"])
@pytest.mark.parametrize(
    ("file", "more", "sentence"), REASONS, ids=["a syntax error", "no default", "a forgotten lock"]
)
def test_build_that_fails_says_why_at_the_end(
    elsewhere: Callable[..., Any], checkout: Path, noting: Any, words: str, file: str, more: bytes, sentence: str
) -> None:
    with (checkout / file).open("ab") as end:
        end.write(more)
    shutil.copy(checkout / ".env.example", checkout / ".env")
    with (checkout / ".env").open("a") as env_file:
        env_file.write("SHOP_KEY=any\nSHOP_OTHER=any\n")
    docker, _ = noting("docker", build=("", 17), compose_up=("", 17))
    port = str(free_port())
    typed = elsewhere(*words.split(), INVOKE_ENGINE=str(docker), INVOKE_PORT=port, INVOKE_UP_PORT=port)
    assert sentence in typed.stderr.splitlines()[-1], typed.stderr
    assert typed.returncode == 17


def test_code_for_a_newer_python_than_the_one_of_inv_is_left_alone(
    elsewhere: Callable[..., Any], checkout: Path, noting: Any
) -> None:
    dockerfile = checkout / "Dockerfile"
    dockerfile.write_text(re.sub("ARG PYTHON_VERSION=.*", "ARG PYTHON_VERSION=3.99", dockerfile.read_text()))
    (checkout / "src/myproj/views.py").write_text("of a syntax to come")
    docker, _ = noting("docker", build=("", 17))
    typed = elsewhere("build", INVOKE_ENGINE=str(docker))
    assert typed.stderr.splitlines()[-1].startswith("The image was not built, see above")


@pytest.mark.parametrize(
    "line", ["ENV SHOP_KEY=any", "ARG SHOP_KEY", 'RUN SHOP_KEY="a b" python manage.py collectstatic']
)
def test_variable_that_the_dockerfile_gives_is_not_missing(
    elsewhere: Callable[..., Any], checkout: Path, noting: Any, line: str
) -> None:
    with (checkout / "src/myproj/settings.py").open("a") as settings:
        settings.write("\nSHOP_KEY = os.environ['SHOP_KEY']\n")
    with (checkout / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"{line}\n")
    (checkout / ".env").write_text("SHOP_KEY=any\n")
    docker, _ = noting("docker", build=("", 17))
    typed = elsewhere("build", INVOKE_ENGINE=str(docker))
    assert typed.stderr.splitlines()[-1].startswith("The image was not built, see above")
