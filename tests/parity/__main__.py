"""Run the site in each place, and compare what it is and what it answers: `nox -s parity [-- --json]`.

It types `inv` under the names that the session gives it, so that nothing else is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from differences import reason

from nasty import SETTING
from support import INV, ROOT, Answer, answers, free_port, get, inv, stylesheets, surroundings, wait_until

PLACES = ("host", "container", "compose")
PROBE = (Path(__file__).parent / "probe.py").read_text(encoding="utf-8")
ADDRESSES = ("/", "/admin/login/", "/admin/", "/no-such-page", "/livez", "/readyz")
Facts = Mapping[str, str]


def main() -> None:
    """Print what the places are, and end in exit code 1 when they differ without a reason."""
    type_in("env", *SETTING)
    facts = {"host": host(), "container": container(), "compose": composed()}
    compared = compare(facts)
    print(json.dumps(compared, indent=2) if "--json" in sys.argv else table(compared))
    faults = [subject for subject, row in compared.items() if not row["same"] and not row["reason"]]
    sys.exit(f"{len(faults)} of {len(compared)} subjects differ without a reason." if faults else 0)


def type_in(*words: str, **environment: str) -> str:
    """Type an `inv` command that has to succeed, and return its output."""
    done = inv(*words, **environment)
    if done.returncode:
        sys.exit(f"inv {words[0]} failed:\n{done.stderr}")
    return done.stdout


def host() -> Facts:
    """Return the facts of this machine; its site has a database of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
        with serving(port, environment):
            inside = type_in("manage", "--", "shell", "--verbosity", "0", "-c", PROBE, **environment)
            return {**json.loads(inside), **answered(port)}


@contextlib.contextmanager
def serving(port: int, environment: dict[str, str]) -> Iterator[None]:
    """Serve on this machine for a while."""
    argv = [*INV, "serve", "--port", str(port)]
    server = subprocess.Popen(argv, cwd=ROOT, env=surroundings(environment), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(f"http://localhost:{port}"), 120)
        yield
    finally:
        server.terminate()
        server.wait()


def container() -> Facts:
    """Return the facts of a container."""
    port = free_port()
    type_in("run", "--detach", "--port", str(port))
    facts = in_the_box(port)
    type_in("stop")
    return facts


def composed() -> Facts:
    """Return the facts of the project with Compose."""
    type_in("up", "--detach")
    facts = in_the_box(int(os.environ["INVOKE_UP_PORT"]))
    type_in("down", "--volumes")
    return facts


def in_the_box(port: int) -> Facts:
    """Return the facts of the container that was started last."""
    inside = type_in("shell", "--", "python", "manage.py", "shell", "--verbosity", "0", "-c", PROBE)
    return {**json.loads(inside), **answered(port)}


def answered(port: int) -> Facts:
    """Return the facts of what a site answers: status, headers but the date, and body."""
    url = f"http://localhost:{port}"
    sheet = stylesheets(get(f"{url}/admin/login/"), url)[0]
    facts = {f"GET {address} {part}": value for address in ADDRESSES for part, value in parts(get(url + address), port)}
    facts.update({f"GET /static/… {part}": value for part, value in parts(sheet, port)})
    facts.update({f"GET / of another host {part}": value for part, value in parts(get(url, Host="x.example"), port)})
    return facts


def parts(answer: Answer, port: int) -> Iterator[tuple[str, str]]:
    """Yield the parts of an answer, without what is random or a clock's."""
    yield "status", str(answer.status)
    for name, value in answer.headers.items():
        if name.lower() not in {"date", "expires"}:
            yield name.lower(), re.sub(r"csrftoken=\w+|expires=[^;]+", "…", value)
    body = answer.body.decode("utf-8", "replace").replace(f":{port}", ":PORT")
    yield "body", re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1…", body)


def compare(facts: Mapping[str, Facts]) -> dict[str, dict[str, object]]:
    """Return, for each subject, its value in each place, whether they are the same, and why they need not be."""
    subjects = dict.fromkeys(subject for place in PLACES for subject in facts[place])
    rows: dict[str, dict[str, object]] = {}
    for subject in subjects:
        values = {place: facts[place].get(subject) for place in PLACES}
        same = len(set(values.values())) == 1
        rows[subject] = {**values, "same": same, "reason": None if same else reason(subject)}
    return rows


def table(rows: Mapping[str, Mapping[str, object]]) -> str:
    """Return the table, in 80 columns: kinds of subjects that are the same in one line, the others each in its own."""
    lines = [f"{'':29}{'host':14} {'container':14} {'compose':14} same"]
    for kind, of_kind in kinds(rows).items():
        agreeing = [subject for subject in of_kind if rows[subject]["same"]]
        if len(of_kind) > 1 and agreeing:
            lines.append(f"{f'{kind}: {len(agreeing)} of {len(of_kind)}':29}{'':45}yes")
        for subject in of_kind if len(of_kind) == 1 else [one for one in of_kind if one not in agreeing]:
            lines += line(subject, rows[subject])
    return "\n".join(lines)


def kinds(rows: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the subjects by their kind, which is their first word; what is asked of the site is one kind."""
    found: dict[str, list[str]] = {}
    names = {"package": "packages", "setting": "settings", "value": "values of .env", "GET": "answers"}
    for subject in rows:
        first = subject.split()[0]
        found.setdefault(names.get(first, subject), []).append(subject)
    return found


def line(subject: str, row: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of one subject: its values, and the reason where they differ."""
    values = " ".join(f"{shown(row[place]):14}" for place in PLACES)
    yield f"{subject[:28]:29}{values} {'yes' if row['same'] else 'no:' if row['reason'] else 'FAULT'}"
    if row["reason"]:
        yield f"    {row['reason']}"


def shown(value: object) -> str:
    """Return a value as it fits its column: a long one by its length and a digest."""
    text = "none" if value is None else str(value).strip()
    if len(text) <= 14 and text.isprintable():
        return text
    return f"…{hashlib.sha256(text.encode()).hexdigest()[:8]}"


if __name__ == "__main__":
    main()
