"""Remove what this project made on the engine, found by its labels and names, and nothing else."""

from __future__ import annotations

from invoke import Context, Exit

from steps import engine, venv
from steps.command import Command, dry, run, say
from steps.envfile import shown
from steps.project import Project

# An image by its name, or by its id where a newer one took that.
NAMED = '{{if eq .Tag "<none>"}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}'
KINDS = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "image": ("image", "ls", "--all", "--format", NAMED),  # since 29.0 one without a name is left out else
    "volume": ("volume", "ls", "--quiet"),
}
KEPT = {"volume"}  # they hold the databases: removed only when asked for


def clean(c: Context, project: Project, volumes: bool, environment: bool) -> None:
    """Remove this project's containers, networks and images; its databases and its venv only where asked.

    Each is named before. Raises `Exit` when no engine answers, or the folder of the venv is something else.
    """
    if environment:
        remove_environment(c, project)
    engine.require(c, project)
    if not dry(c) and not any(ours(project).values()):
        say("Nothing of this project is on the engine: nothing to do.")
        return
    acts = [("container", "stop"), *((kind, "rm") for kind in KINDS if volumes or kind not in KEPT)]
    failed = [end for end in (act(c, project, kind, verb) for kind, verb in acts) if end]
    if failed:
        raise failed[0]


def remove_environment(c: Context, project: Project) -> None:
    """Remove the virtual environment; raises `Exit` where the folder is something else."""
    venv.protect(project.venv)
    if dry(c):
        say(f"# {shown(project.venv)} would be removed.")
    elif project.venv.exists():
        say(f"Removing {shown(project.venv)}.")
        venv.remove(project)


def ours(project: Project) -> dict[str, list[str]]:
    """Return the names of what is on the engine of this project, by kind."""
    return {kind: names(project, kind) for kind in KINDS}


def names(project: Project, kind: str) -> list[str]:
    """Return the names of what this project has of a kind, each once."""
    listed = (engine.ask(project, *words) for words in lists(project, kind))
    return list(dict.fromkeys(name for lines in listed for name in lines))


def lists(project: Project, kind: str) -> list[tuple[str, ...]]:
    """Return the words that list what this project has of a kind: its own, and what Compose made for it."""
    composes = f"label=com.docker.compose.project={project.scope}"
    own = {"network": [], "volume": [f"name=^{project.volume}$"]}.get(kind, [f"label={project.label}"])
    return [(*KINDS[kind], "--filter", which) for which in [*own, *([] if kind == "image" else [composes])]]


def act(c: Context, project: Project, kind: str, verb: str) -> Exit | None:
    """Stop or remove what this project has of a kind, and return how that failed, if so: the rest is still to go."""
    if dry(c):
        print(line(project, kind, verb))
        return None
    found = names(project, kind)
    if kind == "image":
        found = [image for image in found if not in_use(project, image)]
    try:
        if found:
            run(c, command(project, kind, verb, *found), failed=f"Not every {kind} could be removed, see above.")
    except Exit as end:
        return end
    return None


def in_use(project: Project, image: str) -> bool:
    """Return whether a container that is left uses an image, which is then not this project's alone; say so."""
    others = engine.ask(project, "ps", "--all", "--format", "{{.Names}}", "--filter", f"ancestor={image}")
    if others:
        say(f"{image} stays, because of a container that is not this project's: {', '.join(others)}.")
    return bool(others)


def command(project: Project, kind: str, verb: str, *found: str) -> Command:
    """Return the command that stops or removes what was found of a kind."""
    # With --force one that has gone by itself meanwhile, as `--rm` has it, is no error.
    force = ["--force"] if (kind, verb) == ("container", "rm") else []
    return Command((project.engine, kind, verb, *force, *found))


def line(project: Project, kind: str, verb: str) -> str:
    """Return the shell's line that stops or removes what this project has of a kind."""
    listed = (f"$({Command((project.engine, *words)).line()})" for words in lists(project, kind))
    return " ".join([command(project, kind, verb).line(), *listed])
