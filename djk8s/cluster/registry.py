"""The registry: where the image is pushed to, under which tag, and what to do when it is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial

from djk8s import engine, git
from djk8s.container import image
from djk8s.packages import locking
from djk8s.project import IMAGE, Project
from djk8s.shell.command import Command
from djk8s.shell.run import run
from djk8s.shell.talk import refuse

REVISION_LENGTH = 12  # characters, which are practically unique to a commit
# What the engine says when a push fails, and what to do about it.
CAUSES = {
    "server gave HTTP response": "{host} speaks no https: put it behind a certificate, or name it in the engine's "
    "`insecure-registries`.",
    "unauthorized|no basic auth|authentication required|denied|forbidden": "{host} does not let you push {repository}: "
    "`{engine} login {host}` says who you are, and whoever runs it gives you the right.",
    "connection refused|no such host|timeout|deadline exceeded|unreachable|EOF|50[234]": "{host} does not answer: type "
    "it again when it does, or name another with --registry.",
}


def tag(project: Project, given: str | None, allow_dirty: bool) -> str:
    """Return the tag: the given one, or git's revision of the folder; raises `Exit` if that has changes since."""
    if given is not None:
        image.name(project, given)  # refuses what is no tag
        return given
    revision, _, changes = git.revision(project).partition("-")
    if not revision:
        refuse("There is no commit of git to name the image after: `git add --all && git commit`, or add --tag v1.")
    short = revision[:REVISION_LENGTH]
    if not changes:
        return short
    if not allow_dirty:
        refuse(
            f"The folder has changes since {short}: commit them, so that the version can be found again, or add "
            "--allow-dirty."
        )
    return f"{short}-dirty-{datetime.now(timezone.utc):%Y%m%dT%H%M%S}"


def host(name: str) -> str:
    """Return the host in an image's name; "" where it has none, which means Docker Hub."""
    first, slash, _ = name.partition("/")
    return first if slash and re.search(r"[.:]|^localhost$", first) else ""


def repository(project: Project, given: str | None) -> str:
    """Return the image's name in the registry that is given or configured, such as registry.example.com/team/shop.

    It is "" where neither that nor the image's own name says a registry; that of its own name wins over a setting.
    """
    own = host(project.image)
    if own and given:
        refuse(f"The image is called {project.image}, which says its registry: leave --registry out.")
    registry = "" if own else project.registry if given is None else given
    if not registry:
        return project.image if own else ""
    if not re.fullmatch(IMAGE, f"{registry}/{project.image}"):
        refuse(f"--registry {registry!r} cannot precede a name: write, for example, registry.example.com/team.")
    return f"{registry}/{project.image}"


def tag_command(project: Project, reference: str) -> Command:
    """Return the command that gives the image that was built last another name."""
    return Command((project.engine, "tag", image.name(project, None), reference))


def push_command(project: Project, reference: str) -> Command:
    return Command((project.engine, "push", reference))


def buildx_command(
    project: Project, reference: str, platforms: Sequence[str] = (), attest: Sequence[str] = (), revision: str = ""
) -> Command:
    """Return the command that builds for other platforms, or with attestations, and pushes as it builds.

    `attest` has `sbom`, `provenance` or both. Without it, buildx would add a provenance of its own accord.
    """
    options = ["--platform", ",".join(platforms)] if platforms else []
    options += [f"--{name}={str(name in attest).lower()}" for name in ("sbom", "provenance")]
    words = image.rest(project, options, revision)
    return Command((project.engine, "buildx", "build", "--push", "--tag", reference, *words))


def publish(
    project: Project,
    registry: str | None,
    given: str | None,
    platforms: Sequence[str] = (),
    attest: Sequence[str] = (),
    allow_dirty: bool = False,
) -> None:
    """Build the image as the folder is, push it, and print its digest."""
    where = repository(project, registry)
    if not where:
        refuse("Where to? Add --registry registry.example.com/team, or write `registry: …` in invoke.yaml to keep it.")
    name = f"{where}:{tag(project, given, allow_dirty)}"
    if platforms or attest:
        digest = build_and_push(project, name, platforms, attest)
    else:
        build_and_tag(project, name)
        digest = push(project, name)
    if digest:
        print(digest)


def build_and_tag(project: Project, reference: str) -> None:
    """Build the image as the folder is, for this engine, and give it its whole name."""
    image.build(project)
    run(project, tag_command(project, reference))


def push(project: Project, reference: str) -> str:
    """Push an image of this engine, and return its name with its digest; raises `Exit` with what to do if it fails."""
    engine.require(project)
    run(project, push_command(project, reference), partial(explain, project, reference), unattended=True)
    repository = reference.rpartition(":")[0]
    told = "{{range .RepoDigests}}{{println .}}{{end}}"
    known = [] if project.dry else engine.ask(project, "image", "inspect", "--format", told, reference)
    begin = repository.removeprefix("docker.io/") + "@"
    return next((f"{reference}@{one.removeprefix(begin)}" for one in known if one.startswith(begin)), "")


def build_and_push(project: Project, reference: str, platforms: Sequence[str], attest: Sequence[str]) -> str:
    """Build for the platforms and push, in one command, and return the name with the digest of the whole."""
    for platform in platforms:
        image.require_platform(platform, ", and the option again for another")
    locking.mention_stale(project)
    engine.require(project)
    if not project.dry and (len(platforms) > 1 or attest):
        require_builder(project, reference)
    command = buildx_command(project, reference, platforms, attest, git.revision(project))
    run(project, command, partial(explain, project, reference), unattended=True)
    if project.dry:
        return ""
    asked = ("buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", reference)
    digest = re.search(r'"digest": *"(sha256:[0-9a-f]+)"', "".join(engine.ask(project, *asked)))
    return f"{reference}@{digest[1]}" if digest else ""


def require_builder(project: Project, reference: str) -> None:
    """Raise `Exit` unless the builder can do several platforms and attestations.

    The engine's own can where it keeps images as containerd does: https://docs.docker.com/build/builders/drivers/
    """
    driver = re.search(r"(?m)^Driver: +(\S+)", "\n".join(engine.ask(project, "buildx", "inspect")))
    if driver and driver[1] != "docker":
        return
    if "io.containerd.snapshotter" in "".join(engine.ask(project, "info", "--format", "{{json .DriverStatus}}")):
        return
    here = " --driver-opt network=host" if reference.startswith(("localhost", "127.0.0.1")) else ""
    create = f"{project.engine} buildx create --use{here}"
    refuse(f"This builder makes images for one platform, and without attestations: `{create}` makes one that can.")


def explain(project: Project, reference: str, said: str) -> str:
    """Return what to do about a push that failed, after the engine's own words."""
    repository = reference.rpartition(":")[0]
    words = {"host": host(repository) or "docker.io", "repository": repository, "engine": project.engine}
    found = (advice for error, advice in CAUSES.items() if re.search(error, said))
    advice = next(found, "{repository} was not pushed, see above; what was there before is there still.")
    return engine.or_gone(project, advice.format(**words))(said)
