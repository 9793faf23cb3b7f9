"""What people open of the project that is up: its address, that of its metrics, and their ports on this machine."""

import re
from collections.abc import Collection

from djk8s import ports
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.talk import refuse

METRICS_PAGE = "/consoles/site.html"  # of compose/watch.yaml
HTTPS = 443  # the port that a URL does not say


def require_one(overlays: Collection[str]) -> None:
    """Raise `Exit` if two overlays want to be in front, or one wants what another takes away."""
    if {"dev", "watch"} <= {*overlays}:
        refuse("--with dev runs Django's own server, which has no metrics: leave out --with watch.")
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


def require_counting(project: Project) -> None:
    """Raise `Exit` unless the site has the package that counts its requests."""
    packages = project.requirements.read_text(encoding="utf-8") if project.requirements.is_file() else ""
    if not re.search(r"^django[-_.]prometheus(?![\w.-])", packages, re.IGNORECASE | re.MULTILINE):
        name = project.shown(project.requirements)
        refuse(f"--with watch needs django-prometheus, but {name} has none: add it to your packages, then `inv lock`.")


def metrics_url(project: Project) -> str:
    """Return the address of the page of `--with watch`."""
    return ports.Published("127.0.0.1", ports.parse(project.up_watch_port, "up.watch_port")).url + METRICS_PAGE


def require_free(project: Project, overlays: Collection[str]) -> None:
    """Raise `Exit` if a port that `inv up` publishes is taken."""
    published = {"INVOKE_UP_PORT={} inv up": project.up_port}
    if "https" in overlays:
        published = {
            "INVOKE_UP_HTTP_PORT={} inv up --with https": project.up_http_port,
            "INVOKE_UP_HTTPS_PORT={} inv up --with https": project.up_https_port,
        }
    if "watch" in overlays:
        published |= {"INVOKE_UP_WATCH_PORT={} inv up --with watch": project.up_watch_port}
    for remedy, port in published.items():
        ports.require_free(project, ports.Published("0.0.0.0", int(port)), remedy)
