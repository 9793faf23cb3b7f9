"""A pytest plugin, `pytest -p on_postgres`: the site's tests against a PostgreSQL in a container of its own."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import time

from support import ROOT, run

IMAGE = re.findall(r"image: (postgres:\S+)", (ROOT / "compose/db.yaml").read_text(encoding="utf-8"))[0]
PATIENCE = 60  # seconds

password = secrets.token_hex(16)
named = ("--env", "POSTGRES_PASSWORD", "--env", "POSTGRES_USER=site")
options = ("--rm", "--detach", *named, "--publish", "127.0.0.1::5432")
started = run("docker", "run", *options, IMAGE, POSTGRES_PASSWORD=password)
if started.returncode:
    raise SystemExit(f"{IMAGE} was not started: {started.stderr.strip()}")
container = started.stdout.strip()
atexit.register(run, "docker", "rm", "--force", "--volumes", container)

end = time.monotonic() + PATIENCE
while run("docker", "exec", container, "pg_isready", "--quiet", "--host", "127.0.0.1").returncode:
    if time.monotonic() > end:
        raise SystemExit(run("docker", "logs", container).stderr)
    time.sleep(0.2)
port = run("docker", "port", container, "5432").stdout.strip().rpartition(":")[2]
os.environ["DATABASE_URL"] = f"postgres://site:{password}@127.0.0.1:{port}/site"
