"""The commands that the site's page shows are tasks, and its Python is the image's."""

from __future__ import annotations

from collections.abc import Callable

import tasks
from djk8s import dockerfile
from djk8s.project import Project
from myproj import instructions

Agree = Callable[[object, str], None]


def test_commands_of_the_page_are_tasks(agree: Agree) -> None:
    shown = [command for step in instructions.STEPS for command in step[1:] if command.startswith("inv ")]
    assert len(shown) >= 10
    unknown = [command for command in shown if command.split()[1] not in tasks.ns.task_names]
    agree(not unknown, f"src/myproj/instructions.py shows {', '.join(unknown)}, which tasks.py does not have.")


def test_python_of_the_page_is_the_images(agree: Agree, defaults: Project) -> None:
    shown = instructions.STEPS[0].container
    image = f"FROM {dockerfile.base_image(defaults)}"
    agree(shown == image, f"src/myproj/instructions.py shows {shown!r}, and the Dockerfile is {image!r}.")
