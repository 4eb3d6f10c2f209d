"""Filters: which of the complete blocks count for one reader. Each sees what the ones before it left.

    time partition -> consistency delay -> deletion marks -> duplicates          Thanos' order

The order matters: a marked block must be gone before duplicates are judged, or it would hide the blocks it covers.
Source: thanos pkg/block/fetcher.go, cmd/thanos/store.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from promontory.block.markers import Mark
from promontory.block.meta import BlockMeta
from promontory.block.ulid import ulid_time_ms
from promontory.model.durations import format_duration
from promontory.model.labels import Labels
from promontory.model.time_range import TimeRange

# Beyond Thanos, a rewritten block too: its input is marked already, and must not be taken for unreplaced.
TOO_FRESH = "younger than"
"""How the reason of the consistency delay begins."""

UNDELAYED_SOURCES = ("bucket.repair", "bucket.rewrite", "compactor", "compactor.repair")

Blocks = Mapping[str, BlockMeta]


@dataclass(frozen=True, slots=True)
class FilterFacts:
    """What filters know beside the metas: the time, the deletion marks, and when each meta.json was written."""

    now_ms: int
    marks: Mapping[str, Mark]
    modified_ms: Mapping[str, int]


class BlockFilter(Protocol):
    """Names the blocks that do not count."""

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Return the reason by ULID for each block to leave out."""


@dataclass(frozen=True, slots=True)
class TimePartitionFilter:
    """Leaves out blocks that do not touch a range of time; `range_at` gives the range at a time, as it may move."""

    range_at: Callable[[int], TimeRange]

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Compare both ends inclusively, as Thanos does."""
        wanted = self.range_at(facts.now_ms)
        return {
            ulid: "outside of the time partition"
            for ulid, meta in blocks.items()
            if meta.max_time_ms < wanted.min_time_ms or meta.min_time_ms > wanted.max_time_ms
        }


@dataclass(frozen=True, slots=True)
class ConsistencyDelayFilter:
    """Leaves out fresh blocks, for buckets whose listings come true late; blocks of a compactor are never delayed."""

    delay_ms: int

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Measure age from the upload time, else from the ULID."""
        return {
            ulid: f"{TOO_FRESH} {format_duration(self.delay_ms)}"
            for ulid, meta in blocks.items()
            if self.delay_ms and facts.now_ms - _born_ms(meta, facts) < self.delay_ms and not _is_undelayed(meta)
        }


@dataclass(frozen=True, slots=True)
class DeletionMarkFilter:
    """Leaves out blocks that were marked for deletion longer ago than a delay."""

    delay_ms: int

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Measure from the time inside the mark."""
        return {
            ulid: f"marked for deletion more than {self.delay_ms} ms ago"
            for ulid, mark in facts.marks.items()
            if ulid in blocks and facts.now_ms - mark.time_s * 1000 > self.delay_ms
        }


@dataclass(frozen=True, slots=True)
class DuplicateFilter:
    """Leaves out blocks whose sources another block of the same labels and resolution covers."""

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Keep the block with most sources, of equal ones the older."""
        groups: dict[tuple[int, Labels], list[BlockMeta]] = defaultdict(list)
        for meta in blocks.values():
            groups[meta.resolution_ms, meta.labels].append(meta)
        return {ulid: f"covered by {cover}" for group in groups.values() for ulid, cover in find_covers(group).items()}


def find_covers(group: Iterable[BlockMeta]) -> dict[str, str]:
    """Return, for each block of one group whose sources another holds, the block that covers it; it is itself kept.

    Each block is compared only with the kept ones that hold its first source: groups have thousands of blocks.
    """
    covers: dict[str, str] = {}
    kept: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    sources_of = {meta.ulid: frozenset(meta.compaction.sources) or frozenset((meta.ulid,)) for meta in group}
    if sum(map(len, sources_of.values())) == len(frozenset().union(*sources_of.values())):
        return {}  # no source is held twice: by far the most groups, and told much faster
    for ulid, sources in sorted(sources_of.items(), key=lambda item: (-len(item[1]), item[0])):
        cover = next((other for other, held in kept[min(sources)] if sources <= held), None)
        if cover is not None:
            covers[ulid] = cover
            continue
        for source in sources:
            kept[source].append((ulid, sources))
    return covers


def store_filters(
    *, range_at: Callable[[int], TimeRange], consistency_delay_ms: int, ignore_deletion_marks_delay_ms: int
) -> tuple[BlockFilter, ...]:
    """Return the filters of a store gateway, in Thanos' order."""
    return (
        TimePartitionFilter(range_at),
        ConsistencyDelayFilter(consistency_delay_ms),
        DeletionMarkFilter(ignore_deletion_marks_delay_ms),
        DuplicateFilter(),
    )


def _born_ms(meta: BlockMeta, facts: FilterFacts) -> int:
    uploaded_ms = meta.thanos.upload_time_ms if meta.thanos else None
    born_ms = ulid_time_ms(meta.ulid) if uploaded_ms is None else uploaded_ms
    # A writer's clock may run ahead; then the bucket's clock says when the block arrived.
    return born_ms if born_ms <= facts.now_ms else min(born_ms, facts.modified_ms.get(meta.ulid, born_ms))


def _is_undelayed(meta: BlockMeta) -> bool:
    return meta.thanos is not None and meta.thanos.source in UNDELAYED_SOURCES
