"""Where the CPU time of a query goes, in one process without HTTP: kernel by kernel, and what is left for Python.

usage: python -m tests.bench.stages [--repetitions N] [--threads N] [--instant] [QUERY]

Each call of a kernel is timed by the thread that makes it. What is left is Python, the event loop, hops between
threads, copies by numpy, reads of files and page faults. The repetition of least CPU time counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.catalog import Catalog
from promontory.kernels.compile import Kernel
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.time_range import TimeGrid
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.service.allocator import find_allocator
from promontory.store.bucket_store import BucketStore
from tests.bench.data import INTERVAL_S, SAMPLES, START_S
from tests.bench.dataset import open_dataset

THREADS = 2
STEP_MS = 60_000
SHOWN = 12


class KernelTimes:
    """CPU seconds and calls by kernel, over all threads."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def install(self) -> None:
        """Time every call of a kernel from now on."""
        plain = Kernel.__call__

        def call(kernel: Kernel[..., Any], *arguments: Any) -> Any:
            began_s = time.thread_time()
            try:
                return plain(kernel, *arguments)
            finally:
                took_s = time.thread_time() - began_s
                name = f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}"  # type: ignore[attr-defined]
                with self._lock:
                    self.seconds[name] += took_s
                    self.calls[name] += 1

        Kernel.__call__ = call  # type: ignore[method-assign]

    def clear(self) -> None:
        """Begin anew."""
        self.seconds.clear()
        self.calls.clear()


async def profile(query: str, repetitions: int, *, threads: int, is_instant: bool) -> None:
    """Ask the query over the comparison's 24 h at 60 s steps, or at their end, and print the profile."""
    find_allocator().keep()
    sys.setswitchinterval(0.0005)
    bucket = FilesystemBucket(open_dataset().bucket)
    store = BucketStore(bucket, Catalog(bucket, clock=SystemClock()))
    await store.sync()
    engine = QueryEngine(store, EngineSettings(replica_labels=(b"replica",)))
    end_ms = (START_S + (SAMPLES - 1) * INTERVAL_S) * 1000
    times = KernelTimes()
    times.install()
    best: tuple[float, float, float, dict[str, float], dict[str, int]] | None = None
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repetitions + 1):
            times.clear()
            context = QueryContext(clock=SystemClock(), pool=pool)
            system_s, cpu_s, wall_s = os.times().system, time.process_time(), time.perf_counter()
            if is_instant:
                await engine.instant(query, end_ms + 1000, QueryOptions(), context)
            else:
                await engine.range(query, TimeGrid(START_S * 1000, end_ms, STEP_MS), QueryOptions(), context)
            cpu_s, wall_s, system_s = (
                time.process_time() - cpu_s, time.perf_counter() - wall_s, os.times().system - system_s,
            )  # fmt: skip
            found = (cpu_s, wall_s, system_s, dict(times.seconds), dict(times.calls))
            best = found if best is None or found[0] < best[0] else best
    assert best is not None
    _print(query, *best)


def _print(
    query: str, cpu_s: float, wall_s: float, system_s: float, seconds: dict[str, float], calls: dict[str, int]
) -> None:
    kernels_s = sum(seconds.values())
    print(f"{query}: wall {wall_s * 1e3:.1f} ms, cpu {cpu_s * 1e3:.1f} ms, {system_s * 1e3:.0f} of it in the system")
    for name, took_s in Counter(seconds).most_common(SHOWN):
        print(f"  {took_s * 1e3:7.1f} ms {took_s / cpu_s:5.0%} {calls[name]:6d} calls  {name}")
    rest_s = kernels_s - sum(took_s for _, took_s in Counter(seconds).most_common(SHOWN))
    print(f"  {rest_s * 1e3:7.1f} ms {rest_s / cpu_s:5.0%}               other kernels")
    print(f"  {(cpu_s - kernels_s) * 1e3:7.1f} ms {1 - kernels_s / cpu_s:5.0%}               everything else")


def main() -> int:
    """Profile one query."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stages")
    parser.add_argument("query", nargs="?", default="sum by (job)(rate(http_requests_total[5m]))")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--instant", action="store_true", help="at the end of the data, not over its 24 h")
    arguments = parser.parse_args()
    asyncio.run(
        profile(
            arguments.query, arguments.repetitions, threads=arguments.threads, is_instant=arguments.instant
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
