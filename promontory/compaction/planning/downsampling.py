"""Which blocks to downsample to the next step of their ladder.

As in Thanos: blocks of at least the step's length (5m: 40 h, 1h: 10 days; lengths, not ages) some of whose sources no
block of the step holds, oldest first. Different: a block that is past its own keep is downsampled whatever its length,
since it goes only when it is covered; and what the step itself would not keep any more is made only for a coarser one.
Source: thanos cmd/thanos/downsample.go.
"""

from __future__ import annotations

from promontory.block.meta import BlockMeta
from promontory.compaction.groups import key_of
from promontory.compaction.job import Job, JobKind
from promontory.compaction.ladder import Step, StreamLadder, is_past, retired_series
from promontory.compaction.planning.cover import Stream, find_asked_step, list_open_blocks
from promontory.compaction.planning.guard import trusted_ms
from promontory.compaction.planning.state import BucketState
from promontory.compaction.settings import CompactionSettings


def plan_downsampling(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> tuple[Job, ...]:
    """Return what to downsample now; the jobs do not need each other.

    Downsampling to a step after the next one is planned when that one is there.
    """
    if not settings.downsampling:
        return ()
    asked_ms = trusted_ms(state, settings, now_ms=now_ms)
    jobs: list[Job] = []
    for meta, stream, ladder in list_open_blocks(state, settings, left_out=state.no_downsample_marks, now_ms=now_ms):
        step = _next_step(meta, stream, ladder, asked_ms=asked_ms, now_ms=now_ms)
        if step is not None:
            jobs.append(_job(meta, step, ladder, settings, now_ms=asked_ms))
    return tuple(sorted(jobs, key=lambda job: job.inputs))


def _next_step(meta: BlockMeta, stream: Stream, ladder: StreamLadder, *, asked_ms: int, now_ms: int) -> Step | None:
    """Return the step to downsample a block to; None where there is nothing to do."""
    place = ladder.place_of(meta.resolution_ms)
    if place is None or place + 1 == len(ladder.steps):
        return None
    asked = find_asked_step(ladder, place, meta.max_time_ms, now_ms=asked_ms)
    step = ladder.steps[place + 1]
    if asked is None:
        return None
    coarser_ms = [ladder.steps[at].resolution_ms for at in range(place + 1, asked + 1)]
    if any(stream.holds(meta, resolution_ms) for resolution_ms in coarser_ms) or stream.lies_in_whole(meta, coarser_ms):
        return None
    if is_past(meta.max_time_ms, ladder.steps[place].keep_ms, now_ms=now_ms):
        return step
    if meta.max_time_ms - meta.min_time_ms < step.after_ms or stream.crosses(meta, step.resolution_ms):
        return None
    return step


def _job(meta: BlockMeta, step: Step, ladder: StreamLadder, settings: CompactionSettings, *, now_ms: int) -> Job:
    return Job(
        kind=JobKind.DOWNSAMPLE,
        group=str(key_of(meta, settings.replica_labels)),
        inputs=(meta.ulid,),
        resolution_ms=step.resolution_ms,
        replica_labels=settings.replica_labels,
        retired=retired_series(ladder, meta.max_time_ms, now_ms=now_ms),
    )
