"""Run the site in each place, and compare what it is and what it answers: `nox -s parity [-- --json]`.

Of an answer, what differs when the same place is asked twice is random, as a token or a clock, and is not compared.
It types `inv` under the names that the session gives it, so that nothing else is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from differences import reason

from anysite import OTHER_HOST, READY_WITHIN, pages
from nasty import SETTING
from support import INV, ROOT, Answer, answers, free_port, get, inv, stylesheets, surroundings, wait_until

PLACES = ("host", "container", "compose")
PROBE = (Path(__file__).parent / "probe.py").read_text(encoding="utf-8")
ADDRESSES = ("/", "/admin/login/", "/admin/", "/no-such-page", "/livez", "/readyz")
Facts = Mapping[str, str]


def main() -> None:
    """Print what the places are, and end in exit code 1 when they differ without a reason."""
    type_in("env", *SETTING, "--set", "DATABASE_URL=sqlite:////app/data/parity.sqlite3")
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
    """Return the facts of this machine; the same variables, but for a database of its own."""
    port, ours = free_port(), Path(os.environ["INVOKE_ENV_FILE"])
    file = ours.with_name("host.env")
    shutil.copy(ours, file)
    environment = {"INVOKE_ENV_FILE": str(file)}
    type_in("env", "--set", f"DATABASE_URL=sqlite:///{ours.with_name('parity.sqlite3')}", **environment)
    with serving(port, environment):
        inside = type_in("manage", "--", "shell", "-c", PROBE, **environment)
        return {**seen(inside), **answered(port)}


def seen(printed: str) -> Facts:
    """Return the facts that probe.py printed last."""
    facts: Facts = json.loads(printed.strip().splitlines()[-1])
    return facts


@contextlib.contextmanager
def serving(port: int, environment: dict[str, str]) -> Iterator[None]:
    """Serve on this machine for a while."""
    argv = [*INV, "serve", "--port", str(port)]
    server = subprocess.Popen(argv, cwd=ROOT, env=surroundings(environment), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(f"http://localhost:{port}") or server.poll() is not None, 600 + READY_WITHIN)
        if server.poll() is not None:
            sys.exit("`inv serve` ended, see above.")
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
    inside = type_in("shell", "--", "python", "manage.py", "shell", "-c", PROBE)
    return {**seen(inside), **answered(port)}


def answered(port: int) -> Facts:
    """Return the facts of what a site answers, by address and part, and for the first stylesheet of each page."""
    url = f"http://localhost:{port}"
    asked: dict[str, dict[str, str]] = {address.removeprefix(url): {} for address in pages(url)}
    asked |= {address: {} for address in ADDRESSES}
    asked["/ of another host"] = {"Host": OTHER_HOST}
    facts: dict[str, str] = {}
    for address, headers in asked.items():
        whole = url + address.partition(" ")[0]
        first, second = get(whole, **headers), get(whole, **headers)
        facts |= {f"GET {address} {part}": value for part, value in steady(first, second, port)}
        sheets = zip(stylesheets(first, whole)[:1], stylesheets(second, whole)[:1], strict=False)
        facts |= {f"GET {address} style {part}": value for both in sheets for part, value in steady(*both, port)}
    return facts


def steady(first: Answer, second: Answer, port: int) -> Iterator[tuple[str, str]]:
    """Yield the parts of an answer that were the same twice; of one that was not, that it was there."""
    again = dict(parts(second, port))
    for part, value in parts(first, port):
        both = zip(value.split("\n"), again.get(part, "").split("\n"), strict=False)
        yield part, "\n".join(line if line == other else "…" for line, other in both)


def parts(answer: Answer, port: int) -> Iterator[tuple[str, str]]:
    """Yield the parts of an answer, without a clock's and the tokens of forms, cookies and policies."""
    yield "status", str(answer.status)
    for name, value in answer.headers.items():
        if name.lower() not in {"date", "expires"}:
            shown = re.sub(r"(\w+=)[^;]+", r"\1…", value, count=1) if name.lower() == "set-cookie" else value
            if name.lower().startswith("content-security-policy"):  # which means the same in any order
                shown = "; ".join(sorted(value.split("; ")))
            yield name.lower(), re.sub(r"(?i)expires=[^;]+|(?<=nonce-)[\w+/=-]+", "…", shown)
    body = answer.body.decode("utf-8", "replace").replace(f":{port}", ":PORT")
    yield "body", re.sub(r"(csrfmiddlewaretoken[\"'] value=|nonce=)[\"'][^\"']*[\"']", r"\1…", body)


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
