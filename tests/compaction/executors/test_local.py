from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from promontory.block.ulid import make_ulid
from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.compactor import Compactor
from promontory.compaction.executors.local import LocalExecutor
from promontory.compaction.observer import Stage
from promontory.compaction.settings import CompactionSettings
from promontory.model.clock import SystemClock
from promontory.testing.still_clock import START_MS, StillClock
from tests.compaction.executors.jobs import ignore, write_two_blocks
from tests.compaction.proof.reading import join_raw, look


def executor_of(root: Path) -> LocalExecutor:
    entropy = iter([bytes(10), bytes([1] * 10)])
    return LocalExecutor(
        FilesystemBucket(root), root.parent / "work", clock=StillClock(), entropy=lambda size_bytes: next(entropy)
    )


async def test_each_try_makes_a_block_of_its_own_name(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    job = write_two_blocks(root)
    executor = executor_of(root)
    for byte in (0, 1):
        result = await executor.submit(job, progress=ignore)
        assert result.output is not None
        assert result.output.ulid == make_ulid(START_MS, bytes([byte] * 10))
    await executor.close()
    assert len(look(root).blocks) == 4


async def test_of_the_blocks_of_two_tries_the_next_pass_keeps_one(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    job = write_two_blocks(root)
    before = look(root).blocks
    executor = executor_of(root)
    tries = [await executor.submit(job, progress=ignore) for _ in range(2)]
    compactor = Compactor(
        FilesystemBucket(root), CompactionSettings(downsampling=False), directory=tmp_path / "data", clock=SystemClock()
    )
    await compactor.run_pass()
    lying = look(root)
    left = lying.blocks.keys() - lying.deletions_s.keys()
    assert left == {tries[0].output.ulid if tries[0].output else ""}
    assert join_raw(root, [lying.blocks[ulid] for ulid in left]) == join_raw(root, before.values())


async def test_a_canceled_job_leaves_no_output(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    job = write_two_blocks(root)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def progress(stage: Stage, done: int, total: int) -> None:
        if stage is Stage.WORK:
            loop.call_soon_threadsafe(begun.set)

    task = asyncio.create_task(executor_of(root).submit(job, progress=progress))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(look(root).blocks) == set(job.inputs)
