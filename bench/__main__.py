"""Measure the tutorial's recipe and ours in turn: `inv bench [--json] [--chart] [--rounds N]`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import load
import measure
import report
from measure import Bench, Recipe

KEY = ("--env", "SECRET_KEY=only-for-the-bench-0123456789-0123456789-0123456789")
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
CHART = measure.ROOT / "docs" / "bench.svg"


def main() -> None:
    """Run the rounds and print what came out; whatever happens, remove what was made."""
    parser = argparse.ArgumentParser(prog="inv bench", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chart", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="djk8s-bench") as folder:
        samples = run(Bench(Path(folder)), words.rounds)
    if words.chart:
        CHART.write_text(report.chart(samples), encoding="utf-8")
    print(report.as_json(samples) if words.json else report.table(samples))


def run(bench: Bench, rounds: int) -> report.Samples:
    """Return the samples of so many rounds, each recipe in turn in each round."""
    samples: dict[str, dict[str, list[float]]] = {}

    def note(column: str, recipe: str, value: float) -> None:
        samples.setdefault(column, {}).setdefault(recipe, []).append(value)

    recipes = prepare(bench)
    try:
        for number in range(1, rounds + 1):
            note("floor", "base", measure.floor(bench))
            for recipe in recipes if number % 2 else reversed(recipes):
                print(f"round {number} of {rounds}: {recipe.name}", file=sys.stderr, flush=True)
                one_round(bench, recipe, lambda column, value, name=recipe.name: note(column, name, value))
    finally:
        measure.clean(bench, recipes)
    return samples


def prepare(bench: Bench) -> list[Recipe]:
    """Return the two recipes, the tutorial's with what it needs from outside to serve the same page."""
    ours = Recipe(
        "ours",
        measure.ROOT,
        (*measure.FILES, "requirements-uv.txt", "image"),
        options=(*KEY, "--volume", f"{bench.name}:/app/data"),
        quiet=("--env", "ACCESS_LOG=0"),
        confined=(*CONFINED, "--user", "12345:0"),
    )
    # The first start on an empty volume migrates; what is measured is every later one, as with `inv run`.
    folder = measure.context(bench, ours)
    measure.build(bench, ours, folder)
    with measure.container(bench.image(ours), *ours.options) as running:
        measure.docker("cp", f"{running.name}:/app/staticfiles", str(bench.folder / "staticfiles"))
    tutorial = Recipe(
        "tutorial",
        measure.ROOT / "bench" / "tutorial",
        measure.FILES,
        options=(*KEY, "--volume", f"{bench.folder}/staticfiles:/app/staticfiles:ro"),
        logging=("--env", "GUNICORN_CMD_ARGS=--access-logfile=-"),
        without=("src/gunicorn.conf.py",),
        packages_without=("gevent", "greenlet", "packaging", "zope-event", "zope-interface"),
    )
    return [tutorial, ours]


def one_round(bench: Bench, recipe: Recipe, note: Callable[[str, float], None]) -> None:
    """Measure every column of a recipe once."""
    folder = measure.context(bench, recipe)
    note("cold", measure.cold_build(bench, recipe, folder))
    note("edit", measure.edit_rebuild(bench, recipe, folder))
    note("size", measure.megabytes_above_base(bench, recipe))
    image = bench.image(recipe)
    with measure.container(image, *recipe.options, *recipe.quiet) as running:
        note("answer", running.answered)
        time.sleep(1)
        note("memory", measure.idle_megabytes(running.name))
        note("requests", load.requests_per_second(running.own))
        took, code = measure.stop(running.name)
        note("stop", took)
        note("exit", code)
    with measure.container(image, *recipe.options, *recipe.confined) as running:
        note("confined", running.answered)
    with measure.container(image, *recipe.options, *recipe.logging) as running:
        note("logged", load.requests_per_second(running.own))
    with measure.container(image, *recipe.options) as running, contextlib.suppress(TimeoutError):
        note("slow", load.p99_beside_slow_clients(running.published))
    note("dependency", measure.dependency_rebuild(bench, recipe, folder))


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"inv bench: {error}")
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        sys.exit(130)
