"""BucketState: what a plan is made from; and which of its blocks count.

Rule: a block that is marked for deletion is never what makes another superfluous, and a block that is known to be
broken neither hides another nor is planned. Thanos lets both do so, and then deletes the good copy
(docs/compaction.md, "What counts").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from promontory.block.markers import Mark
from promontory.block.meta import INDEX_FILE, BlockMeta
from promontory.catalog.filters import find_covers
from promontory.compaction.groups import group_blocks
from promontory.compaction.settings import CompactionSettings

# What an index has for a series and for a chunk, roughly; for blocks of which no size is known.
SERIES_INDEX_BYTES = 200
CHUNK_INDEX_BYTES = 8


@dataclass(frozen=True, slots=True)
class BucketState:
    """`blocks` are all that selection and consistency delay let through, with their labels as they are.

    Marks are by ULID. `partial_ms` has, for each block without a readable meta.json, when its newest object was
    written, or None where the bucket does not say. `verified` were read whole and found good; `broken` were read and
    found bad. `index_bytes` are sizes of indexes for the blocks whose meta.json does not say. `newest_sample_ms` is the
    latest end of the blocks that were not let through, None where there are none: it too speaks for the clock.
    """

    blocks: Mapping[str, BlockMeta] = field(default_factory=dict)
    deletion_marks: Mapping[str, Mark] = field(default_factory=dict)
    no_compact_marks: Mapping[str, Mark] = field(default_factory=dict)
    no_downsample_marks: Mapping[str, Mark] = field(default_factory=dict)
    partial_ms: Mapping[str, int | None] = field(default_factory=dict)
    verified: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    index_bytes: Mapping[str, int] = field(default_factory=dict)
    newest_sample_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A block that is to get a no-compact mark; `reason` is the word in the mark."""

    ulid: str
    reason: str
    details: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """A block that is to be marked for deletion; `reason` is a sentence; `covers` are the blocks it relies on."""

    ulid: str
    reason: str
    covers: tuple[str, ...] = ()


def count_blocks(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> dict[str, BlockMeta]:
    """Return the blocks that compaction and downsampling are planned over, by ULID.

    Left out are blocks whose deletion mark is older than half the delay, duplicates, broken blocks, and marked blocks
    of whose sources an unmarked block holds any.
    """
    counted: dict[str, BlockMeta] = {}
    for group in group_blocks(present_blocks(state, settings, now_ms=now_ms), settings.replica_labels):
        unmarked = [meta for meta in group.blocks if meta.ulid not in state.deletion_marks]
        held = {source for meta in unmarked for source in sources_of(meta)}
        going = [
            meta for meta in group.blocks if meta.ulid in state.deletion_marks and held.isdisjoint(sources_of(meta))
        ]
        for blocks in (unmarked, going):
            covers = find_covers(blocks)
            counted |= {meta.ulid: meta for meta in blocks if meta.ulid not in covers}
    return counted


def present_blocks(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> list[BlockMeta]:
    """Return the blocks that are not broken, nor marked for deletion longer ago than half the delay."""
    # Half, so that a block that goes without a replacement is seen, and no gap is compacted over it meanwhile.
    seen_s = (now_ms - settings.delete_delay_ms // 2) / 1000
    return [
        meta
        for ulid, meta in state.blocks.items()
        if ulid not in state.broken
        and not (ulid in state.deletion_marks and state.deletion_marks[ulid].time_s < seen_s)
    ]


def sources_of(meta: BlockMeta) -> Sequence[str]:
    """Return the level-1 blocks whose samples a block holds; itself, where it does not say."""
    return meta.compaction.sources or (meta.ulid,)


def find_index_bytes(meta: BlockMeta, known: Mapping[str, int]) -> int:
    """Return the size of a block's index: from its meta.json, else as known, else estimated from its counts."""
    files = meta.thanos.files if meta.thanos else ()
    written = next((file.size_bytes for file in files if file.path == INDEX_FILE), None)
    estimate = meta.stats.series_count * SERIES_INDEX_BYTES + meta.stats.chunk_count * CHUNK_INDEX_BYTES
    return written or known.get(meta.ulid) or estimate
