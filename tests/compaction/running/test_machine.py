"""What jobs of one process share is promised to one of them at a time."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from promontory.compaction.job import SPARE_BYTES
from promontory.compaction.running.machine import Machine


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a directory with room for 100 bytes of blocks."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=SPARE_BYTES + 100))
    return tmp_path


async def test_a_job_waits_for_room_that_another_holds_and_gets_it_at_its_end(disk: Path) -> None:
    machine = Machine()
    with machine.share() as second:
        with machine.share() as first:
            await first.reserve(disk, 60)
            waiting = asyncio.ensure_future(second.reserve(disk, 60))
            await asyncio.wait([waiting], timeout=0.05)
            assert not waiting.done()
        await waiting
        assert second.held_bytes == 60


async def test_jobs_that_fit_side_by_side_do_not_wait(disk: Path) -> None:
    machine = Machine()
    with machine.share() as first, machine.share() as second:
        await first.reserve(disk, 60)
        await second.reserve(disk, 40)


async def test_a_job_that_does_not_fit_alone_is_told_so(disk: Path) -> None:
    machine = Machine()
    with machine.share() as share, pytest.raises(OSError, match="free for the blocks of a job"):
        await share.reserve(disk, 101)


async def test_a_job_that_waits_for_room_can_be_canceled(disk: Path) -> None:
    machine = Machine()
    with machine.share() as first:
        await first.reserve(disk, 60)
        with machine.share() as second, pytest.raises(TimeoutError):
            await asyncio.wait_for(second.reserve(disk, 60), 0.05)
    with machine.share() as third:
        await third.reserve(disk, 100)


def test_cores_are_shared_among_the_jobs_that_run() -> None:
    machine = Machine(core_count=5)
    with machine.share() as first:
        assert first.count_workers() == 5
        with machine.share() as second:
            assert first.count_workers() == second.count_workers() == 2
        assert first.count_workers() == 5
        with ExitStack() as many:
            for _ in range(9):
                many.enter_context(machine.share())
            assert first.count_workers() == 1
