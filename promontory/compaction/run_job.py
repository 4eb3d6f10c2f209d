"""Running a job: blocks of a bucket to one block of the bucket, which was read back whole.

    download -> check inputs -> merge or downsample -> check the output -> upload -> read back -> meta.json

meta.json comes last, so that nobody ever sees an output that was not read back. Nothing is marked here, and an input
is only read: run twice, a job makes two blocks of the same content, of which the duplicate rule keeps one.
Where the work fails for no outside reason, each input is checked whole, of a fresh copy, and the bad ones are named.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from promontory.block.meta import BlockFile, BlockMeta, BlockStats
from promontory.block_check.verify import Report
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import commit_block, delete_block, list_block_files, upload_files
from promontory.compaction.check import (
    UNWORKABLE,
    check_block,
    expect_output,
    refuse_input,
    refuse_output,
)
from promontory.compaction.failures import is_retryable
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from promontory.compaction.make_output import Make, make_output
from promontory.compaction.observer import Stage
from promontory.compaction.read_back import compare_files, compare_meta
from promontory.compaction.stoppable import await_unless
from promontory.compaction.workspace import (
    SHA256,
    fetch_block,
    hash_file,
    list_input_files,
    need_space,
    read_input_meta,
    remove_tree,
)
from promontory.errors import BadBlockError, BucketError, BucketUnavailable, CorruptionError
from promontory.model.clock import Clock

TAKE_BACK_TIMEOUT_S = 60.0

StageProgress = Callable[[Stage, int, int], None]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How jobs are run. `workers` are threads that check, merge and downsample; 0 is one a core."""

    hash_function: str = ""
    accept_malformed_index: bool = False
    blocks_fetched_at_once: int = 1
    files_at_once: int = 1
    workers: int = 0

    @property
    def worker_count(self) -> int:
        """How many threads there are in the end."""
        return self.workers or len(os.sched_getaffinity(0))


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
) -> JobResult:
    """Do a job; `directory` is the workspace of its group, `ulid` names the output.

    Raises BadBlockError naming inputs that are bad, StoppedError, BucketError, OSError where the disk is full. What was
    downloaded is left for another try then; nothing else is left, neither here nor in the bucket.
    """
    run = _JobRun(bucket, job, directory, ulid, clock, options or JobOptions(), stop, progress, make)
    return await run.run()


