"""The number of workers, from what a container may use of its machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving import limits

V1 = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
FOUR = {0, 1, 2, 3}

# Files, processors that the process may use, and workers.
LIMITS = [
    pytest.param({}, FOUR, 4, id="no limit and no files"),
    pytest.param({"cpu.max": "max 100000", "memory.max": "max"}, FOUR, 4, id="no limit"),
    pytest.param({}, {2}, 1, id="one processor by affinity"),
    pytest.param({"cpu.max": "150000 100000"}, FOUR, 2, id="a quota of one and a half"),
    pytest.param({"cpu.max": "10000 100000"}, FOUR, 1, id="a quota of a tenth"),
    pytest.param({"cpu.max": "800000 100000"}, FOUR, 4, id="a quota above the processors"),
    pytest.param({"cpu.max": ""}, FOUR, 4, id="an empty file"),
    pytest.param(V1, FOUR, 4, id="no limit, version 1"),
    pytest.param({**V1, "cpu/cpu.cfs_quota_us": "200000"}, FOUR, 2, id="a quota, version 1"),
    pytest.param({"memory.max": str(300 * 2**20)}, FOUR, 2, id="memory for two"),
    pytest.param({"memory.max": str(64 * 2**20)}, FOUR, 1, id="memory for less than one"),
    pytest.param({"memory/memory.limit_in_bytes": str(300 * 2**20)}, FOUR, 2, id="memory for two, version 1"),
    pytest.param({"memory/memory.limit_in_bytes": str(2**63 - 4096)}, FOUR, 4, id="no memory limit, version 1"),
]


@pytest.mark.parametrize(("files", "usable", "workers"), LIMITS)
def test_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], usable: set[int], workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: usable, raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    assert limits.workers(tmp_path) == workers


@pytest.mark.parametrize(("count", "workers"), [(5, 5), (None, 1)])
def test_system_without_affinity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int | None, workers: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert limits.workers(tmp_path) == workers
