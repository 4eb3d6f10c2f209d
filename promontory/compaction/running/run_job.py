"""Running a job: blocks of a bucket to one block of the bucket, which was read back whole.

    download -> check inputs -> merge or downsample -> check the output -> upload -> read back -> meta.json

meta.json comes last, so that nobody ever sees an output that was not read back. Nothing is marked here, and an input
is only read: run twice, a job makes two blocks of the same content, of which the duplicate rule keeps one.
Where the work fails for no outside reason, each input is checked whole, of a fresh copy, and the bad ones are named.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from promontory.block.meta import BlockMeta, BlockStats
from promontory.block_check.verify import Report
from promontory.bucket.port import Bucket
from promontory.compaction.failures import is_retryable
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Stage, StageProgress
from promontory.compaction.running.check import (
    check_block,
    expect_output,
    refuse_input,
    refuse_output,
)
from promontory.compaction.running.culprits import find_culprits
from promontory.compaction.running.machine import Machine, Share
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.publish import count_up, publish_block
from promontory.compaction.running.stoppable import await_unless
from promontory.compaction.running.workspace import (
    fetch_block,
    list_input_files,
    read_input_meta,
    remove_tree,
)
from promontory.errors import BadBlockError, CorruptionError, StoppedError
from promontory.model.clock import Clock
from promontory.model.cores import count_cores

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How jobs are run. `workers` are threads that check, merge and downsample; 0 is one a core, shared by all jobs."""

    hash_function: str = ""
    accept_malformed_index: bool = False
    blocks_fetched_at_once: int = 1
    files_at_once: int = 1
    workers: int = 0

    @property
    def worker_count(self) -> int:
        """How many threads there are in the end."""
        return self.workers or count_cores()


async def run_job(
    bucket: Bucket,
    job: Job,
    directory: Path,
    *,
    ulid: str,
    clock: Clock,
    options: JobOptions | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: StageProgress = lambda stage, done, total: None,
    make: Make = make_output,
    machine: Machine | None = None,
) -> JobResult:
    """Do a job; `directory` is the workspace of its group, `ulid` names the output.

    `machine` is what it shares with jobs beside it.

    Raises BadBlockError naming inputs that are bad, StoppedError, BucketError, OSError where the disk is full. What was
    downloaded is left for another try then; nothing else is left, neither here nor in the bucket.
    """
    with (machine or Machine()).share() as share:
        run = _JobRun(bucket, job, directory, ulid, clock, options or JobOptions(), stop, progress, make, share)
        return await run.run()


