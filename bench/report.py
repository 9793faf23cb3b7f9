"""Turn samples into the table that a person reads, JSON for machines, and the picture of docs/recipes.md."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Samples = Mapping[str, Mapping[str, Sequence[float]]]  # key of a row → column → a value for each round

COLUMNS = ("docker-guide", "uv-example", "ours", "asgi")  # beside the tutorial's
NOISY = 0.25  # of the median: if the middle half of the rounds is wider, the ratio says little


class Row(NamedTuple):
    """What is measured, and the goal for our ratio to the tutorial's recipe."""

    key: str
    title: str
    unit: str
    goal: float | None = None
    more: bool = False  # more is better
    above_floor: bool = False  # the time of the smallest server is taken off first
    absolute: bool = False  # the goal is for our own value, and there are no ratios


ROWS = (
    Row("first", "first build", "s", 0.75),
    Row("edit", "build after an edit", "s", 0.20),
    Row("dependency", "build after a new dependency", "s", 0.45),
    Row("size", "image above its base", "MB", 0.75),
    Row("answer", "run to first answer", "s", 0.9, above_floor=True),
    Row("confined", "the same, confined", "s", 0.9, above_floor=True),
    Row("stop", "stop", "s", 0.15),
    Row("exit", "exit code of the stop", "", 0, absolute=True),
    Row("memory", "memory", "MB", 1.3),
    Row("requests", "requests, no access log", "/s", 1.8, more=True),
    Row("logged", "requests, access log", "/s", 1.8, more=True),
    Row("home", "our site's first page", "/s", more=True),
    Row("board", "our site's board", "/s", more=True),
    Row("inv", "./inv before a task starts", "s", 0.15, absolute=True),
)


class Result(NamedTuple):
    """A row's medians and their ratios to the tutorial's."""

    row: Row
    medians: dict[str, float]
    ratios: dict[str, float]
    reached: bool | None  # None where there is no goal
    noisy: bool


def results(samples: Samples) -> list[Result]:
    """Return what each row came to."""
    floor = statistics.median(samples["floor"]["base"])
    return [result(row, samples[row.key], floor if row.above_floor else 0.0) for row in ROWS if row.key in samples]


def result(row: Row, values: Mapping[str, Sequence[float]], floor: float) -> Result:
    """Return what one row came to, with a floor taken off both sides of its ratios."""
    medians = {column: statistics.median(rounds) for column, rounds in values.items()}
    ratios: dict[str, float] = {}
    if not row.absolute and medians.get("tutorial", 0.0) > floor:
        ratios = {column: (value - floor) / (medians["tutorial"] - floor) for column, value in medians.items()}
    ours = (medians if row.absolute else ratios).get("ours")
    reached = None
    if row.goal is not None:
        reached = ours is not None and (ours >= row.goal if row.more else ours <= row.goal)
    noisy = any(is_noisy(values.get(column, ())) for column in ("tutorial", "ours"))
    return Result(row, medians, ratios, reached, noisy)


def is_noisy(values: Sequence[float]) -> bool:
    """Return whether the middle half of the rounds lies far apart; fewer than four rounds cannot tell."""
    if len(values) < 4:
        return False
    low, middle, high = statistics.quantiles(values, n=4)
    return high - low > NOISY * middle


def table(samples: Samples) -> str:
    """Return the table: the tutorial's medians, and everybody else's as a multiple of them."""
    lines = [f"{'':29}{'tutorial':>10}" + "".join(f"  {column}" for column in COLUMNS) + "  goal"]
    for one in results(samples):
        row = one.row
        theirs = number(one.medians["tutorial"], row.unit) if "tutorial" in one.medians else "–"
        cells = "".join(f"{cell(one, column):>{len(column) + 2}}" for column in COLUMNS)
        goal = "" if row.goal is None else f"{'≥' if row.more else '≤'} {row.goal:g}"
        verdict = {True: "reached", False: "MISSED", None: ""}[one.reached] + " ~" * one.noisy
        lines.append(f"{row.title:29}{theirs:>10}{cells}  {goal:7}{verdict}".rstrip())
    floor = statistics.median(samples["floor"]["base"])
    lines.append(f"The last four are multiples of the tutorial's, answers above the {floor:.2f} s of an empty server.")
    if any(one.noisy for one in results(samples)):
        lines.append("~ the rounds lie far apart: run it again on a quiet machine.")
    return "\n".join(lines)


def cell(one: Result, column: str) -> str:
    """Return a ratio or, in a row without ratios, a value."""
    if column not in one.medians or not (one.row.absolute or one.ratios):
        return "–"
    return number(one.medians[column], one.row.unit) if one.row.absolute else f"{one.ratios[column]:.2f}"


def number(value: float, unit: str) -> str:
    """Return a value with as many digits as say something."""
    return f"{value:,.{2 if unit == 's' else 0}f} {unit}".strip()


def as_json(samples: Samples) -> str:
    """Return each row's medians and ratios, and every sample."""
    summary = {one.row.key: {**one._asdict(), "row": one.row._asdict()} for one in results(samples)}
    return json.dumps({"summary": summary, "samples": samples}, indent=2)


def chart(samples: Samples) -> str:
    """Return an SVG with a bar for each of our ratios, and a mark for each of the two other recipes'."""
    shown = [one for one in results(samples) if "ours" in one.ratios]
    bottom = 34 * len(shown) + 40
    bars = "".join(bar(one, 46 + 34 * index) for index, one in enumerate(shown))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 {bottom + 36}" '
        f'font-family="sans-serif" font-size="14"><rect width="980" height="{bottom + 36}" fill="#fff"/>{bars}'
        f'<path d="M{place(1)} 38V{bottom}" stroke="#999" stroke-dasharray="3 4"/>'
        '<text x="240" y="28" font-weight="600">Ours as a multiple of the tutorial’s recipe (the dashed line)</text>'
        f'<text x="240" y="{bottom + 22}" fill="#555">◆ Docker’s guide ▲ uv’s example</text></svg>\n'
    )


def bar(one: Result, y: int) -> str:
    """Return a row of the picture."""
    ratio = one.ratios["ours"]
    colour = "#0c7a5a" if ratio == 1 or (ratio > 1) == one.row.more else "#b4651f"
    marks = (("docker-guide", "◆"), ("uv-example", "▲"))
    return (
        f'<text x="230" y="{y + 15}" text-anchor="end">{one.row.title}</text>'
        f'<rect x="240" y="{y}" width="{place(ratio) - 240:.0f}" height="20" rx="3" fill="{colour}"/>'
        f'<text x="960" y="{y + 15}" text-anchor="end">{"more is better: " * one.row.more}{ratio:.2f}×</text>'
    ) + "".join(
        f'<text x="{place(one.ratios[peer]):.0f}" y="{y + 15}" text-anchor="middle">{sign}</text>'
        for peer, sign in marks
        if peer in one.ratios
    )


def place(ratio: float) -> float:
    """Return where a ratio is in the picture, which has room for three and a half."""
    return 240 + 150 * min(ratio, 3.5)
