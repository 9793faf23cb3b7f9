"""The Compose files as a Swarm reads them: `docker stack deploy` refuses some of what `docker compose config` writes.

    docker compose … config --format json | python -m djk8s.cluster.stackfile STAGE IMAGE SETTINGS FILE RELEASE

A stack is read by the third version of the format: https://docs.docker.com/reference/compose-file/legacy-versions/
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from djk8s.cluster.release import RELEASE

File = dict[str, Any]

# A stack has no use for these. What restarts, and how many there are, is under `deploy` there.
NOT_FOR_A_STACK = {"build", "depends_on", "entrypoint", "pull_policy", "restart", "scale", "security_opt", "tmpfs"}
# A name leads to every replica. A virtual address would need IPVS in the kernel, and hide which replica is gone.
BY_NAME = {"endpoint_mode": "dnsrr"}
SETTINGS = "settings"  # entrypoint.sh reads /run/secrets/settings
JOBS = {"replicated-job", "global-job"}
STAGES = ("needed", "jobs", "site")
RECORD = "record"  # as the stage `site`, for a time when the files of today are gone


def stack(compose: File, stage: str, image: str, settings: str, file: str, release: str) -> File:
    """Return one stage of a deployment, made of a Compose file that `docker compose config` has read.

    First comes what the jobs need (a database), then the jobs, then all but the jobs. Each service of the site gets its
    `image` and its settings, a secret with the name `settings` and the content of `file`. The service `web` gets the
    name of the release for a label.
    """
    site = compose["services"]["web"]["image"]
    services = {name: service(given) for name, given in compose["services"].items() if given.get("scale") != 0}
    for one in services.values():
        if one["image"] == site:
            one.update(image=image, secrets=[{"source": SETTINGS, "target": SETTINGS}])
        elif stays(one):
            one["deploy"]["placement"] = {"constraints": [f"node.labels.{volumes_label(compose['name'])}"]}
    services["web"]["deploy"]["labels"] = {RELEASE: release}
    wanted = stages(compose, services)[stage.replace(RECORD, "site")]
    used = sorted({one["source"] for name in wanted for one in services[name].get("configs", [])})
    secret: File = {"name": settings, "file": file}
    configs: File = {
        name: {"name": config_name(compose, name), "file": compose["configs"][name]["file"]} for name in used
    }
    if stage == RECORD:
        for one in (secret, *configs.values()):
            one["external"] = bool(one.pop("file"))
    return {
        "version": "3.8",
        "services": {name: services[name] for name in sorted(wanted)},
        "secrets": {SETTINGS: secret},
        "configs": configs,
        "networks": compose.get("networks", {}),
        "volumes": compose.get("volumes", {}),
    }


def service(given: File) -> File:
    """Return a service without what a stack does not read, and with what it reads differently."""
    kept = {name: value for name, value in given.items() if name not in NOT_FOR_A_STACK and value is not None}
    replicas = {"replicas": given["scale"]} if "scale" in given else {}
    kept["deploy"] = {**BY_NAME, **replicas, **given.get("deploy", {})}
    if health := given.get("healthcheck"):
        known = {"disable"} if health.get("disable") else health.keys() - {"start_interval"}
        kept["healthcheck"] = {name: health[name] for name in sorted(known)}
    if "ports" in given:
        kept["ports"] = [{**port, "published": int(port["published"])} for port in given["ports"]]
    memory = [{"type": "tmpfs", "target": folder} for folder in given.get("tmpfs", [])]
    if memory:
        kept["volumes"] = [*given.get("volumes", []), *memory]
    return kept


def stages(compose: File, services: File) -> dict[str, set[str]]:
    """Return the names of the services of each stage."""
    jobs = {name for name, one in services.items() if one["deploy"].get("mode") in JOBS}
    needed = {name for job in jobs for name in compose["services"][job].get("depends_on", {})}
    return dict(zip(STAGES, (needed - jobs, jobs, services.keys() - jobs), strict=True))


def stays(one: File) -> bool:
    """Return whether a service has to stay on the node that has its volume."""
    volumes = any(volume["type"] == "volume" for volume in one.get("volumes", []))
    return volumes and one["deploy"].get("mode") != "global"


def volumes_label(name: str) -> str:
    """Return the label of the node that keeps the volumes of a stack, as a constraint."""
    return f"{name}.volumes == here"


def config_name(compose: File, name: str) -> str:
    """Return the name of a config, which is never changed: a digest of its content is part of it."""
    file = compose["configs"][name]["file"].replace("$$", "$")  # as it is written in a Compose file
    return digested(f"{compose['name']}-{name}", Path(file).read_bytes())


def digested(name: str, content: bytes) -> str:
    return f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"


if __name__ == "__main__":
    print(json.dumps(stack(json.load(sys.stdin), *sys.argv[1:])))
