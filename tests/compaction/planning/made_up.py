"""Metas, marks and states for plans: blocks are named by numbers, times are as small as a test likes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockFile, BlockMeta, BlockStats, Compaction, ThanosMeta
from promontory.block.ulid import make_ulid, ulid_time_ms
from promontory.compaction.groups import Group, group_blocks
from promontory.compaction.job import Job
from promontory.compaction.planning.merges import MergePlan, plan_merges
from promontory.compaction.planning.state import BucketState
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 20_000 * DAY_MS
LABELS = Labels.from_mapping({"cluster": "a", "replica": "0"})


def ulid_of(number: int) -> str:
    return make_ulid(number, bytes(10))


def number_of(ulid: str) -> int:
    return ulid_time_ms(ulid)


def block(
    number: int,
    start_ms: int,
    end_ms: int,
    *,
    sources: Iterable[int] = (),
    labels: Labels = LABELS,
    resolution_ms: int = 0,
    failed: bool = False,
    tombstones: int = 0,
    series: int = 10,
    index_bytes: int | None = None,
) -> BlockMeta:
    files = () if index_bytes is None else (BlockFile("index", index_bytes),)
    return BlockMeta(
        ulid=ulid_of(number),
        min_time_ms=start_ms,
        max_time_ms=end_ms,
        stats=BlockStats(sample_count=10 * series, series_count=series, chunk_count=series, tombstone_count=tombstones),
        compaction=Compaction(sources=tuple(ulid_of(one) for one in sources) or (ulid_of(number),), failed=failed),
        thanos=ThanosMeta(labels=labels, resolution_ms=resolution_ms, files=files),
    )


def row(*ranges: tuple[int, int], **fields: int) -> list[BlockMeta]:
    """Return blocks 1, 2, … of these ranges."""
    return [block(number, *times, **fields) for number, times in enumerate(ranges, 1)]  # type: ignore[arg-type]


class Arrival(NamedTuple):
    """A raw block that arrives `gap` hours after the end of the one before; short, so that a failure can be read."""

    hours: int = 2
    gap: int = 0
    index_bytes: int = 100
    tombstones: int = 0


def arrived(start_ms: int, arrivals: Iterable[Arrival], *, first: int = 0, labels: Labels = LABELS) -> list[BlockMeta]:
    """Return the blocks `first`, `first` + 1, … of a stream that begins then."""
    blocks: list[BlockMeta] = []
    at_ms = start_ms
    for number, one in enumerate(arrivals, first):
        at_ms += one.gap * HOUR_MS
        end_ms = at_ms + one.hours * HOUR_MS
        blocks.append(
            block(number, at_ms, end_ms, labels=labels, tombstones=one.tombstones, index_bytes=one.index_bytes)
        )
        at_ms = end_ms
    return blocks


def mark(number: int, kind: MarkKind, *, time_ms: int = NOW_MS, reason: str = "manual") -> Mark:
    return Mark(kind, ulid_of(number), time_ms // 1000, reason="" if kind is MarkKind.DELETION else reason)


def marks(kind: MarkKind, *numbers: int, **fields: int) -> dict[str, Mark]:
    return {ulid_of(number): mark(number, kind, **fields) for number in numbers}  # type: ignore[arg-type]


def state_of(blocks: Iterable[BlockMeta], **fields: object) -> BucketState:
    return replace(BucketState({meta.ulid: meta for meta in blocks}), **fields)  # type: ignore[arg-type]


def merge_plan(
    blocks: Iterable[BlockMeta], settings: CompactionSettings, *, no_compact: Mapping[str, Mark] | None = None
) -> MergePlan:
    """Return the plan of the one group that the blocks are."""
    listed = list(blocks)
    (group,) = group_blocks(listed, settings.replica_labels)
    assert isinstance(group, Group)
    return plan_merges(group, state_of(listed, no_compact_marks=no_compact or {}), settings, now_ms=NOW_MS)


def inputs_of(jobs: Iterable[Job]) -> list[list[int]]:
    return [[number_of(ulid) for ulid in job.inputs] for job in jobs]
