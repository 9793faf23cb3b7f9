"""What is in front of the project that is up, if anything: its address and its ports on this machine."""

import re
from collections.abc import Collection

from djk8s import ports
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.talk import refuse

HTTPS = 443  # the port that a URL does not say


def require_one(overlays: Collection[str]) -> None:
    """Raise `Exit` if two overlays want to be in front."""
    if {"https", "proxy"} <= {*overlays}:
        refuse("--with https and --with proxy are both in front of the site: leave one out.")


def url(project: Project, env: EnvFile, overlays: Collection[str]) -> str:
    """Return the address of the site; raises `Exit` if `--with https` has no host name for it."""
    if "https" not in overlays:
        return ports.Published("127.0.0.1", ports.parse(project.up_port, "up.port")).url
    domain = env.values.get("DOMAIN", "")
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", domain):
        wrong = f"DOMAIN={domain} is no host name" if domain else "--with https needs a host name"
        refuse(f"{wrong}: `inv env --set DOMAIN=www.example.com`, or DOMAIN=localhost to try it here.")
    port = ports.parse(project.up_https_port, "up.https_port")
    return f"https://{domain}{f':{port}' * (port != HTTPS)}"


def require_free(project: Project, overlays: Collection[str]) -> None:
    """Raise `Exit` if a port that `inv up` publishes is taken."""
    published = {"INVOKE_UP_PORT={} inv up": project.up_port}
    if "https" in overlays:
        published = {
            "INVOKE_UP_HTTP_PORT={} inv up --with https": project.up_http_port,
            "INVOKE_UP_HTTPS_PORT={} inv up --with https": project.up_https_port,
        }
    for remedy, port in published.items():
        ports.require_free(project, ports.Published("0.0.0.0", int(port)), remedy)
