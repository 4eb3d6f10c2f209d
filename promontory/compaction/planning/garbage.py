"""Blocks that others make superfluous: of one group, those whose sources a block with more of them holds.

The block with most sources stays, of equal ones the older, as in Thanos. Unlike in Thanos nothing is deleted for a
block that was not read whole, nor for one that is itself marked for deletion; and a block that is known to be broken
goes, once verified blocks of the same stream, as fine or finer, hold all its sources: it would hide them from readers.
And a whole block goes in whose place the parts of its stream have come (parts.py).
Source: thanos pkg/block/fetcher.go (DefaultDeduplicateFilter), pkg/compact/compact.go (GarbageCollect).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.catalog.filters import find_covers
from promontory.compaction.groups import group_blocks, strip_replicas
from promontory.compaction.planning.parts import find_held_by_parts, stream_key
from promontory.compaction.planning.state import BucketState, Deletion, sources_of
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels

OUTDATED = "outdated block"
BROKEN = "broken block, whose sources other blocks hold"


@dataclass(frozen=True, slots=True)
class GarbagePlan:
    """`unverified` are blocks to read whole: what they cover can go once they are found good."""

    deletions: tuple[Deletion, ...] = ()
    unverified: tuple[str, ...] = ()


def plan_garbage(state: BucketState, settings: CompactionSettings) -> GarbagePlan:
    """Return which blocks to mark for deletion because others hold what they hold."""
    deletions: list[Deletion] = []
    unverified: set[str] = set()
    unmarked = [meta for ulid, meta in state.blocks.items() if ulid not in state.deletion_marks]
    sound = [meta for meta in unmarked if meta.ulid not in state.broken]
    for group in group_blocks(sound, settings.replica_labels):
        for ulid, cover in sorted(find_covers(group.blocks).items()):
            if cover in state.verified:
                deletions.append(Deletion(ulid, OUTDATED, (cover,)))
            else:
                unverified.add(cover)
    by_parts = find_held_by_parts(sound, settings)
    covered = {deletion.ulid for deletion in deletions} if by_parts else ()
    for meta in sound if by_parts else ():
        if meta.ulid in covered:
            continue
        held = by_parts.get(stream_key(meta, settings))
        parts = held.find_cover(meta) if held and not meta.labels.get(PART_LABEL) else None
        if parts is not None and parts <= state.verified:
            deletions.append(Deletion(meta.ulid, OUTDATED, tuple(sorted(parts))))
        elif parts is not None:
            unverified |= parts - state.verified
    broken = [meta for meta in unmarked if meta.ulid in state.broken]
    holders = _holders(sound, settings) if broken else {}
    for meta in broken:
        found = _hold_all(meta, holders.get(strip_replicas(meta.labels, settings.replica_labels), {}))
        if found is not None and found <= state.verified:
            deletions.append(Deletion(meta.ulid, BROKEN, tuple(sorted(found))))
        elif found is not None:
            unverified |= found - state.verified
    return GarbagePlan(tuple(deletions), tuple(sorted(unverified)))


def _holders(blocks: Iterable[BlockMeta], settings: CompactionSettings) -> dict[Labels, dict[str, list[BlockMeta]]]:
    """Return, by stream and source, the blocks that hold it."""
    holders: dict[Labels, dict[str, list[BlockMeta]]] = defaultdict(lambda: defaultdict(list))
    for meta in blocks:
        stream = holders[strip_replicas(meta.labels, settings.replica_labels)]
        for source in sources_of(meta):
            stream[source].append(meta)
    return holders


def _hold_all(meta: BlockMeta, holders: dict[str, list[BlockMeta]]) -> frozenset[str] | None:
    """Return blocks, no coarser, that hold all sources of a block; None where there are none."""
    found: set[str] = set()
    for source in sources_of(meta):
        fine = [other for other in holders.get(source, ()) if other.resolution_ms <= meta.resolution_ms]
        if not fine:
            return None
        found.add(max(fine, key=lambda other: (other.resolution_ms, len(sources_of(other)))).ulid)
    return frozenset(found)
