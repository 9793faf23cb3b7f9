"""Measure four recipes for the same site in turn: `inv bench [--json] [--chart] [--rounds N]`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import measures
import recipes
import report
from engine import Engine

NO_WRK = "inv bench: wrk is missing; install it (Debian and Ubuntu: apt-get install wrk; macOS: brew install wrk)."
CHART = recipes.ROOT / "docs" / "pictures" / "bench.svg"


def main() -> None:
    """Run the rounds and print the result; remove everything that was made, however this ends."""
    parser = argparse.ArgumentParser(prog="inv bench", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chart", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not shutil.which("wrk"):
        sys.exit(NO_WRK)
    engine = Engine()
    try:
        with tempfile.TemporaryDirectory(prefix=engine.name) as folder:
            samples = run(engine, Path(folder), options.rounds)
    finally:
        engine.clean()
    if options.chart:
        CHART.write_text(report.chart(samples), encoding="utf-8")
    print(report.as_json(samples) if options.json else report.table(samples))


def run(engine: Engine, folder: Path, rounds: int) -> report.Samples:
    """Return the samples of the rounds: every other one is without the peers, and backwards."""
    samples: dict[str, dict[str, list[float]]] = {}

    def note(row: str, column: str, value: float) -> None:
        samples.setdefault(row, {}).setdefault(column, []).append(value)

    sites = recipes.make_sites(folder)
    own_sites = [measures.own_site(engine, recipe, sites) for recipe in (recipes.TUTORIAL, recipes.OURS)]
    for number in range(1, rounds + 1):
        measures.floor(engine, note)
        for recipe in recipes.RECIPES if number % 2 else (recipes.OURS, recipes.TUTORIAL):
            print(f"round {number} of {rounds}: {recipe.name}", file=sys.stderr, flush=True)
            measures.recipe_on_plain_site(engine, recipe, sites, note)
        print(f"round {number} of {rounds}: this project's own site", file=sys.stderr, flush=True)
        for site in own_sites if number % 2 else reversed(own_sites):
            measures.requests_on_own_site(engine, site, note)
        measures.inv(note)
    return samples


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, TimeoutError) as error:
        sys.exit(f"inv bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
