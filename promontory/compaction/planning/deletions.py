"""Which blocks to delete for good: those marked for longer than the delay, and uploads that were given up.

As in Thanos: 48 hours after the time in the mark; and 48 hours after the newest object of a block without a readable
meta.json, unless it is marked. Beyond Thanos, the clock is not believed alone (guard.py):

    marked    its sources stand in unmarked blocks, and it is not a month overdue   goes: nothing is lost with it
              else, and the newest sample does not confirm that it is due           goes while these are few
    partial   a month overdue, and the newest sample does not confirm it            stays: it may be arriving

Source: thanos pkg/compact/blocks_cleaner.go, clean.go.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from promontory.block.ulid import ulid_time_ms
from promontory.compaction.groups import strip_replicas
from promontory.compaction.planning.guard import confirmed_ms, refuse_many
from promontory.compaction.planning.state import BucketState, sources_of
from promontory.compaction.settings import DAY_MS, CompactionSettings
from promontory.model.labels import Labels

PARTIAL_AGE_MS = 2 * DAY_MS
OVERDUE_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """ULIDs of blocks to delete; `refused` says why others that are due stay, empty where none do."""

    ulids: tuple[str, ...] = ()
    refused: str = ""


def plan_deletions(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> DeletionPlan:
    """Return the blocks that were marked for deletion longer ago than the delay; blocks without meta.json too."""
    sure_ms = confirmed_ms(state, now_ms=now_ms)
    held = _held_sources(state, settings)
    due, doubtful = set(), set()
    for ulid, mark in state.deletion_marks.items():
        age_ms = now_ms - mark.time_s * 1000
        if age_ms <= settings.delete_delay_ms:
            continue
        due.add(ulid)
        is_confirmed = sure_ms - mark.time_s * 1000 > settings.delete_delay_ms
        is_replaced = _is_replaced(ulid, state, settings, held)
        if not is_confirmed and (not is_replaced or age_ms > settings.delete_delay_ms + OVERDUE_MS):
            doubtful.add(ulid)
    refused = refuse_many(doubtful, state, settings, what="deletion of marked blocks", now_ms=now_ms)
    return DeletionPlan(tuple(sorted(due - doubtful if refused else due)), refused)


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


def _held_sources(state: BucketState, settings: CompactionSettings) -> dict[tuple[int, Labels], set[str]]:
    """Return, by resolution and stream, the sources that unmarked blocks hold."""
    held: dict[tuple[int, Labels], set[str]] = defaultdict(set)
    for ulid, meta in state.blocks.items():
        if ulid not in state.deletion_marks and ulid not in state.broken:
            held[meta.resolution_ms, strip_replicas(meta.labels, settings.replica_labels)].update(sources_of(meta))
    return held


def _is_replaced(
    ulid: str, state: BucketState, settings: CompactionSettings, held: dict[tuple[int, Labels], set[str]]
) -> bool:
    """Say whether unmarked blocks hold what a block holds, or whether it is a block no more."""
    meta = state.blocks.get(ulid)
    if meta is None:
        return True
    key = meta.resolution_ms, strip_replicas(meta.labels, settings.replica_labels)
    return held[key].issuperset(sources_of(meta))
