"""Which blocks are kept no longer.

A block goes when it ended longer ago than the keep of its step, as in Thanos: strictly, by its end in whole seconds.
But it goes only when the next coarser step that still keeps that time holds all its sources, in blocks that were read
whole: in Thanos raw samples go while downsampling lags behind, and then nothing is left of them.
Source: thanos pkg/compact/retention.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from promontory.block.meta import BlockMeta
from promontory.compaction.groups import strip_replicas
from promontory.compaction.ladder import StreamLadder, is_past
from promontory.compaction.planning.cover import Stream, asks_no_cover, find_asked_step, find_streams
from promontory.compaction.planning.guard import confirmed_ms, refuse_many, trusted_ms
from promontory.compaction.planning.state import BucketState, Deletion
from promontory.compaction.settings import CompactionSettings
from promontory.model.durations import format_duration


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """`waiting` are due blocks whose cover is missing: ULID to what is missing; `unverified` are covers to read.

    `refused` says why blocks that are due by the clock stay, empty where none do.
    """

    deletions: tuple[Deletion, ...] = ()
    waiting: dict[str, str] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    refused: str = ""


def plan_retention(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> RetentionPlan:
    """Return which blocks to mark for deletion as they are kept no longer."""
    sure_ms = confirmed_ms(state, now_ms=now_ms)
    asked_ms = trusted_ms(state, settings, now_ms=now_ms)
    deletions: list[Deletion] = []
    alone: set[str] = set()
    waiting: dict[str, str] = {}
    unverified: set[str] = set()
    for stream in find_streams(state, settings):
        ladder = settings.ladder.of(stream.labels)
        for meta in stream.blocks:
            keep_ms = _keep_ms(meta, ladder)
            if not is_past(meta.max_time_ms, keep_ms, now_ms=now_ms):
                continue
            cover = _find_cover(meta, stream, ladder, state, settings, now_ms=asked_ms)
            if isinstance(cover, str):
                waiting[meta.ulid] = cover
                continue
            unverified |= cover - state.verified
            if cover <= state.verified:
                reason = f"block exceeding retention of {format_duration(keep_ms)}"
                deletions.append(Deletion(meta.ulid, reason, tuple(sorted(cover))))
            if not is_past(meta.max_time_ms, keep_ms, now_ms=sure_ms):
                alone.add(meta.ulid)
    gone = _marked_alone(state, settings, now_ms=now_ms, sure_ms=sure_ms)
    refused = refuse_many(alone | gone, state, settings, what="retention", now_ms=now_ms) if alone else ""
    allowed = [deletion for deletion in deletions if not (refused and deletion.ulid in alone)]
    return RetentionPlan(tuple(allowed), waiting, tuple(sorted(unverified)), refused)


def _keep_ms(meta: BlockMeta, ladder: StreamLadder) -> int:
    """Return how long a block is kept; 0, for ever, where its ladder has no step of its resolution."""
    place = ladder.place_of(meta.resolution_ms)
    return 0 if place is None else ladder.steps[place].keep_ms


def _find_cover(
    meta: BlockMeta,
    stream: Stream,
    ladder: StreamLadder,
    state: BucketState,
    settings: CompactionSettings,
    *,
    now_ms: int,
) -> frozenset[str] | str:
    """Return the blocks that a block leaves its time to, none where none are asked for; or what is missing."""
    place = ladder.place_of(meta.resolution_ms)
    if place is None or asks_no_cover(settings, state.no_downsample_marks.get(meta.ulid)):
        return frozenset()
    asked = find_asked_step(ladder, place, meta.max_time_ms, now_ms=now_ms)
    if asked is None:
        return frozenset()
    resolution_ms = ladder.steps[asked].resolution_ms
    cover = stream.find_cover(meta, resolution_ms, preferred=state.verified)
    return f"resolution {format_duration(resolution_ms)} does not cover it yet" if cover is None else cover


def _marked_alone(state: BucketState, settings: CompactionSettings, *, now_ms: int, sure_ms: int) -> set[str]:
    """Return the blocks marked already that are past their keep by the clock alone."""
    found = set()
    for ulid in state.deletion_marks:
        meta = state.blocks.get(ulid)
        if meta is None:
            continue
        keep_ms = _keep_ms(meta, settings.ladder.of(strip_replicas(meta.labels, settings.replica_labels)))
        by_clock = is_past(meta.max_time_ms, keep_ms, now_ms=now_ms)
        if by_clock and not is_past(meta.max_time_ms, keep_ms, now_ms=sure_ms):
            found.add(ulid)
    return found
