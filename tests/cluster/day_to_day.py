"""What a person does with a deployment from day to day: a backup, and back, manage.py and the log."""

from __future__ import annotations

import secrets
from pathlib import Path

from deployed import Deployed

FILES = "from django.core.files import base, storage; s = storage.default_storage"
NOTES = "from board.models import Note"


def python(site: Deployed, code: str) -> str:
    """Run Python in a replica of the site."""
    done = site.inv("manage", "--deployed", site.to, "--", "shell", "-v", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def check_backup_and_restore(site: Deployed, folder: Path) -> None:
    """Back the deployment up to a folder, lose a note and a file, and restore both."""
    place, word = ("--deployed", site.to), secrets.token_hex(4)
    python(site, f"{NOTES}; Note.objects.create(text={word!r}); {FILES}; s.save({word!r}, base.ContentFile(b'kept'))")
    done = site.inv("backup", *place, "--to", str(folder))
    assert done.returncode == 0, done.stderr
    assert "tables of PostgreSQL" in done.stderr
    python(site, f"{NOTES}; Note.objects.all().delete(); {FILES}; s.delete({word!r})")

    done = site.inv("restore", *place, "--from", str(folder))
    assert done.returncode == 0, done.stderr
    found = f"{NOTES}; {FILES}; print(Note.objects.filter(text={word!r}).count(), s.open({word!r}).read())"
    assert python(site, found) == "1 b'kept'"

    listed = site.inv("backup", *place, "--list", "--to", str(folder))
    assert f"{site.name}-deployed" in listed.stdout


def check_log(site: Deployed) -> None:
    """See the log of the replicas."""
    log = site.inv("logs", "--deployed", site.to)
    assert log.returncode == 0, log.stderr
    assert "Listening at" in log.stdout + log.stderr
