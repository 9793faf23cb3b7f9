"""How many workers a container has room for; Python's own counts ignore its limits.

https://docs.kernel.org/admin-guide/cgroup-v2.html; in version 1 the same numbers are in other files.
"""

import math
import os
from pathlib import Path

WORKER = 128 * 2**20  # bytes: a Django process with some libraries and a few requests at work


def workers(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return one worker for each processor that may be used, fewer where memory is short, but at least one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    old = numbers(cgroup / "cpu/cpu.cfs_quota_us") + numbers(cgroup / "cpu/cpu.cfs_period_us")
    quota, period = numbers(cgroup / "cpu.max") or old or (usable, 1)
    memory, *_ = numbers(cgroup / "memory.max") or numbers(cgroup / "memory/memory.limit_in_bytes") or [math.inf]
    return max(1, int(min(math.ceil(min(usable, quota / period)), memory / WORKER)))


def numbers(path: Path) -> list[float]:
    """Return the numbers in a file, `max` and -1 being no limit; none where there is no such file."""
    try:
        words = path.read_text().split()
    except OSError:
        return []
    return [math.inf if word in {"max", "-1"} else int(word) for word in words]
