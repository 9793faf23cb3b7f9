"""`inv doctor --to …`: whether a place answers, may be deployed to, and can run the site in several replicas."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

from invoke import Exit

from djk8s import engine, ports
from djk8s.cluster import deploying, probe
from djk8s.cluster import registry as registries
from djk8s.cluster.docker import Docker
from djk8s.cluster.kubernetes import Kubernetes
from djk8s.cluster.release import Release
from djk8s.cluster.swarm import STACK
from djk8s.cluster.target import Target
from djk8s.container import image
from djk8s.doctor import ports as free_ports
from djk8s.doctor.finding import WRONG, Finding, fine, note, wrong
from djk8s.project import Project

PATIENCE = 5  # seconds
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}  # as a Swarm calls them, and as images do
LOCAL = r"(?:localhost|127\.[\d.]+)(?=[:/]|$)"  # needs no https
HUB = "registry-1.docker.io"
NODES = '{range .items[*]}{.status.nodeInfo.operatingSystem}/{.status.nodeInfo.architecture}{"\\n"}{end}'


@dataclass(frozen=True)
class Place:
    """Where a project is deployed, or will be."""

    target: Target

    @cached_property
    def nodes(self) -> list[str]:
        """The platform of each node, such as linux/amd64; none if that may not be asked."""
        if self.target.to == "kubernetes":
            said = self.ask("get", "nodes", "--output", f"jsonpath={NODES}")
        elif self.target.to == "swarm":
            ids = self.ask("node", "ls", "--quiet").split()
            platform = "{{.Description.Platform.OS}}/{{.Description.Platform.Architecture}}"
            said = self.ask("node", "inspect", "--format", platform, *ids)
        else:
            said = self.ask("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
        parts = (line.partition("/") for line in said.split())
        return [f"{system}/{ARCHITECTURES.get(kind, kind)}" for system, _, kind in parts]

    def ask(self, *words: str) -> str:
        return self.target.ask_always(*words)


def place(project: Project, to: str, context: str | None) -> Place:
    """Return where to look; raises `Exit` for an unknown place."""
    return Place(deploying.target_of(project, to, context))


def checks(at: Place) -> Mapping[str, Callable[[], Finding]]:
    """Return the checks that need a place that answers."""
    found = {"rights": rights, "registry": registry, "nodes": architectures, "replicas": replicas, "port": port}
    return {name: partial(check, at) for name, check in found.items() if name != "port" or at.target.to != "kubernetes"}


def answers(at: Place) -> Finding:
    """Check that the context exists and answers."""
    target, context = at.target, at.target.context
    name = f"The context {context}" if context else "The current context"
    if isinstance(target, Docker):
        target.require_engine()
    if not isinstance(target, Kubernetes):
        return fine(f"{name} answers.")
    if context and context not in at.ask("config", "get-contexts", "--output", "name").split():
        return wrong(f"kubectl has no context {context}: `kubectl config get-contexts` shows those it has.")
    if not context and not at.ask("config", "current-context"):
        return wrong("kubectl has no current context: `kubectl config use-context NAME` chooses one, or --context.")
    said = target.question("version", "--output", "json")
    if said.returncode:
        return wrong(f"{name} does not answer ({last_line(said.stderr)}): `kubectl cluster-info` says more.")
    return fine(f"{name} answers, with Kubernetes {json.loads(said.stdout)['serverVersion']['gitVersion']}.")


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].rstrip(".")


def rights(at: Place) -> Finding:
    """Check that this user may deploy there."""
    if at.target.to != "kubernetes":
        at.target.require()
        return fine("It manages a Swarm." if at.target.to == "swarm" else "Its engine is this machine's.")
    needed = ("deployments.apps", "jobs.batch", "secrets", "leases.coordination.k8s.io")
    if lacking := [kind for kind in needed if at.ask("auth", "can-i", "create", kind) != "yes"]:
        name = at.target.name
        command = f"kubectl create rolebinding {name} --clusterrole=edit --user=YOU --namespace={name}"
        return wrong(f"You may not create {' and '.join(lacking)} there: somebody who may types `{command}`.")
    return fine(f"You may deploy in the namespace {at.target.name}.")


def registry(at: Place) -> Finding:
    """Check that the registry answers, and that it is named where nodes need one."""
    named = at.target.project.registry or registries.host(at.target.project.image)
    if not named:
        if at.target.to == "kubernetes" or len(at.nodes) > 1:
            return wrong("No registry is named that the nodes take the image from: write `registry: …` in invoke.yaml.")
        return fine("None is needed on one node.")
    host = registries.host(f"{named}/")
    host = host if host not in {"", "docker.io"} else HUB
    for scheme in ("https", "http"):
        try:
            status = asked(f"{scheme}://{host}/v2/")
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                return note(
                    f"{host} has a certificate that this Python does not know: `docker pull` on each node tells."
                )
            continue
        if status not in {200, 401}:
            return wrong(f"{host} answers {status} at /v2/, as no registry does: correct `registry` in invoke.yaml.")
        if scheme == "http" and not re.match(LOCAL, host):
            return wrong(f"{host} speaks no https: name it in `insecure-registries` of each node's daemon.json.")
        return fine(f"{host} answers.")
    return wrong(f"{host} does not answer: `curl -v https://{host}/v2/` says why.")


def asked(url: str) -> int:
    """Return the status of an answer; raises `URLError` if there is none."""
    # As the engine does, it asks this machine without a proxy.
    proxies = urllib.request.ProxyHandler({} if re.match(f"https?://{LOCAL}", url) else None)
    try:
        with urllib.request.build_opener(proxies).open(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError as error:
        raise error if isinstance(error, urllib.error.URLError) else urllib.error.URLError(error) from None


def architectures(at: Place) -> Finding:
    """Compare the platform of the image with those of the nodes."""
    built = engine.ask(at.target.project, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", latest(at))
    ours = (built or engine.ask(at.target.project, "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"))[0]
    others = sorted({platform for platform in at.nodes if platform != ours})
    if not at.nodes:
        return note("Not looked at: you may not list the nodes.")
    if not others:
        return fine(f"{ours}, as the image: {len(at.nodes)}.")
    if ours not in at.nodes:
        again = f"DOCKER_DEFAULT_PLATFORM={others[0]} inv deploy --to {at.target.to}"
        return wrong(f"They are {' and '.join(others)}, and the image is {ours}: `{again}` builds it for them.")
    count = sum(platform != ours for platform in at.nodes)
    there = f"{count} of {len(at.nodes)} nodes cannot run the image, which is {ours}, as they are {' or '.join(others)}"
    if at.target.to == "kubernetes":
        return wrong(f"{there}: `kubectl cordon NODE` keeps replicas from one.")
    return note(f"{there}: `{at.target.project.engine} node update --availability drain NODE` keeps replicas from one.")


def latest(at: Place) -> str:
    return image.name(at.target.project, None)


def replicas(at: Place) -> Finding:
    """Check that replicas can share the site's database and its uploads."""
    project, built = at.target.project, latest(at)
    if not engine.has_image(project, built):
        return note(f"Not looked at: {built} is not built yet, `inv build` builds it.")
    before = at.target.releases()
    target = deploying.as_before(at.target, before[0] if before else None, None, ())
    given = target.env.for_the_site({})
    given["SECRET_KEY"] = given.get("SECRET_KEY") or "as-the-file-is-not-there-yet"
    site = probe.ask(project, built, target.variables(Release(built, "", settings=given)))
    if said := deploying.objection(target, site):
        return wrong(said)
    return fine(f"{deploying.counted(target.replicas)} can share the database and the uploads.")


def port(at: Place) -> Finding:
    """Check that the port of a deployment on this machine is free, or its own."""
    number = ports.parse(at.target.project.deploy_port, "deploy.port")
    if isinstance(at.target, Docker) and at.target.is_elsewhere():
        return fine(f"Not looked at: {number} is another machine's.")
    found = free_ports.free(at.target.project, ports.Published("0.0.0.0", number), "deploy", "INVOKE_DEPLOY_PORT")
    label = f"{STACK if at.target.to == 'swarm' else engine.COMPOSE_PROJECT}={at.target.project.name}"
    with suppress(Exit):
        its_own = ("--filter", f"label={label}", "--filter", f"publish={number}")
        if found.state == WRONG and at.ask("ps", "--quiet", *its_own):
            return fine(f"{number}, on which the deployment serves now.")
    return found
