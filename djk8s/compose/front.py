"""The addresses that people open once the project is up: the site, its metrics and its mail, and their ports."""

import re
from collections.abc import Collection

from djk8s import ports
from djk8s.dotenv.file import EnvFile
from djk8s.project import Project
from djk8s.shell.talk import refuse

# What an overlay publishes, by the names of the settings.
PORTS = {"debug": ["debug_port"], "https": ["http_port", "https_port"], "mail": ["mail_port"], "watch": ["watch_port"]}
LINES = {
    "debug": "A debugger at localhost:{}",
    "mail": "Mail at http://localhost:{}",
    "watch": "Metrics at http://localhost:{}/consoles/site.html",
}
HTTPS = 443  # the port that a URL does not say


def require_one(overlays: Collection[str]) -> None:
    """Raise `Exit` for overlays that exclude each other, or one without another that it needs."""
    if {"dev", "watch"} <= {*overlays}:
        refuse("--with dev runs Django's own server, which has no metrics: leave out --with watch.")
    if "debug" in overlays and "dev" not in overlays:
        refuse("--with debug is for the development loop: add --with dev.")
    if {"https", "proxy"} <= {*overlays}:
        refuse("--with https and --with proxy are both in front of the site: leave one out.")


def url(project: Project, env: EnvFile, overlays: Collection[str]) -> str:
    """Return the address of the site; raises `Exit` if `--with https` has no host name for it."""
    if "https" not in overlays:
        return ports.Published("127.0.0.1", ports.parse(project.up_ports["port"], "up.port")).url
    domain = env.values.get("DOMAIN", "")
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", domain):
        wrong = f"DOMAIN={domain} is no host name" if domain else "--with https needs a host name"
        refuse(f"{wrong}: `inv env --set DOMAIN=www.example.com`, or DOMAIN=localhost to try it here.")
    port = ports.parse(project.up_ports["https_port"], "up.https_port")
    return f"https://{domain}{f':{port}' * (port != HTTPS)}"


def require_counting(project: Project) -> None:
    """Raise `Exit` unless the site has the package that counts its requests."""
    packages = project.requirements.read_text(encoding="utf-8") if project.requirements.is_file() else ""
    if not re.search(r"^django[-_.]prometheus(?![\w.-])", packages, re.IGNORECASE | re.MULTILINE):
        name = project.shown(project.requirements)
        refuse(f"--with watch needs django-prometheus, but {name} has none: add it to your packages, then `inv lock`.")


def beside(project: Project, overlays: Collection[str]) -> list[str]:
    """Return a line about each address besides the site's own."""
    return [LINES[name].format(port) for name in overlays if name in LINES for port in ports_of(project, name).values()]


def ports_of(project: Project, overlay: str) -> dict[str, str]:
    """Return the ports that an overlay publishes, by the variable of its file; raises `Exit` for what is no port."""
    names = PORTS.get(overlay, [])
    return {f"UP_{name.upper()}": str(ports.parse(project.up_ports[name], f"up.{name}")) for name in names}


def require_free(project: Project, overlays: Collection[str]) -> None:
    """Raise `Exit` if a port that `inv up` publishes is taken."""
    words = "".join(f" --with {name}" for name in overlays)
    published = {} if "https" in overlays else {"UP_PORT": project.up_ports["port"]}
    for name in overlays:
        published |= ports_of(project, name)
    for variable, port in published.items():
        ports.require_free(project, ports.Published("0.0.0.0", int(port)), f"INVOKE_{variable}={{}} inv up{words}")
