"""Each kernel of the chunk windows equals its plain-Python definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import chunk_windows as kernels

BLOCK_ROWS = st.lists(st.lists(st.integers(0, 6), max_size=8).map(sorted), min_size=1, max_size=4)


@given(BLOCK_ROWS, st.integers(0, 4), st.integers(0, 4), st.data())
@settings(max_examples=60, deadline=None)
def test_the_chunks_of_a_window_are_those_of_its_rows_in_blocks_that_are_alive(
    rows: list[list[int]], low: int, size: int, data: st.DataObject
) -> None:
    alive = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows))), np.uint8)
    row = np.array([one for block in rows for one in block], np.int32)
    start = np.cumsum([0, *map(len, rows)])
    block = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    wanted = [n for n in range(len(row)) if alive[block[n]] and low <= row[n] < low + size]
    for choose in (kernels.choose_chunks, kernels.choose_chunks.py_func):
        chosen = np.empty(len(row), np.int64)
        assert chosen[: choose(start, row, alive, low, low + size, chosen)].tolist() == wanted


SPAN = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 60), st.integers(0, 20))


@given(st.lists(SPAN, max_size=10), st.integers(0, 10), st.booleans())
@settings(max_examples=80, deadline=None)
def test_ranges_cover_each_record_and_nothing_wider_than_the_gap(
    spans: list[tuple[int, int, int, int]], gap_bytes: int, in_order: bool
) -> None:
    spans = sorted(spans) if in_order else spans
    block = np.array([span[0] for span in spans], np.int32)
    ref = np.array([(span[1] << 32) + span[2] for span in spans], np.int64)
    size = np.array([span[3] for span in spans], np.int64)
    outcomes = []
    for join in (kernels.join_spans, kernels.join_spans.py_func):
        part, ranges = np.zeros(len(spans), np.int64), np.zeros((len(spans), 4), np.int64)
        count = join(block, ref, size, gap_bytes, part, ranges)
        outcomes.append((count, part.tolist() if count >= 0 else [], ranges[: max(count, 0)].tolist()))
    assert outcomes[0] == outcomes[1]
    count, parts, found = outcomes[0]
    assert (count == -1) == any(left[0] == right[0] and left[:3] > right[:3] for left, right in pairwise(spans))
    for (number, segment, start, length), place in zip(spans, parts, strict=count >= 0):
        assert found[place][:2] == [number, segment]
        assert found[place][2] <= start
        assert start + length <= found[place][3]
    for number, segment, start, end in found:
        read = {place for one in spans if one[:2] == (number, segment) for place in range(one[2], one[2] + one[3])}
        unread = sorted(set(range(start, end)) - read)
        assert all(unread[place + gap_bytes] > unread[place] + gap_bytes for place in range(len(unread) - gap_bytes))


@given(st.lists(st.integers(3, 8), max_size=20), st.data())
def test_chunks_are_put_in_the_order_of_rows_and_stay_in_that_of_blocks(rows: list[int], data: st.DataObject) -> None:
    row = np.array(rows, np.int32)
    chosen = np.array(sorted(data.draw(st.sets(st.sampled_from(range(len(rows)))) if rows else st.just(set()))), int)
    for order_by_row in (kernels.order_by_row, kernels.order_by_row.py_func):
        place, order = np.zeros(7, np.int64), np.empty(len(chosen), np.int64)
        order_by_row(row, chosen, 3, place, order)
        assert order.tolist() == np.argsort(row[chosen], kind="stable").tolist()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=12), st.booleans())
def test_a_chunk_is_described_by_its_series_and_bounded_by_the_next(
    chunks: list[tuple[int, int]], in_order: bool
) -> None:
    chunks = sorted(chunks)
    refs = [ref for _, ref in chunks]
    ref = np.array(sorted(refs) if in_order else refs, np.int64)
    rows, source = np.array([5, 5, 7, 9], np.int32), np.array([1, 2, 3, 4], np.int32)
    series_ref = np.array([10, 11, 12, 2**32 - 1], np.uint32)
    for describe in (kernels.describe_chunks, kernels.describe_chunks.py_func):
        row, block, sources = np.array([series for series, _ in chunks], np.int32), *np.empty((2, len(ref)), np.int32)
        series, size = np.empty((2, len(ref)), np.int64)
        rising = describe(6, 5, 20, rows, source, series_ref, ref, row, block, sources, series, size)
        assert bool(rising) == bool(np.all(np.diff(ref) >= 0))
        found = list(zip(row.tolist(), block.tolist(), sources.tolist(), series.tolist(), strict=True))
        assert found == [(rows[one] - 5, 6, source[one], series_ref[one]) for one, _ in chunks]
        if rising:
            bounds = [step if 0 < step < 20 else 20 for step in np.diff(ref).tolist()] + [20]
            assert size.tolist() == bounds[: len(ref)]
