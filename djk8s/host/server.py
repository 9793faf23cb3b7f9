"""The site on this machine: static files, gunicorn, and manage.py, all from the virtual environment."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from invoke import Exit

from djk8s import code, dockerfile, ports
from djk8s.dotenv.file import EnvFile, ensure
from djk8s.host import venv
from djk8s.project import Project
from djk8s.shell import processes
from djk8s.shell.command import Command
from djk8s.shell.run import output, run
from djk8s.shell.talk import refuse, say

NOT_GATHERED = "The static files could not be gathered, see above."


def serve_command(project: Project, port: int, values: Mapping[str, str]) -> Command:
    """Return the command that serves on this machine; serving/ has everything else."""
    # Not gunicorn's script: its first line holds the path of the venv, which may have a space.
    config = ("--config", project.root / "serving" / "gunicorn.conf.py")
    argv = (project.program("python"), "-m", "gunicorn", *config, project.application)
    return Command(argv, cwd=project.src, shown={"PORT": str(port)}, hidden=for_the_host(project, values))


def reload_command(project: Project, port: int, values: Mapping[str, str]) -> Command:
    """Return the command that serves during development, as compose/dev.yaml does: Django's own server."""
    command = manage_command(project, ("runserver", str(port)), values)
    return replace(command, shown={"PORT": str(port), "DEBUG": "1"})


def manage_command(project: Project, words: tuple[str, ...], values: Mapping[str, str]) -> Command:
    hidden = for_the_host(project, values)
    return Command((project.program("python"), "manage.py", *words), cwd=project.src, hidden=hidden)


def collect_command(project: Project, values: Mapping[str, str]) -> Command:
    """Return the command that gathers the static files as the image has them; as there, without a database."""
    command = manage_command(project, ("collectstatic", "--no-input"), values)
    return replace(command, shown={"DEBUG": "0"}, hidden={**command.hidden, "DATABASE_URL": ""})


def objection(project: Project, values: Mapping[str, str]) -> str:
    """Return what the site or gunicorn objects to in these variables, or its build; "" if all are content."""
    check = (project.program("python"), "-B", project.src / "manage.py", "check")  # -B: a check writes no files
    gunicorn = (*serve_command(project, 0, values).argv, "--chdir", project.src, "--check-config")
    for argv in (check, *(() if processes.WINDOWS else (gunicorn,))):
        if said := complaint(project, argv, values):
            return said
    if not dockerfile.gathers_static_files(project):
        return ""
    said = complaint(project, (*check, "--tag", "staticfiles"), dockerfile.build_variables(project))
    return f"{said}: {code.IN_A_BUILD}" if said else ""


def complaint(project: Project, argv: tuple[str | Path, ...], values: Mapping[str, str]) -> str:
    """Return what a command says last if it fails, with the line of the site's code that is to blame; else ""."""
    answer = output(project, argv, timeout=60, variables=for_the_host(project, values))
    if not answer.returncode:
        return ""
    whole = answer.stderr.strip()
    checked = re.sub(r"(?s).*^ERRORS:\n", "", whole, flags=re.MULTILINE)  # Django's own words
    line = checked.partition("\n")[0] if checked != whole else whole.rpartition("\n")[2]
    line = re.sub(r"^(manage\.py|[\w.]*ImproperlyConfigured): ", "", line) or f"it ends with {answer.returncode}"
    own = {str(file) for file in code.files(project) if file.name != "manage.py"}
    frames = [(file, number) for file, number in re.findall(r'File "(.+)", line (\d+)', whole) if file in own]
    blamed = [f" ({project.shown(Path(file))}, line {number})" for file, number in frames]
    return line + "".join(blamed[-1:])


def objections(project: Project, values: Mapping[str, str]) -> Iterator[str]:
    """Yield what keeps a site with these variables from being served; without its packages, its port alone."""
    try:
        ports.chosen(project, None, values)
    except Exit as wrong:
        yield str(wrong.message)
    if not venv.is_installed(project):
        say("The site itself is not asked, as its packages are not installed: `inv install` installs them.")
    elif said := objection(project, values):
        yield said


def for_the_host(project: Project, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a site on this machine, as the Dockerfile has them; it must not read `.env` itself."""
    box = {"DJANGO_SETTINGS_MODULE": "serving.overlay", "PYTHONPATH": os.pathsep.join(map(str, project.pythonpath))}
    return {**values, **box, "PLACE": "host", "PYTHON_DOTENV_DISABLED": "1"}


def prepare(project: Project, env: EnvFile) -> dict[str, str]:
    """Do the steps before serving that are not done yet, and return the variables of the site."""
    venv.make(project)
    venv.install(project)
    return ensure(env).for_the_site(os.environ)


def serve(project: Project, port: str | None, reload: bool) -> None:
    """Serve on this machine until Ctrl-C, after the steps that this needs; raises `Exit` if gunicorn cannot run."""
    if processes.WINDOWS and not reload:
        refuse("gunicorn does not run on Windows: `inv run` serves the same site in a container.")
    env = EnvFile(project)
    number = ports.chosen(project, port, env.for_the_site(os.environ))
    address = ports.Published("127.0.0.1", number)
    if not project.dry:
        ports.require_free(project, address, "--port {}")
    values = prepare(project, env)
    if reload:
        run(project, manage_command(project, ("migrate", "--noinput"), values))
        command = reload_command(project, number, values)
    else:
        run(project, collect_command(project, values), lambda said: code.fault(project, NOT_GATHERED), unattended=True)
        command = serve_command(project, number, values)
    if not project.dry:
        say(f"Serving at {address.url} (Ctrl-C stops it)")
    run(project, command, hold_interrupt=not reload)


def manage(project: Project, words: tuple[str, ...]) -> None:
    """Run a manage.py command on this machine, after the steps that this needs."""
    run(project, manage_command(project, words, prepare(project, EnvFile(project))))
