"""The site on this machine: static files, gunicorn, and manage.py, all from the virtual environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from invoke import Context

from steps import envfile, ports, system, venv
from steps.command import Command, dry, refuse, run, say
from steps.project import ROOT, SRC, Project

STATIC = ROOT / "staticfiles" / "staticfiles.json"


def serve_command(project: Project, port: int, values: Mapping[str, str]) -> Command:
    """Return the command that serves on this machine; the rest is in `src/gunicorn.conf.py`."""
    # Not by its script, whose first line a shell reads where the folder has a space: a $ or a quote would not do.
    argv = (project.program("python"), "-m", "gunicorn", "myproj.wsgi:application")
    hidden = for_the_site(values)
    return Command(argv, cwd=SRC, shown={"PORT": str(port)}, hidden=hidden, waits_with_signals=True)


def reload_command(project: Project, port: int, values: Mapping[str, str]) -> Command:
    """Return the command that serves while one edits, as compose/dev.yaml does: Django's own server and debug pages."""
    command = manage_command(project, ("runserver", str(port)), values)
    return replace(command, shown={"PORT": str(port), "DEBUG": "1"})


def manage_command(project: Project, words: tuple[str, ...], values: Mapping[str, str]) -> Command:
    """Return a manage.py command in the virtual environment."""
    return Command((project.program("python"), "manage.py", *words), cwd=SRC, hidden=for_the_site(values))


def collect_command(project: Project, values: Mapping[str, str]) -> Command:
    """Return the command that gathers the static files, hashed and compressed as the image has them.

    As there, no database is asked for it.
    """
    command = manage_command(project, ("collectstatic", "--no-input"), values)
    return replace(command, shown={"DEBUG": "0"}, hidden={**command.hidden, "DATABASE_URL": ""}, unattended=True)


def for_the_site(values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a site on this machine, which is not to read `.env` a second time."""
    return {**values, "PLACE": "host", "PYTHON_DOTENV_DISABLED": "1"}


def prepare(c: Context, project: Project) -> dict[str, str]:
    """Do the steps before serving, those that are not done yet, and return what the site is to see."""
    venv.make(c, project)
    venv.install(c, project)
    envfile.ensure(c, project)
    return envfile.site_values(project.env_file, {}, os.environ)


def serve(c: Context, project: Project, port: str | None, reloads: bool) -> None:
    """Serve on this machine until Ctrl-C, after the steps that this needs; raises `Exit` where gunicorn cannot run."""
    if system.WINDOWS and not reloads:
        refuse("gunicorn does not run on Windows: `inv run` serves the same site in a container.")
    number = chosen_port(project, port, envfile.site_values(project.env_file, {}, os.environ))
    address = ports.Published("127.0.0.1", number)
    if not dry(c):
        ports.require_free(project, address, "--port {}")
    values = prepare(c, project)
    if reloads:
        run(c, manage_command(project, ("migrate", "--no-input"), values))
        command = reload_command(project, number, values)
    else:
        collect(c, project, values)
        command = serve_command(project, number, values)
    if not dry(c):
        say(f"Serving at {address.url} (Ctrl-C stops it)")
    run(c, command)


def chosen_port(project: Project, flag: str | None, values: Mapping[str, str]) -> int:
    """Return the port inside: the flag, else PORT as the site would see it, else the configured one."""
    if flag is not None:
        return ports.parse(flag, "--port")
    return ports.parse(values["PORT"], "PORT") if values.get("PORT") else ports.parse(project.port, "port")


def collect(c: Context, project: Project, values: Mapping[str, str]) -> None:
    """Gather the static files unless they are as they were."""
    wanted = {"requirements": venv.REQUIREMENTS.read_text(encoding="utf-8"), "sources": static_sources()}
    if STATIC.exists() and venv.read_stamp(project, "static") == wanted:
        return
    run(c, collect_command(project, values), failed="The static files could not be gathered, see above.")
    if not dry(c):
        venv.write_stamp(project, "static", wanted)


def static_sources() -> str:
    """Return what tells whether the site's own static files changed: their names, sizes and times."""
    files = sorted(path for path in SRC.glob("**/static/**/*") if path.is_file())
    return "\n".join(f"{path.relative_to(SRC)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)


def manage(c: Context, project: Project, words: tuple[str, ...]) -> None:
    """Run a manage.py command on this machine, after the steps that this needs."""
    run(c, manage_command(project, words, prepare(c, project)))