class _JobRun:
    def __init__(
        self, bucket: Bucket, job: Job, directory: Path, ulid: str, clock: Clock, options: JobOptions,
        stop: Callable[[], bool], progress: StageProgress, make: Make,
    ) -> None:  # fmt: skip
        self._bucket = bucket
        self._job = job
        self._directory = directory
        self._ulid = ulid
        self._clock = clock
        self._options = options
        self._progress = progress
        self._make = make
        self._canceled = threading.Event()
        self._stop: Callable[[], bool] = lambda: self._canceled.is_set() or stop()
        self._inputs: tuple[BlockMeta, ...] = ()
        self._files: dict[str, dict[str, int]] = {}
        self._weight: int | None = None
        self._has_old_copies = False

    async def run(self) -> JobResult:
        began_s = self._clock.monotonic_s()
        self._inputs = tuple([await read_input_meta(self._bucket, ulid) for ulid in self._job.inputs])
        self._files = {meta.ulid: await list_input_files(self._bucket, meta) for meta in self._inputs}
        await self._fetch_all()
        try:
            worked_s, output = await self._work()
        except Exception as error:
            await self._remove_output()
            if is_retryable(error):
                raise
            await self._find_culprits(error)
            raise
        except BaseException:
            await self._remove_output()
            raise
        written, uploaded_bytes = None, 0
        if output is not None:
            try:
                written, uploaded_bytes = await self._publish(output)
            finally:
                await self._remove_output()
        result = JobResult(
            self._job, written, self._inputs, downloaded_bytes=self._input_bytes, uploaded_bytes=uploaded_bytes,
            work_bytes=self._input_bytes + uploaded_bytes, took_s=self._clock.monotonic_s() - began_s,
            worked_s=worked_s,
        )  # fmt: skip
        if self._job.part is None:
            for meta in self._inputs:
                await asyncio.to_thread(remove_tree, self._directory / meta.ulid)
        return result

    @property
    def _input_bytes(self) -> int:
        return sum(sum(files.values()) for files in self._files.values())

    @property
    def _output_directory(self) -> Path:
        return self._directory / self._ulid

    async def _fetch_all(self) -> None:
        """Have all inputs on disk. What is there already counts as needed still: it is not much to ask for."""
        total = self._input_bytes
        await asyncio.to_thread(need_space, self._directory, 2 * total)
        notify = self._counter(Stage.DOWNLOAD, total)
        await self._unless_stopped(
            map_concurrently(
                lambda meta: self._fetch(meta, notify), self._inputs, limit=self._options.blocks_fetched_at_once
            )
        )

    async def _fetch(self, meta: BlockMeta, notify: Callable[[int], None]) -> None:
        self._has_old_copies |= await fetch_block(
            self._bucket, meta, self._files[meta.ulid], self._directory / meta.ulid,
            concurrency=self._options.files_at_once, stop=self._stop, notify=notify,
        )  # fmt: skip

    async def _work(self) -> tuple[float, BlockMeta | None]:
        """Check the inputs, make the output and check it; return how long the making took, and the output."""
        for number, meta in enumerate(self._inputs):
            self._progress(Stage.CHECK, number, len(self._inputs))
            is_downsampled = self._job.kind is JobKind.DOWNSAMPLE
            report = await self._check(meta.ulid, read_chunks=is_downsampled)
            refuse_input(report, accept_malformed_index=self._options.accept_malformed_index)
            self._weight = report.weight if is_downsampled else None
        began_s = self._clock.monotonic_s()
        self._progress(Stage.WORK, 0, 1)
        output = await self._in_thread(
            lambda: self._make(
                self._job,
                [self._directory / meta.ulid for meta in self._inputs],
                self._directory,
                ulid=self._ulid,
                workers=self._options.worker_count,
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

    async def _publish(self, output: BlockMeta) -> tuple[BlockMeta, int]:
        """Upload the output, read it back and commit it; return its meta and its bytes."""
        directory = self._output_directory
        files = await asyncio.to_thread(list_block_files, directory)
        total = sum(file.size_bytes or 0 for file in files)
        self._progress(Stage.UPLOAD, 0, total)
        try:
            await self._unless_stopped(upload_files(self._bucket, directory, self._ulid))
            notify = self._counter(Stage.READ_BACK, total)
            await compare_files(self._bucket, directory, self._ulid, files, stop=self._stop, notify=notify)
            hashed = await asyncio.to_thread(self._hash, files)
            written = await commit_block(self._bucket, output, hashed, clock=self._clock)
            await compare_meta(self._bucket, written)
        except BaseException:
            await self._take_back()
            raise
        return written, total

    async def _take_back(self) -> None:
        """Delete what was uploaded, where the bucket lets us; what stays has no meta.json, and is cleaned up later."""

        async def delete() -> None:
            with suppress(BucketError, TimeoutError):
                async with asyncio.timeout(TAKE_BACK_TIMEOUT_S):
                    await delete_block(self._bucket, self._ulid)

        await asyncio.shield(asyncio.ensure_future(delete()))

    def _hash(self, files: Sequence[BlockFile]) -> list[BlockFile]:
        if self._options.hash_function != SHA256:
            return list(files)
        directory = self._output_directory
        return [replace(file, hash_function=SHA256, hash_value=hash_file(directory / file.path)) for file in files]

    async def _find_culprits(self, error: Exception) -> None:
        """Raise BadBlockError naming the inputs that are why the work failed; return where none is.

        What is found is looked at again in a fresh copy: a mark stays, and disks and networks err.
        """
        suspects = error.ulids if isinstance(error, BadBlockError) else self._job.inputs
        found: list[BadBlockError] = []
        for meta in self._inputs:
            if meta.ulid not in suspects or await self._examine(meta) is None:
                continue
            await asyncio.to_thread(remove_tree, self._directory / meta.ulid)
            await self._fetch(meta, lambda size_bytes: None)
            again = await self._examine(meta)
            if again is None:
                message = "the copy of the block on disk was bad, the one in the bucket is not"
                raise BucketUnavailable(message, key=meta.ulid, operation="download") from error
            found.append(again)
        if found:
            reason = found[0].reason
            same = [one for one in found if one.reason == reason]
            ulids = tuple(ulid for one in same for ulid in one.ulids)
            raise BadBlockError("; ".join(map(str, same)), ulids=ulids, reason=reason) from error
        named = [ulid for ulid in self._job.inputs if isinstance(error, CorruptionError) and ulid in error.source]
        if named and self._has_old_copies:
            for ulid in self._job.inputs:
                await asyncio.to_thread(remove_tree, self._directory / ulid)
            message = f"copies of an earlier try did not do, others are to be fetched: {error}"
            raise BucketUnavailable(message, key=named[0], operation="download") from error
        if named:
            raise BadBlockError(str(error), ulids=tuple(named), reason=UNWORKABLE) from error

    async def _examine(self, meta: BlockMeta) -> BadBlockError | None:
        report = await self._check(meta.ulid)
        try:
            refuse_input(report, accept_malformed_index=self._options.accept_malformed_index)
        except BadBlockError as error:
            return error
        return None

    async def _check(self, ulid: str, *, read_chunks: bool = True, stage: Stage = Stage.CHECK) -> Report:
        return await self._in_thread(
            lambda: check_block(
                self._directory / ulid,
                workers=self._options.worker_count,
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

    def _counter(self, stage: Stage, total: int) -> Callable[[int], None]:
        done = 0
        self._progress(stage, 0, total)

        def notify(size_bytes: int) -> None:
            nonlocal done
            done += size_bytes
            self._progress(stage, done, total)

        return notify


def _with_counts(meta: BlockMeta, report: Report) -> BlockMeta:
    stats = BlockStats(
        sample_count=report.sample_count,
        histogram_sample_count=report.histogram_count,
        series_count=report.series_count,
        chunk_count=report.chunk_count,
        tombstone_count=meta.stats.tombstone_count,
    )
    return replace(meta, stats=stats)
