"""Which blocks to write anew without the series that their ladder has retired.

Merging and downsampling drop such series in passing; a block that is past a rule and still may hold its series is
rewritten. Finest first: a block whose sources a finer one still holds is left, since that one is rewritten and
downsampled again. Blocks with a no-compact mark are left as they are.
"""

from __future__ import annotations

from promontory.block.meta import BlockMeta
from promontory.compaction.groups import key_of
from promontory.compaction.job import Job, JobKind
from promontory.compaction.ladder import StreamLadder, retired_series
from promontory.compaction.planning.cover import Stream, list_open_blocks
from promontory.compaction.planning.guard import trusted_ms
from promontory.compaction.planning.state import BucketState, sources_of
from promontory.compaction.rewrites import applied_selectors
from promontory.compaction.settings import CompactionSettings


def plan_rewrites(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> tuple[Job, ...]:
    """Return the blocks to rewrite, oldest first. Plan merges before: what is merged need not be rewritten."""
    if not any(ladder.series for ladder in settings.ladder.streams):
        return ()
    sure_ms = trusted_ms(state, settings, now_ms=now_ms)
    blocks = list_open_blocks(state, settings, left_out=state.no_compact_marks, now_ms=now_ms)
    jobs = (_rewrite(meta, stream, ladder, settings, now_ms=sure_ms) for meta, stream, ladder in blocks)
    return tuple(sorted((job for job in jobs if job is not None), key=lambda job: job.inputs))


def _rewrite(
    meta: BlockMeta, stream: Stream, ladder: StreamLadder, settings: CompactionSettings, *, now_ms: int
) -> Job | None:
    retired = retired_series(ladder, meta.max_time_ms, now_ms=now_ms)
    applied = applied_selectors(meta)
    if all(frozenset(matchers) in applied for matchers in retired) or _is_finer_there(meta, stream):
        return None
    return Job(
        kind=JobKind.REWRITE,
        group=str(key_of(meta, settings.replica_labels)),
        inputs=(meta.ulid,),
        resolution_ms=meta.resolution_ms,
        replica_labels=settings.replica_labels,
        retired=retired,
    )


def _is_finer_there(meta: BlockMeta, stream: Stream) -> bool:
    return any(
        source in held
        for resolution_ms, held in stream.holders.items()
        if resolution_ms < meta.resolution_ms
        for source in sources_of(meta)
    )
