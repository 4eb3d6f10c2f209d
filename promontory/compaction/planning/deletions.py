"""Which blocks to delete for good: those marked for longer than the delay, and uploads that were given up.

As in Thanos: 48 hours after the time in the mark; and 48 hours after the newest object of a block without a readable
meta.json, unless it is marked. Beyond Thanos, the clock is not believed alone (guard.py):

    marked    its sources stand in unmarked blocks, and it is not a month overdue   goes: nothing is lost with it
              else, and the newest sample does not confirm that it is due           goes while these are few
    partial   a month overdue, and the newest sample does not confirm it            stays: it may be arriving

And a block that was marked because a compactor had put another in its place stays while that one is bad.

Source: thanos pkg/compact/blocks_cleaner.go, clean.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from promontory.block.meta import BlockMeta
from promontory.block.ulid import ulid_time_ms
from promontory.compaction.groups import strip_replicas
from promontory.compaction.planning.garbage import OUTDATED
from promontory.compaction.planning.guard import confirmed_ms, refuse_many
from promontory.compaction.planning.parts import find_held_by_parts, stream_key
from promontory.compaction.planning.state import BucketState, sources_of
from promontory.compaction.reasons import UNREADABLE
from promontory.compaction.settings import CompactionSettings
from promontory.model.durations import DAY_MS
from promontory.model.labels import Labels

PARTIAL_AGE_MS = 2 * DAY_MS
OVERDUE_MS = 30 * DAY_MS
SHOWN_BLOCKS = 5
# Why compactors mark the inputs of what they have made, Thanos' and ours: the details of the mark.
COMPACTED = "source of compacted block"
REWRITTEN = "source of rewritten block"
REPLACED = (COMPACTED, REWRITTEN, OUTDATED)

Sources = dict[tuple[int, Labels], set[str]]
"""ULIDs of level-1 blocks by resolution and stream."""


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """ULIDs of blocks to delete; `refused` says why others that are due stay, empty where none do."""

    ulids: tuple[str, ...] = ()
    refused: str = ""


def plan_deletions(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> DeletionPlan:
    """Return the blocks that were marked for deletion longer ago than the delay; blocks without meta.json too."""
    sure_ms = confirmed_ms(state, now_ms=now_ms)
    held = _held_sources(state, settings)
    bad_held = _bad_sources(state, settings)
    due, doubtful, needed = set(), set(), set()
    for ulid, mark in state.deletion_marks.items():
        age_ms = now_ms - mark.time_s * 1000
        if age_ms <= settings.delete_delay_ms:
            continue
        if mark.details in REPLACED and _is_needed(ulid, state, settings, held, bad_held):
            needed.add(ulid)
            continue
        due.add(ulid)
        is_confirmed = sure_ms - mark.time_s * 1000 > settings.delete_delay_ms
        is_replaced = _is_replaced(ulid, state, settings, held)
        if not is_confirmed and (not is_replaced or age_ms > settings.delete_delay_ms + OVERDUE_MS):
            doubtful.add(ulid)
    refused = refuse_many(doubtful, state, settings, what="deletion of marked blocks", now_ms=now_ms)
    allowed = tuple(sorted(due - doubtful if refused else due))
    return DeletionPlan(allowed, "; ".join(filter(None, (refused, _tell_needed(needed)))))


def plan_partials(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> DeletionPlan:
    """Return the blocks without a readable meta.json that nobody has written to for 48 hours."""
    sure_ms = confirmed_ms(state, now_ms=now_ms)
    due, doubtful = set(), set()
    for ulid, newest_ms in state.partial_ms.items():
        written_ms = ulid_time_ms(ulid) if newest_ms is None else newest_ms
        if ulid in state.deletion_marks or now_ms - written_ms <= PARTIAL_AGE_MS:
            continue
        due.add(ulid)
        if now_ms - written_ms > PARTIAL_AGE_MS + OVERDUE_MS and sure_ms - written_ms <= PARTIAL_AGE_MS:
            doubtful.add(ulid)
    if settings.deletion_share >= 1 or not doubtful:
        return DeletionPlan(tuple(sorted(due)))
    refused = (
        f"partial uploads: {len(doubtful)} were last written more than a month ago by this machine's clock, and no "
        "newer sample confirms it: if the clock is right, pass --delete.max-share=1 for one pass"
    )
    return DeletionPlan(tuple(sorted(due - doubtful)), refused)


def _tell_needed(needed: Collection[str]) -> str:
    if not needed:
        return ""
    shown = ", ".join(sorted(needed)[:SHOWN_BLOCKS]) + (", …" if len(needed) > SHOWN_BLOCKS else "")
    return (
        f"deletion of marked blocks: {len(needed)} stay, as the block in their place is bad: {shown}: bucket unmark "
        "brings them back"
    )


def _held_sources(state: BucketState, settings: CompactionSettings) -> Sources:
    """Return, by resolution and stream, the sources that unmarked blocks hold which are not bad; or all parts do."""
    held: Sources = defaultdict(set)
    alive: list[BlockMeta] = []
    for ulid, meta in state.blocks.items():
        if ulid not in state.deletion_marks and not _is_bad(ulid, state):
            alive.append(meta)
            held[_key(meta, settings)].update(sources_of(meta))
    for key, parts in find_held_by_parts(alive, settings).items():
        held[key].update(parts.parts)
    return held


def _bad_sources(state: BucketState, settings: CompactionSettings) -> Sources:
    """Return, by resolution and stream, the sources of blocks that are bad, marked ones too."""
    held: Sources = defaultdict(set)
    for ulid, meta in state.blocks.items():
        if _is_bad(ulid, state):
            held[_key(meta, settings)].update(sources_of(meta))
            held[stream_key(meta, settings)].update(sources_of(meta))  # a bad part takes the place of the whole
    return held


def _is_bad(ulid: str, state: BucketState) -> bool:
    mark = state.no_compact_marks.get(ulid)
    return ulid in state.broken or (mark is not None and mark.reason in UNREADABLE)


def _is_needed(ulid: str, state: BucketState, settings: CompactionSettings, held: Sources, bad_held: Sources) -> bool:
    """Say whether a block holds what otherwise only a bad block does."""
    meta = state.blocks.get(ulid)
    if meta is None or _is_bad(ulid, state):
        return False
    key = _key(meta, settings)
    return any(source in bad_held[key] and source not in held[key] for source in sources_of(meta))


def _is_replaced(ulid: str, state: BucketState, settings: CompactionSettings, held: Sources) -> bool:
    """Say whether unmarked blocks hold what a block holds, or whether it is a block no more."""
    meta = state.blocks.get(ulid)
    return meta is None or held[_key(meta, settings)].issuperset(sources_of(meta))


def _key(meta: BlockMeta, settings: CompactionSettings) -> tuple[int, Labels]:
    return meta.resolution_ms, strip_replicas(meta.labels, settings.replica_labels)
