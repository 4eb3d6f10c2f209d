"""How many cores this process may use: as many threads do the work."""

from __future__ import annotations

import os


def count_cores() -> int:
    """Return the cores that the process may run on, all of the machine where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
