"""Remove what this project made on the engine, found by its labels and names, and nothing else."""

from invoke import Exit

from djk8s import engine
from djk8s.cluster.machine import BEFORE
from djk8s.cluster.release import RELEASE
from djk8s.cluster.swarm import STACK
from djk8s.host import venv
from djk8s.project import Project
from djk8s.shell.command import Command
from djk8s.shell.run import run
from djk8s.shell.talk import say

# The name of an image, or its id if a newer image took the name.
NAMED = '{{if eq .Tag "<none>"}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}'
KINDS = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "image": ("image", "ls", "--all", "--format", NAMED),  # Docker 29 and newer hides untagged images without --all
    "volume": ("volume", "ls", "--quiet"),
}


def clean(project: Project, volumes: bool, environment: bool) -> None:
    """Remove this project's containers, networks and images; on request its databases and its venv."""
    if environment:
        remove_environment(project)
    engine.require(project)
    if not project.dry and not any(names(project, kind) for kind in KINDS):
        say("Nothing of this project is on the engine: nothing to do.")
        return
    acts = [("container", "stop"), *((kind, "rm") for kind in KINDS if volumes or kind != "volume")]
    failures = [failure for failure in (act(project, kind, verb) for kind, verb in acts) if failure]
    if failures:
        raise failures[0]
    if not project.dry and not volumes and (kept := names(project, "volume")):
        say(f"Its volumes stay: {' and '.join(kept)}. `inv clean --volumes` removes them.")


def remove_environment(project: Project) -> None:
    """Remove the virtual environment; raises `Exit` if the folder is something else."""
    venv.protect(project)
    if project.dry:
        say(f"# {project.shown(project.venv)} would be removed.")
    elif project.venv.exists():
        say(f"Removing {project.shown(project.venv)}.")
        venv.remove(project)


def names(project: Project, kind: str) -> list[str]:
    """Return the names of this project's containers, networks, images or volumes, each once."""
    listed = (engine.ask(project, *words) for words in queries(project, kind))
    return list(dict.fromkeys(name for lines in listed for name in lines))


def queries(project: Project, kind: str) -> list[tuple[str, ...]]:
    """Return the commands that list a kind of things: those with our label, and those that Compose made."""
    label = ("--filter", f"label={project.label}")
    own = {"network": [], "volume": [("--filter", f"name=^{project.volume}$")]}.get(kind, [label])
    composes = [] if kind == "image" else [engine.of_compose(project.scope)]
    return [(*KINDS[kind], *which) for which in [*own, *composes]]


def act(project: Project, kind: str, verb: str) -> Exit | None:
    """Stop or remove all of a kind; returns a failure instead of raising it, so that the other kinds go too."""
    if project.dry:
        print(line(project, kind, verb))
        return None
    found = names(project, kind)
    if kind == "image":
        found = [image for image in found if not in_use(project, image) and not in_history(project, image)]
    try:
        if found:
            run(project, command(project, kind, verb, *found), f"Not every {kind} could be removed, see above.")
    except Exit as failure:
        return failure
    return None


def in_history(project: Project, image: str) -> bool:
    """Return True, and say so, if a deployment can be rolled back to an image."""
    labels = f'{{{{.Label "{RELEASE}"}}}}{{{{.Label "{BEFORE}"}}}}'
    known = "".join(engine.ask(project, "ps", "--all", "--format", labels, *engine.of_compose(project.name)))
    stack = ("--filter", f"label={STACK}={project.name}")
    known += "".join(engine.ask(project, "config", "ls", "--format", f'{{{{.Label "{RELEASE}"}}}}', *stack))
    ids = engine.ask(project, "image", "inspect", "--format", "{{.Id}}", image)
    found = any(one in known for one in (image, *ids))
    if found:
        say(f"{image} stays, as `inv rollback` may go back to it.")
    return found


def in_use(project: Project, image: str) -> bool:
    """Return True, and say so, if a container of another project uses an image."""
    others = engine.ask(project, "ps", "--all", "--format", "{{.Names}}", "--filter", f"ancestor={image}")
    if others:
        say(f"{image} stays, as {', '.join(others)} run{'s' * (len(others) == 1)} on it.")
    return bool(others)


def command(project: Project, kind: str, verb: str, *found: str) -> Command:
    # With --force it is no error that `--rm` has removed one meanwhile.
    force = ["--force"] if (kind, verb) == ("container", "rm") else []
    return Command((project.engine, kind, verb, *force, *found))


def line(project: Project, kind: str, verb: str) -> str:
    """Return a line for the shell that stops or removes all of a kind."""
    listed = (f"$({Command((project.engine, *words)).line(project.root)})" for words in queries(project, kind))
    return " ".join([command(project, kind, verb).line(project.root), *listed])
