"""Round: jobs that do not need each other, some at a time, and what became of each.

What fails stops only itself, unless settings ask for Thanos' halting. After each success the inputs are settled at
once: marked for deletion, or the block marked that nothing could be made of. Parts of one merge go side by
side, as far as `limit` lets them, and stand or fall together.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from promontory.block.markers import MarkKind
from promontory.bucket.concurrently import map_concurrently
from promontory.compaction.failures import classify
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from promontory.compaction.marking import Marker
from promontory.compaction.observer import FailureKind, PassObserver
from promontory.compaction.planning.deletions import COMPACTED, REWRITTEN
from promontory.compaction.planning.state import Deletion
from promontory.compaction.reasons import NOTHING_TO_DOWNSAMPLE, OUT_OF_ORDER_CHUNKS
from promontory.compaction.running.check import expect_output
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BadBlockError, CorruptionError, HaltError, StoppedError

NOTHING_LEFT = "no samples are left of it"

RunJob = Callable[[Job], Awaitable[JobResult]]


@dataclass(slots=True)
class Outcome:
    """What rounds came to. `fatal` are jobs that failed for no reason outside of us.

    `aside` are inputs that are not to be planned again in this pass: those of what failed, lest a pass never ends, and
    those of what was done, as listings may come true late.
    """

    results: list[JobResult] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    fatal: list[Job] = field(default_factory=list)
    aside: set[str] = field(default_factory=set)


async def run_round(
    jobs: Sequence[Job],
    run: RunJob,
    marker: Marker,
    *,
    settings: CompactionSettings,
    observer: PassObserver,
    note: Callable[[JobResult], Awaitable[None]],
    limit: int,
    outcome: Outcome,
) -> None:
    """Run jobs, at most `limit` at once, and add what they came to to `outcome`; `note` is awaited for each output.

    Raises StoppedError, HaltError.
    """

    turns = asyncio.Semaphore(limit)

    async def run_one(job: Job, failing: list[Job]) -> JobResult:
        async with turns:
            observer.on_job_started(job)
            try:
                result = await run(job)
                await note(result)
            except (StoppedError, asyncio.CancelledError) as error:
                stopped = error if isinstance(error, StoppedError) else StoppedError(f"job of {job.group}: canceled")
                observer.on_job_failed(job, stopped, FailureKind.RETRYABLE)
                raise
            except Exception:
                failing.append(job)
                raise
            observer.on_job_finished(job, result)
            return result

    async def run_parts(parts: Sequence[Job]) -> None:
        failing: list[Job] = []
        try:
            results = await map_concurrently(lambda job: run_one(job, failing), parts, limit=limit)
        except StoppedError:
            raise
        except Exception as error:
            await _settle_failure(failing[0], error, marker, settings, observer, outcome)
            return
        try:
            if len(parts) > 1:
                _check_parts(parts[0], results)
            await _settle(parts[0], results, marker)
        except Exception as error:
            await _settle_failure(parts[0], error, marker, settings, observer, outcome)
            return
        outcome.results += results
        outcome.aside.update(parts[0].inputs)

    await map_concurrently(run_parts, _join_parts(jobs), limit=limit)


async def _settle(job: Job, results: Sequence[JobResult], marker: Marker) -> None:
    """Mark what a job has made superfluous, or that nothing could be made."""
    outputs = tuple(result.output.ulid for result in results if result.output is not None)
    if job.kind is JobKind.DOWNSAMPLE:
        if not outputs:
            await marker.mark(job.inputs[0], MarkKind.NO_DOWNSAMPLE, reason=NOTHING_TO_DOWNSAMPLE)
        return
    reason = COMPACTED if job.kind is JobKind.MERGE else REWRITTEN
    for ulid in job.inputs:
        await marker.mark_deletion(Deletion(ulid, reason if outputs else NOTHING_LEFT, outputs))


async def _settle_failure(
    job: Job, error: Exception, marker: Marker, settings: CompactionSettings, observer: PassObserver, outcome: Outcome
) -> None:
    """Set aside what failed: a bad block by a mark, others for this pass. Raises HaltError where asked to."""
    kind = classify(error)
    observer.on_job_failed(job, error, kind)
    if not isinstance(error, BadBlockError):
        if settings.halt_on_error and kind is FailureKind.FATAL:
            raise HaltError(f"job of group {job.group}: {error}") from error
        outcome.failures.append(error)
        outcome.aside.update(job.inputs)
        if kind is FailureKind.FATAL:
            outcome.fatal.append(job)
        return
    is_skipped = settings.skip_out_of_order_chunks and error.reason == OUT_OF_ORDER_CHUNKS
    if settings.halt_on_error and not is_skipped:
        raise HaltError(f"job of group {job.group}: {error}") from error
    outcome.aside.update(error.ulids)
    mark_kind = MarkKind.NO_DOWNSAMPLE if job.kind is JobKind.DOWNSAMPLE else MarkKind.NO_COMPACT
    for ulid in error.ulids:
        try:
            await marker.mark(ulid, mark_kind, reason=error.reason, details=str(error))
        except Exception as trouble:
            outcome.failures.append(trouble)


def _join_parts(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return the jobs in order, the parts of one merge together."""
    joined: dict[tuple[JobKind, tuple[str, ...], int], list[Job]] = defaultdict(list)
    for job in jobs:
        joined[job.kind, job.inputs, job.resolution_ms].append(job)
    return list(joined.values())


def _check_parts(job: Job, results: Sequence[JobResult]) -> None:
    """Raise CorruptionError where the parts do not hold together what the inputs held."""
    expected = expect_output(replace(job, part=None), results[0].inputs)
    outputs = [result.output for result in results if result.output is not None]
    for what, (low, high), found in (
        ("samples", expected.samples, sum(output.stats.sample_count for output in outputs)),
        ("series", expected.series, sum(output.stats.series_count for output in outputs)),
    ):
        if not low <= found <= high:
            source = ", ".join(output.ulid for output in outputs)
            raise CorruptionError(
                f"{what} of all parts", source=source, offset=0, expected=f"{low} to {high}", found=str(found)
            )
