"""A company's package index: with a certificate of its own authority, and a password. Builds reach it by its name."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

import trustme

from boxed import docker
from container.boxes import NAME
from support import ROOT, run, wait_until

INDEX = Path(__file__).parent / "index"
IMAGE = f"{NAME}-company"
HOST = "packages.company.example"
LOCKS = ("requirements.txt", "requirements-uv.txt")
# With the Python of the image, so that these are the wheels that its build asks for.
SERVE = """
python3 -m venv /tmp/venv
/tmp/venv/bin/pip download --quiet --require-hashes --dest /wheels -r /requirements.txt -r /requirements-uv.txt
exec python3 /index/serve.py
"""


class Company:
    """The index in a container, and builds as somebody in this company types them.

    Installers cache by address, so each index has an address that was never asked before.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"/{secrets.token_hex(8)}"
        self.password = secrets.token_hex(16)
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        self.authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
        mounts = [f"{INDEX}:/index:ro", f"{folder}:/company:ro", *(f"{ROOT / name}:/{name}:ro" for name in LOCKS)]
        volumes = [word for mount in mounts for word in ("--volume", mount)]
        login = ("--env", f"ADDRESS={self.address}", "--env", f"LOGIN=builder:{self.password}")
        self.container = docker("run", "--detach", *volumes, *login, base_image(), "sh", "-ec", SERVE)

    def ready(self) -> Company:
        wait_until(lambda: "serving" in self.log() or self.inspect("{{.State.Running}}") != "true", 120)
        assert "serving" in self.log(), self.log()
        return self

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.container)

    def log(self) -> str:
        shown = run("docker", "logs", self.container)
        return shown.stdout + shown.stderr

    def wheels(self) -> set[str]:
        """Return the wheels of the index."""
        return set(re.findall(r"\S+\.whl", re.findall(r"^serving .*", self.log(), re.MULTILINE)[0]))

    def downloaded(self) -> set[str]:
        """Return the wheels that were downloaded with the password."""
        return set(re.findall(rf"^GET {self.address}/files/(\S+) 200$", self.log(), re.MULTILINE))

    def build(self, *secret_files: str, password: str = "") -> subprocess.CompletedProcess[str]:
        """Build the image with these secrets of pip.conf, uv.toml and ca.crt; without the cache, which ignores them."""
        index = f"https://builder:{password or self.password}@{HOST}:8443{self.address}/simple"
        (self.folder / "pip.conf").write_text(f"[global]\nindex-url = {index}\nretries = 0\n")
        (self.folder / "uv.toml").write_text(f'[[index]]\nurl = "{index}"\ndefault = true\n')
        given = [word for name in secret_files for word in ("--secret", f"id={name},src={self.folder / name}")]
        host = f"{HOST}:{self.inspect('{{.NetworkSettings.Networks.bridge.IPAddress}}')}"
        return run("docker", "build", "--no-cache", "--add-host", host, *given, "--tag", IMAGE, str(ROOT))


def base_image() -> str:
    """Return the image that the Dockerfile is based on."""
    version = re.findall(r"^ARG PYTHON_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return f"python:{version[0]}-slim"
