"""What becomes of a pass that failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from compactor.flags import COMPACT_FLAGS
from compactor.loop import CompactionLoop
from compactor.metrics import PassMetrics
from compactor.settings import CompactorSettings
from promontory.errors import AccessDenied, BucketUnavailable, HaltError, PromontoryError
from promontory.service.lifecycle import Service
from promontory.testing.still_clock import StillClock

DOWN = BucketUnavailable("down", key="", operation="list")
DENIED = AccessDenied("no", key="", operation="list")
HALT = HaltError("block 01: out of order")


class PatientClock(StillClock):
    """A clock that lets others run whenever somebody sleeps on it."""

    async def sleep(self, duration_s: float) -> None:
        await super().sleep(duration_s)
        await asyncio.sleep(0)


class ScriptedPasses:
    """Passes that fail as they are told; after the last of the script nothing moves any more."""

    def __init__(self, *outcomes: PromontoryError | None) -> None:
        self._outcomes = list(outcomes)
        self.ended, self.cleaned, self.measured = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.cleanups = self.measures = 0

    async def run_pass(self) -> None:
        if not self._outcomes:
            self.ended.set()
            await asyncio.Event().wait()
        outcome = self._outcomes.pop(0)
        if outcome is not None:
            raise outcome

    async def clean_partials(self) -> None:
        self.cleanups += 1
        if self.cleanups == 3:
            self.cleaned.set()
            await asyncio.Event().wait()

    async def measure_backlog(self) -> None:
        self.measures += 1
        if self.measures == 1:
            raise DOWN
        if self.measures == 3:
            self.measured.set()
            await asyncio.Event().wait()


class Lived:
    """A service in which a loop runs."""

    def __init__(self, passes: ScriptedPasses, *, does_wait: bool) -> None:
        self.clock = PatientClock()
        self.service = Service("compact", COMPACT_FLAGS.parse([]), self.clock)
        self.registry = CollectorRegistry()
        self.metrics = PassMetrics(self.registry, self.clock, delete_delay_ms=0)
        self.passes = passes
        settings = replace(CompactorSettings(Path(".")), does_wait=does_wait, wait_interval_s=300.0)
        self.loop = CompactionLoop(self.service, settings, passes, self.metrics)

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@asynccontextmanager
async def living(*outcomes: PromontoryError | None, does_wait: bool = True) -> AsyncIterator[Lived]:
    lived = Lived(ScriptedPasses(*outcomes), does_wait=does_wait)
    lived.loop.start()
    try:
        yield lived
    finally:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        lived.service.pool.shutdown()


async def test_a_pass_follows_a_pass_after_the_interval() -> None:
    async with living(None, None) as lived:
        await lived.passes.ended.wait()
        assert lived.value("thanos_compact_iterations_total") == 2
        assert lived.clock.slept_s.count(300.0) >= 2


async def test_an_error_is_tried_again_after_growing_pauses() -> None:
    async with living(DOWN, DENIED, DOWN, None) as lived:
        await lived.passes.ended.wait()
        assert lived.value("thanos_compact_retries_total") >= 3
        assert lived.value("thanos_compact_iterations_total") == 1
        pauses = [pause for pause in lived.clock.slept_s if pause < 300]
        assert [0.5 * 2**turn <= pause <= 2**turn for turn, pause in enumerate(pauses)] == [True] * 3


async def test_a_halt_stops_all_work_and_is_seen_from_outside() -> None:
    async with living(HALT) as lived:
        changed = asyncio.Event()
        lived.service.probes.listen(lambda: changed.set() if lived.service.probes.reason.count("halted") else None)
        await asyncio.wait_for(changed.wait(), 10)
        assert lived.value("thanos_compact_halted") == 1
        assert "halted: block 01: out of order" in lived.service.probes.reason
        assert not lived.passes.ended.is_set()


async def test_cleanup_and_backlog_go_on_beside_the_passes_and_their_failures_stop_nothing() -> None:
    async with living() as lived:
        await asyncio.wait_for(lived.passes.cleaned.wait(), 10)
        await asyncio.wait_for(lived.passes.measured.wait(), 10)
        assert lived.value("thanos_compact_retries_total") == 1


@pytest.mark.parametrize(("outcome", "code"), [(None, 0), (DOWN, 1), (DENIED, 1), (HALT, 1)])
async def test_one_pass_ends_the_service_with_its_outcome(outcome: PromontoryError | None, code: int) -> None:
    async with living(outcome, does_wait=False) as lived:
        await asyncio.wait_for(lived.service._ending.wait(), 10)
        assert lived.service._exit_code == code
        assert lived.passes.cleanups == 0


async def test_one_pass_that_is_cut_short_does_not_end_with_0() -> None:
    async with living(does_wait=False) as lived:
        await asyncio.wait_for(lived.passes.ended.wait(), 10)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait_for(lived.service._ending.wait(), 10)
        assert lived.service._exit_code == 1
