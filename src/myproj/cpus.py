"""How many processors this process may really use; Python's own counts know nothing of a container's quota."""

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def usable(cgroups: Path = CGROUPS) -> int:
    """Return the number of processors, 1 at least: those it may run on, or its quota of them if that is less."""
    affinity = getattr(os, "sched_getaffinity", None)
    own = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(own, math.ceil(quota(cgroups) or own)))


def quota(cgroups: Path) -> float | None:
    """Return a container's quota in processors; none where there is no limit.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files (`cpu.max`: quota and period, or "max"),
    https://docs.kernel.org/scheduler/sched-bwc.html (version 1: two files, -1 for no limit).
    """
    try:
        limit, period = (cgroups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (cgroups / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroups / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if limit in {"max", "-1"} else int(limit) / int(period)
