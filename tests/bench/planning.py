"""Planning a bucket of 10,000 blocks in memory: looking it through, and all decisions of a pass.

Part of python -m tests.bench.compaction; `--planning` measures nothing else. The blocks are of 2 h and have a meta.json
of the usual size; no bucket is waited for, so the time is what the compactor itself needs.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from promontory.block.meta import render_meta
from promontory.bucket.memory import MemoryBucket
from promontory.compaction.compactor import Compactor
from promontory.compaction.ledger import Ledger
from promontory.compaction.planning.pass_plan import plan_pass
from promontory.compaction.settings import CompactionSettings
from promontory.compaction.survey import Surveyor
from promontory.model.labels import Labels
from promontory.testing.still_clock import StillClock
from tests.compaction.planning.made_up import HOUR_MS, NOW_MS, block

BLOCKS = 10_000
STREAMS = (1, 100, 5000)
MUST_S = 20.0

Result = TypeVar("Result")


@dataclass(slots=True)
class Watch:
    """Seconds by what was done."""

    took_s: dict[str, float] = field(default_factory=dict)

    def time(self, name: str, work: Callable[[], Result]) -> Result:
        """Do work and note what it took."""
        began_s = time.monotonic()
        result = work()
        self.took_s[name] = time.monotonic() - began_s
        return result


def report_planning() -> None:
    """Print what it takes for few and for many streams."""
    print(f"planning {BLOCKS} blocks, cached in no way; seconds")
    for streams in STREAMS:
        watch = Watch()
        with tempfile.TemporaryDirectory(prefix="promontory-bench-") as folder, asyncio.Runner() as runner:
            jobs = _plan(runner, Path(folder), streams, watch)
        total_s = watch.took_s["first look"] + watch.took_s["plan"]
        parts = ", ".join(f"{name} {took_s:.2f}" for name, took_s in watch.took_s.items())
        verdict = "ok" if total_s <= MUST_S else "MISSED"
        print(f"  {streams:5} streams {total_s:6.2f} (must: {MUST_S:.0f}) {verdict}: {parts}; {jobs} jobs", flush=True)


def _plan(runner: asyncio.Runner, folder: Path, streams: int, watch: Watch) -> int:
    clock, settings = StillClock(NOW_MS - 20 * HOUR_MS), CompactionSettings()
    bucket = MemoryBucket(clock)
    runner.run(_fill(bucket, streams))
    clock.time_ms = NOW_MS
    surveyor = Surveyor(bucket, settings, clock=clock, directory=folder, ledger=Ledger(folder / "ledger"))
    survey = watch.time("first look", lambda: runner.run(surveyor.look()))
    plan = watch.time("plan", lambda: plan_pass(survey.state, settings, now_ms=NOW_MS))
    watch.time("the plan as text", plan.describe)
    watch.time("look again", lambda: runner.run(surveyor.look()))
    compactor = Compactor(bucket, settings, directory=folder, clock=clock)
    watch.time("look after a restart", lambda: runner.run(compactor.measure_backlog()))
    watch.time("backlog", lambda: runner.run(compactor.measure_backlog()))
    return len(plan.jobs)


async def _fill(bucket: MemoryBucket, streams: int) -> None:
    start_ms = (NOW_MS // (2 * HOUR_MS) - BLOCKS // streams - 1) * 2 * HOUR_MS
    for number in range(BLOCKS):
        min_ms = start_ms + number // streams * 2 * HOUR_MS
        labels = Labels.from_mapping({"cluster": f"cluster-{number % streams}", "replica": "a"})
        meta = block(number, min_ms, min_ms + 2 * HOUR_MS, labels=labels)
        await bucket.put(f"{meta.ulid}/chunks/000001", b"chunks")
        await bucket.put(f"{meta.ulid}/index", b"index")
        await bucket.put(f"{meta.ulid}/meta.json", render_meta(meta))
