"""Turn measurements into a table that a person reads, JSON for machines, and the picture of the README."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Samples = Mapping[str, Mapping[str, Sequence[float]]]  # column → recipe → one value per round


class Column(NamedTuple):
    """What is measured, and how its ratio to the tutorial's is to be read."""

    key: str
    title: str
    unit: str
    goal: float | None  # the ratio to reach: at most, or at least where `more` is better
    more: bool = False
    above_floor: bool = False  # the time that the engine and an empty Python take is taken off both sides first


COLUMNS = (
    Column("cold", "first build", "s", 1.0),
    Column("edit", "build after an edit", "s", 0.15),
    Column("dependency", "build after a new dependency", "s", 0.4),
    Column("size", "image above its base", "MB", 0.7),
    Column("answer", "run to first answer", "s", 0.9, above_floor=True),
    Column("confined", "the same, read-only and another user", "s", 0.9, above_floor=True),
    Column("stop", "stop", "s", None),
    Column("exit", "exit code of the stop", "", None),
    Column("memory", "memory at rest", "MB", 1.8),
    Column("requests", "requests, no access log", "/s", 2.0, more=True),
    Column("logged", "requests, access log", "/s", 1.4, more=True),
    Column("slow", "p99 beside 1,000 slow clients", "ms", None),
)
NOISY = 0.25  # of the median: rounds of one recipe that are further apart say nothing of a ratio


class Row(NamedTuple):
    """A column's medians, their ratio, and whether that is what was to be reached."""

    column: Column
    theirs: float | None
    ours: float | None
    ratio: float | None
    reached: bool | None
    noisy: bool


def rows(samples: Samples) -> list[Row]:
    """Return a row for each column that was measured."""
    floor = statistics.median(samples["floor"]["base"]) if "floor" in samples else 0.0
    return [row(column, samples[column.key], floor) for column in COLUMNS if column.key in samples]


def row(column: Column, values: Mapping[str, Sequence[float]], floor: float) -> Row:
    """Return the row of one column; a recipe without a value never gave one."""
    theirs, ours = (median(values.get(recipe, ())) for recipe in ("tutorial", "ours"))
    ratio = None
    if theirs is not None and ours is not None and column.key != "exit":
        less = floor if column.above_floor else 0.0
        ratio = (ours - less) / (theirs - less) if theirs > less else None
    reached = None
    if column.goal is not None and ratio is not None:
        reached = ratio >= column.goal if column.more else ratio <= column.goal
    noisy = ratio is not None and any(is_noisy(rounds) for rounds in values.values())
    return Row(column, theirs, ours, ratio, reached, noisy)


def median(values: Sequence[float]) -> float | None:
    """Return the median, or nothing where there is no value."""
    return statistics.median(values) if values else None


def is_noisy(values: Sequence[float]) -> bool:
    """Return whether the middle half of the rounds is too far apart."""
    if len(values) < 4:
        return False
    low, middle, high = statistics.quantiles(values, n=4)
    return middle > 0 and (high - low) / middle > NOISY


def number(value: float | None, unit: str) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return "never"
    digits = 2 if unit == "s" else 0 if abs(value) >= 10 or unit in {"", "/s"} else 1
    return f"{value:,.{digits}f} {unit}".strip()


def table(samples: Samples) -> str:
    """Return the table, in 80 columns."""
    lines = [f"{'':37}{'tutorial':>10} {'ours':>10} {'ratio':>6}  goal"]
    for one in rows(samples):
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        goal = "" if one.column.goal is None else f"{'≥' if one.column.more else '≤'} {one.column.goal}"
        verdict = {True: "reached", False: "MISSED", None: ""}[one.reached]
        values = f"{number(one.theirs, one.column.unit):>10} {number(one.ours, one.column.unit):>10}"
        lines.append(f"{one.column.title:37}{values} {ratio:>6}  {goal:7}{verdict}{' ~' if one.noisy else ''}".rstrip())
    if "floor" in samples:
        floor = statistics.median(samples["floor"]["base"])
        lines.append(f"An empty server on the same base answers after {floor:.2f} s; ratios of answers are above that.")
    if any(one.noisy for one in rows(samples)):
        lines.append("~ too noisy to tell: the rounds lie far apart on this machine; run it again when it is quiet.")
    return "\n".join(lines)


def as_json(samples: Samples) -> str:
    """Return every sample, and each row's medians and ratio."""
    summary = {one.column.key: {**one._asdict(), "column": one.column._asdict()} for one in rows(samples)}
    return json.dumps({"summary": summary, "samples": samples}, indent=2)


def chart(samples: Samples) -> str:
    """Return an SVG of the ratios, each a bar beside the tutorial's whole."""
    shown = [one for one in rows(samples) if one.ratio is not None and one.column.key != "slow"]
    height = 34 * len(shown) + 70
    scale, widest = 150, 3.6  # pixels of the tutorial's own bar, which is 1, and how many of them there is room for
    bars = []
    for index, one in enumerate(shown):
        y = 46 + 34 * index
        ratio = one.ratio or 0.0
        width = max(2.0, min(ratio, widest) * scale)
        colour = "#0c7a5a" if (ratio >= 1) == one.column.more or ratio == 1 else "#b4651f"
        better = "higher is better" if one.column.more else ""
        bars.append(
            f'<text x="270" y="{y + 15}" text-anchor="end">{one.column.title}</text>'
            f'<rect x="280" y="{y}" width="{width:.0f}" height="20" rx="3" fill="{colour}"/>'
            f'<text x="{288 + width:.0f}" y="{y + 15}" font-weight="600">{ratio:.2f}×'
            f'<tspan dx="6" font-weight="400" fill="#777">{better}</tspan></text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 {height}" font-family="sans-serif" font-size="14">'
        f'<rect width="980" height="{height}" fill="#fff"/>'
        '<text x="280" y="28" font-weight="600">Ours as a multiple of the tutorial’s recipe (the line is 1)</text>'
        f'<path d="M{280 + scale} 38V{height - 16}" stroke="#999" stroke-dasharray="3 4"/>' + "".join(bars) + "</svg>\n"
    )
