"""Merging the series of blocks, against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.block.meta import BlockMeta
from promontory.block.series import SeriesRows
from promontory.block.tombstones import NO_TOMBSTONES
from promontory.bucket.memory import MemoryBucket
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.block_index import BlockIndex
from promontory.store.block_series import BlockParts, BlockSeries
from promontory.store.header_files import HeaderFile
from promontory.store.merged_series import SeriesMerger
from promontory.testing.still_clock import StillClock

LABELS = [Labels.from_mapping({"a": a, "b": b}) for a in ("", "x", "y") for b in ("", "long value of b", "w")]
MEMBER = st.lists(st.tuples(st.sampled_from(LABELS), st.integers(1, 3)), max_size=6).map(sorted)


def make_member(rows: list[tuple[Labels, int]], symbols: SymbolTable) -> BlockSeries:
    index = BlockIndex("x", HeaderFile(MemoryBucket(StillClock()), "x", b""), gap_bytes=0)
    parts = BlockParts(BlockMeta("x", 0, 1), index, {}, NO_TOMBSTONES, record_bytes=0)
    labels = LabelRows.from_labels([row for row, _ in rows], symbols)
    chunks = np.array([count for _, count in rows], np.int64)
    position, refs = np.arange(len(rows)), np.arange(len(rows), dtype=np.uint32)
    series = SeriesRows(labels, np.empty(0, np.uint8), position, refs, chunks, ALL_TIME)
    return BlockSeries(parts, series, np.zeros(len(rows), np.int32))


@given(st.lists(MEMBER, max_size=4), st.sampled_from([0, 0, 2]))
@settings(max_examples=80, deadline=None)
def test_each_label_set_stands_once_and_each_series_finds_it(
    members: list[list[tuple[Labels, int]]], limit: int
) -> None:
    symbols = SymbolTable()
    merger = SeriesMerger(symbols)
    merged = merger.merge([merger.add(make_member(rows, symbols)) for rows in members], limit=limit)
    counts: dict[Labels, int] = {}
    for labels, count in sorted(row for rows in members for row in rows):
        counts[labels] = counts.get(labels, 0) + count
    kept = list(counts)[: limit or None]
    assert [merged.labels.labels(row) for row in range(len(merged))] == kept
    assert np.diff(merged.chunks_before).tolist() == [counts[labels] for labels in kept]
    for member, rows in zip(merged.members, filter(None, members), strict=True):
        assert [row for row in rows if row[0] in kept] == [
            rows[place] for row in range(len(kept)) for place in range(*member.find(row, row + 1))
            if rows[place][0] == kept[row]
        ]  # fmt: skip


def test_equal_lists_are_kept_once_and_need_no_rows() -> None:
    symbols = SymbolTable()
    merger = SeriesMerger(symbols)
    rows = [(labels, 1) for labels in sorted(LABELS)]
    merged = merger.merge([merger.add(make_member(rows, symbols)) for _ in range(3)])
    assert [member.row for member in merged.members] == [None] * 3
    assert merged.held_bytes < 3 * merged.labels.resident_bytes + 1000
