"""The parts of one merge go side by side, and stand or fall together."""

from __future__ import annotations

import asyncio

import pytest

from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import StageProgress
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BucketUnavailable, JobError
from tests.compaction.pass_site import Site

IN_PARTS = CompactionSettings(parts=3, max_index_bytes=100, downsampling=False)


class Meeting:
    """An executor whose jobs begin when so many of them have come; then those of one part fail, where one does."""

    def __init__(self, site: Site, *, size: int, failing: int | None = None) -> None:
        self._inner = site.compactor()._executor
        self._barrier = asyncio.Barrier(size)
        self._failing = failing
        self.most = self.running = 0

    async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            async with asyncio.timeout(20):
                await self._barrier.wait()
            if job.part is not None and job.part.index == self._failing:
                raise BucketUnavailable("a fault", key="k", operation="get")
            return await self._inner.submit(job, progress=progress)
        finally:
            self.running -= 1

    async def close(self) -> None:
        return


async def test_parts_of_one_merge_run_side_by_side_on_common_copies(site: Site) -> None:
    metas = await site.put()
    executor = Meeting(site, size=3)
    await site.compactor(IN_PARTS, executor=executor, merges_at_once=3).run_pass()
    assert executor.most == 3
    parts = [meta for meta in (await site.unmarked()).values() if meta.compaction.level > 1]
    assert not site.ears.failed
    assert len(site.ears.finished) == 3
    inputs = [meta for meta in metas if meta.ulid in parts[0].compaction.sources]
    assert len(inputs) > 1
    downloads = [key for operation, key in site.bucket.calls if operation == "download"]
    assert downloads.count(f"{inputs[0].ulid}/index") == 1
    assert sum(part.stats.sample_count for part in parts) == sum(meta.stats.sample_count for meta in inputs)


async def test_no_more_parts_run_at_once_than_jobs_may(site: Site) -> None:
    await site.put()
    executor = Meeting(site, size=1)
    await site.compactor(IN_PARTS, executor=executor, merges_at_once=2).run_pass()
    assert executor.most == 2


async def test_where_one_part_fails_the_others_end_and_no_input_is_marked(site: Site) -> None:
    await site.put()
    executor = Meeting(site, size=3, failing=1)
    with pytest.raises(JobError, match="a fault"):
        await site.compactor(IN_PARTS, executor=executor, merges_at_once=3).run_pass()
    assert executor.running == 0
    assert not await site.marks()
