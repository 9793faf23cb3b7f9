"""A company: a package index with a certificate of its own authority and a login, in a container builds can reach."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

import trustme
from images import NAME, docker

from support import ROOT, inv, run, wait_until

INDEX = Path(__file__).parent / "index"
HOST = "packages.company.example"
# With the Python of the image that is built, so that these are the wheels that its build will ask for.
SERVE = """
python3 -m venv /tmp/venv
/tmp/venv/bin/pip download --quiet --require-hashes --dest /wheels -r /requirements.txt -r /requirements-uv.txt
exec python3 /index/serve.py
"""


class Company:
    """What it lends to a build, and what its index gave.

    Its address is one that no build asked before: whatever an installer keeps, it keeps by address, so that nothing
    of this index can come from a cache.
    """

    def __init__(self, folder: Path) -> None:
        self.image = f"{NAME}-company"
        self.folder = folder
        self.address = f"/{secrets.token_hex(8)}"
        self.password = secrets.token_hex(16)
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        self.authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
        self.container = self.start()

    def start(self) -> str:
        files = (f"{ROOT / name}:/{name}:ro" for name in ("requirements.txt", "requirements-uv.txt"))
        mounts = (f"{INDEX}:/index:ro", f"{self.folder}:/company:ro", *files)
        volumes = [word for mount in mounts for word in ("--volume", mount)]
        login = ("--env", f"ADDRESS={self.address}", "--env", f"LOGIN=builder:{self.password}")
        return docker("run", "--detach", *volumes, *login, base_image(), "sh", "-ec", SERVE)

    def ready(self) -> Company:
        wait_until(lambda: "serving" in self.log() or self.inspect("{{.State.Running}}") != "true", 120)
        assert "serving" in self.log(), self.log()
        return self

    def inspect(self, what: str) -> str:
        return docker("inspect", "--format", what, self.container)

    def log(self) -> str:
        said = run("docker", "logs", self.container)
        return said.stdout + said.stderr

    def wheels(self) -> set[str]:
        """Return the wheels that its index has."""
        return set(re.findall(r"\S+\.whl", re.findall(r"^serving .*", self.log(), re.MULTILINE)[0]))

    def given(self) -> set[str]:
        """Return the wheels that its index gave to somebody with the password."""
        return set(re.findall(rf"^GET {self.address}/files/(\S+) 200$", self.log(), re.MULTILINE))

    def build(self, *, password: str = "", certificate: bool = True) -> subprocess.CompletedProcess[str]:
        """Build the image as somebody in this company does; each step anew, since a cache does not compare secrets."""
        index = f"https://builder:{password or self.password}@{HOST}{self.address}/simple"
        proxy = f"http://{self.inspect('{{.NetworkSettings.Networks.bridge.IPAddress}}')}:3128"
        (self.folder / "pip.conf").write_text(f"[global]\nindex-url = {index}\nproxy = {proxy}\nretries = 0\n")
        lent = ("pip.conf", "ca.crt") if certificate else ("pip.conf",)
        words = [word for name in lent for word in ("--secret", str(self.folder / name))]
        return inv("build", "--no-cache", "--tag", "secret", *words, INVOKE_IMAGE=self.image)

    def end(self) -> None:
        """Remove the container, and the image if it was built."""
        docker("rm", "--force", "--volumes", self.container)
        run("docker", "image", "rm", "--force", f"{self.image}:secret", f"{self.image}:latest")


def base_image() -> str:
    """Return the image that the Dockerfile stands on."""
    version = re.findall(r"^ARG PYTHON_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return f"python:{version[0]}-slim"
