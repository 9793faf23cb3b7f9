"""What a person does with a deployment from day to day: a command or a shell in one of its replicas, and its log."""

from djk8s import engine
from djk8s.cluster import deploying
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import at_terminal


def enter(project: Project, to: str, context: str | None, words: tuple[str, ...]) -> None:
    """Run words, by default a shell, in a replica with its settings; raises `Exit` if nothing is deployed there."""
    module, where, _ = deploying.deployed(project, to, context)
    run(project, module.exec_command(project, where, words or engine.SHELL, at_terminal()))


def logs(project: Project, to: str, context: str | None) -> None:
    """Show the log of all replicas; raises `Exit` if nothing is deployed there."""
    module, where, _ = deploying.deployed(project, to, context)
    for command in module.logs_commands(project, where):
        run(project, command)
