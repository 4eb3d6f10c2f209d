"""Queries that mean harm get an answer or an error, in bounded memory, and the process lives.

How long each takes is measured by `python -m tests.bench.hostile`.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.testing.hostile_queries import HOSTILE, walk_whole_path

MOST_KIB = 64 << 10
# Each runs after the others in one process, so that what one of them held would show at the next.
MEASURE = """
import resource
from concurrent.futures import ThreadPoolExecutor
from promontory.testing.hostile_queries import HOSTILE, LARGEST, walk_whole_path
with ThreadPoolExecutor(1) as pool:
    list(walk_whole_path("abs(a) + sum(rate(a[5m])) > on (b) group_left (c) a", pool))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, make in HOSTILE.items():
        list(walk_whole_path(make(LARGEST), pool))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{grown} {name}")
"""


def test_no_query_takes_much_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    grown = {name: int(kib) for kib, _, name in (line.partition(" ") for line in done.stdout.splitlines())}
    assert grown.keys() == HOSTILE.keys()
    assert max(grown.values()) <= MOST_KIB, max(grown, key=grown.__getitem__)


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_small_one_of_each_is_answered_or_refused(make: object) -> None:
    with ThreadPoolExecutor(1) as pool:
        *_, last = walk_whole_path(make(300), pool)  # type: ignore[operator]
    assert last == "run" or last.startswith(("QueryError", "ExecutionError", "LimitError"))
