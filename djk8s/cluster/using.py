"""What a person does with a deployment from day to day: a manage.py command in one of its replicas, and its log."""

from types import ModuleType

from djk8s.cluster import deploying
from djk8s.cluster.release import Where
from djk8s.project import Project
from djk8s.shell.run import run
from djk8s.shell.talk import at_terminal, refuse


def manage(project: Project, to: str, context: str | None, words: tuple[str, ...]) -> None:
    """Run a manage.py command in a replica, with its settings; raises `Exit` if nothing is deployed there."""
    module, where = deployed(project, to, context)
    run(project, module.exec_command(project, where, ("python", "manage.py", *words), at_terminal()))


def logs(project: Project, to: str, context: str | None) -> None:
    """Show the log of all replicas; raises `Exit` if nothing is deployed there."""
    module, where = deployed(project, to, context)
    for command in module.logs_commands(project, where):
        run(project, command)


def deployed(project: Project, to: str, context: str | None) -> tuple[ModuleType, Where]:
    """Return the module of a target, and the deployment; raises `Exit` if nothing is deployed there."""
    module, where = deploying.target(to, "--deployed"), deploying.place(project, context)
    module.require(project, where)
    if not project.dry and not module.status(project, where).wanted:
        refuse(f"{where.name} is not deployed here: `inv deploy --to {to}` does that.")
    return module, where