class _JobRun:
    def __init__(
        self, bucket: Bucket, job: Job, directory: Path, ulid: str, clock: Clock, options: JobOptions,
        stop: Callable[[], bool], progress: StageProgress, make: Make, share: Share,
    ) -> None:  # fmt: skip
        self._bucket = bucket
        self._job = job
        self._directory = directory
        self._ulid = ulid
        self._clock = clock
        self._options = options
        self._progress = progress
        self._make = make
        self._share = share
        self._canceled = threading.Event()
        self._stop: Callable[[], bool] = lambda: self._canceled.is_set() or stop()
        self._inputs: tuple[BlockMeta, ...] = ()
        self._files: dict[str, dict[str, int]] = {}
        self._weight: int | None = None
        self.has_old_copies = False

    async def run(self) -> JobResult:
        began_s = self._clock.monotonic_s()
        self._inputs = tuple([await read_input_meta(self._bucket, ulid) for ulid in self._job.inputs])
        self._files = {meta.ulid: await list_input_files(self._bucket, meta) for meta in self._inputs}
        await self._unless_stopped(self._share.reserve(self._directory, 2 * self._input_bytes))
        try:
            worked_s, output = await self._work()
        except Exception as error:
            await self._remove_output()
            if is_retryable(error):
                raise
            await find_culprits(error, self._inputs, self)
            raise
        except BaseException:
            await self._remove_output()
            raise
        written, uploaded_bytes = None, 0
        if output is not None:
            try:
                written, uploaded_bytes = await publish_block(
                    self._bucket, self._output_directory, output, clock=self._clock, stop=self._stop,
                    hash_function=self._options.hash_function, progress=self._progress,
                )  # fmt: skip
            finally:
                await self._remove_output()
        result = JobResult(
            self._job, written, self._inputs, downloaded_bytes=self._input_bytes, uploaded_bytes=uploaded_bytes,
            work_bytes=self._input_bytes + uploaded_bytes, took_s=self._clock.monotonic_s() - began_s,
            worked_s=worked_s,
        )  # fmt: skip
        if self._job.part is None:
            for meta in self._inputs:
                await self.drop(meta)
        return result

    @property
    def _worker_count(self) -> int:
        return self._options.workers or self._share.count_workers()

    @property
    def _input_bytes(self) -> int:
        return sum(sum(files.values()) for files in self._files.values())

    @property
    def _output_directory(self) -> Path:
        return self._directory / self._ulid

    async def _fetch_all(self) -> list[Report]:
        """Have all inputs on disk and return what their checks found: one is checked while the next is fetched."""
        notify = count_up(self._progress, Stage.DOWNLOAD, self._input_bytes)
        fetching = asyncio.Semaphore(self._options.blocks_fetched_at_once)
        checking = asyncio.Semaphore(self._worker_count)
        has_failed = asyncio.Event()
        fetched: list[str] = []
        checked: list[str] = []

        async def fetch_and_check(meta: BlockMeta) -> Report:
            try:
                async with fetching:
                    if has_failed.is_set():
                        raise StoppedError(f"block {meta.ulid}: not downloaded, as another was not")
                    await self._fetch(meta, notify)
                fetched.append(meta.ulid)
                async with checking:
                    report = await self._check_input(meta)
                checked.append(meta.ulid)
                if len(fetched) == len(self._inputs):
                    self._progress(Stage.CHECK, len(checked), len(fetched))
                return report
            except Exception:
                has_failed.set()
                raise

        # Not a task group, whose cancellation of the others would stop the job: what is found bad is to be looked at.
        checks = await asyncio.gather(*map(fetch_and_check, self._inputs), return_exceptions=True)
        failures = [check for check in checks if isinstance(check, BaseException)]
        if failures:
            raise next((one for one in failures if not isinstance(one, StoppedError)), failures[0])
        return [check for check in checks if isinstance(check, Report)]

    async def _check_input(self, meta: BlockMeta) -> Report:
        report = await self._check(meta.ulid, read_chunks=self._job.kind is JobKind.DOWNSAMPLE)
        refuse_input(report, accept_malformed_index=self._options.accept_malformed_index)
        return report

    async def _fetch(self, meta: BlockMeta, notify: Callable[[int], None]) -> None:
        copy = self._directory / meta.ulid
        async with self._share.copying(copy):
            self.has_old_copies |= await fetch_block(
                self._bucket, meta, self._files[meta.ulid], copy,
                concurrency=self._options.files_at_once, stop=self._stop, notify=notify,
            )  # fmt: skip

    async def _work(self) -> tuple[float, BlockMeta | None]:
        """Fetch and check the inputs, make the output and check it; return how long the making took, and the output."""
        reports = await self._unless_stopped(self._fetch_all())
        self._weight = reports[0].weight if self._job.kind is JobKind.DOWNSAMPLE else None
        began_s = self._clock.monotonic_s()
        self._progress(Stage.WORK, 0, 1)
        output = await self._in_thread(
            lambda: self._make(
                self._job,
                [self._directory / meta.ulid for meta in self._inputs],
                self._directory,
                ulid=self._ulid,
                workers=self._worker_count,
                stop=self._stop,
                progress=lambda done, total: self._progress(Stage.WORK, done, total),
            )
        )
        worked_s = self._clock.monotonic_s() - began_s
        if output is None:
            self._check_nothing_left()
        else:
            await self._verify(output)
        return worked_s, output

    def _check_nothing_left(self) -> None:
        """Raise CorruptionError where an output of nothing cannot be right."""
        expected = expect_output(self._job, self._inputs, weight=self._weight)
        fewest = expected.weight[0] if expected.weight else expected.samples[0]
        if fewest:
            raise CorruptionError("output", source=self._ulid, offset=0, expected=f"{fewest} samples", found="none")

    async def _verify(self, output: BlockMeta) -> None:
        """Raise CorruptionError where the output is not what its inputs make.

        Where their meta.json do not count right, which harms nobody, it is what they hold that counts.
        """
        report = await self._check(self._ulid, stage=Stage.VERIFY)
        expected = expect_output(self._job, self._inputs, weight=self._weight)
        try:
            refuse_output(report, output, expected)
        except CorruptionError:
            reports = [await self._check(meta.ulid) for meta in self._inputs]
            counted = [_with_counts(meta, one) for meta, one in zip(self._inputs, reports, strict=True)]
            refuse_output(report, output, expect_output(self._job, counted, weight=self._weight))

    async def examine(self, meta: BlockMeta) -> BadBlockError | None:
        """Return what is wrong with a copy of an input, every chunk decoded."""
        report = await self._check(meta.ulid)
        try:
            refuse_input(report, accept_malformed_index=self._options.accept_malformed_index)
        except BadBlockError as error:
            return error
        return None

    async def fetch_again(self, meta: BlockMeta) -> None:
        """Put a fresh copy of an input in the place of the one that is there."""
        await self.drop(meta)
        await self._unless_stopped(self._fetch(meta, lambda size_bytes: None))

    async def drop(self, meta: BlockMeta) -> None:
        """Remove the copy of an input."""
        await asyncio.to_thread(remove_tree, self._directory / meta.ulid)

    async def _check(self, ulid: str, *, read_chunks: bool = True, stage: Stage = Stage.CHECK) -> Report:
        return await self._in_thread(
            lambda: check_block(
                self._directory / ulid,
                workers=self._worker_count,
                stop=self._stop,
                progress=lambda done, total: self._progress(stage, done, total),
                read_chunks=read_chunks,
            )
        )

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Return what a thread does; where this task is canceled, the thread has ended before it goes on."""
        thread = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            self._canceled.set()
            await asyncio.gather(thread, return_exceptions=True)
            raise

    async def _unless_stopped(self, work: Coroutine[object, object, Result]) -> Result:
        return await await_unless(self._stop, work, what=f"job on {self._ulid}")

    async def _remove_output(self) -> None:
        await asyncio.to_thread(remove_tree, self._output_directory)


def _with_counts(meta: BlockMeta, report: Report) -> BlockMeta:
    stats = BlockStats(
        sample_count=report.sample_count,
        histogram_sample_count=report.histogram_count,
        series_count=report.series_count,
        chunk_count=report.chunk_count,
        tombstone_count=meta.stats.tombstone_count,
    )
    return replace(meta, stats=stats)
