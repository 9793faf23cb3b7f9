"""A Swarm of engines in containers, and a registry that they take images from."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployed import Deployed
from support import free_port, run, wait_until

ENGINE = Path(__file__).with_name("engine-in-container")
IMAGE = "djk8s-node"
ROOM = "3g"  # memory in which an engine keeps its images, so that its disk can be full


class Nodes:
    """Three engines. The first manages the Swarm and has the volumes; `localhost` is the registry for each of them."""

    def __init__(self) -> None:
        self.name, self.port = f"djk8s-nodes-{secrets.token_hex(3)}", free_port()
        self.names = [f"{self.name}-{number}" for number in (1, 2, 3)]

    def start(self) -> None:
        """Start the registry and the engines, and make them a Swarm."""
        built = run("docker", "build", "--quiet", "--tag", IMAGE, str(ENGINE))
        assert built.returncode == 0, built.stderr
        run("docker", "network", "create", self.name)
        where = ("--network", self.name)
        registry = ("--name", self.registry, "--network-alias", "registry", "--publish", f"127.0.0.1:{self.port}:5000")
        run("docker", "run", "--detach", *where, *registry, "registry:2")
        given = ("--privileged", "--env", f"REGISTRY_PORT={self.port}", "--tmpfs", f"/var/lib/docker:exec,size={ROOM}")
        for name in self.names:
            run("docker", "run", "--detach", *where, "--name", name, "--hostname", name, *given, IMAGE)
        for name in self.names:
            self.wait_for(name)
        run("docker", "context", "create", self.name, "--docker", f"host={self.engine(self.names[0])}")
        self.on(self.names[0], "swarm", "init")
        token = self.on(self.names[0], "swarm", "join-token", "--quiet", "worker")
        for name in self.names[1:]:
            self.on(name, "swarm", "join", "--token", token, f"{self.names[0]}:2377")

    def wait_for(self, name: str) -> None:
        """Wait until an engine answers."""
        wait_until(lambda: self.on(name, "info", "--format", "{{.ID}}") != "", 60)

    @property
    def registry(self) -> str:
        return f"{self.name}-registry"

    def on(self, name: str, *words: str) -> str:
        """Return what a docker command says on a node."""
        return run("docker", "--host", self.engine(name), *words).stdout.strip()

    def engine(self, name: str) -> str:
        return f"tcp://{self.address(name)}:2375"

    def address(self, name: str) -> str:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return run("docker", "inspect", "--format", form, name).stdout.strip()

    def load(self, *images: str) -> None:
        """Give each node images that this engine has, which the registry does not."""
        for name in self.names:
            run("sh", "-c", f"docker save {' '.join(images)} | docker --host {self.engine(name)} load")

    def lose(self, name: str) -> None:
        """Take a node away as when its power is cut: it cannot even say that its connections end."""
        run("docker", "network", "disconnect", "--force", self.name, name)
        run("docker", "kill", name)

    def remove(self) -> None:
        run("docker", "rm", "--force", "--volumes", self.registry, *self.names)
        run("docker", "network", "rm", self.name)
        run("docker", "context", "rm", "--force", self.name)


class DeployedOnNodes(Deployed):
    """A checkout that is deployed on three nodes."""

    def __init__(self, folder: Path, nodes: Nodes) -> None:
        super().__init__(folder, "swarm")
        self.nodes, self.host = nodes, nodes.address(nodes.names[0])
        self.environment |= {"DOCKER_CONTEXT": "default", "INVOKE_REGISTRY": f"localhost:{nodes.port}/team"}
        self.where = ("--context", nodes.name)
        assert self.inv("env", "--set", f"ALLOWED_HOSTS={self.host}").returncode == 0

    def remove(self) -> None:
        """Remove the images; the deployment goes with its nodes."""
        self.inv("clean", "--volumes")


@contextmanager
def deployed_on_nodes(folder: Path) -> Iterator[DeployedOnNodes]:
    """Deploy a site in three replicas on three nodes, with a database of its own, and remove it again."""
    nodes = Nodes()
    try:
        nodes.start()
        nodes.load("nginx:1.30", "postgres:17")
        site = DeployedOnNodes(folder, nodes)
        try:
            first = site.deploy("--with", "db")
            assert first.returncode == 0, first.stderr
            yield site
        finally:
            site.remove()
    finally:
        nodes.remove()
