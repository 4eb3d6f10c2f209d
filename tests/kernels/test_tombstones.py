"""Deleted intervals against chunks and samples, by brute force."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import tombstones

interval = st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 9)).map(lambda i: (i[0], i[1], i[1] + i[2]))


@given(st.lists(interval, max_size=8).map(sorted), st.lists(interval, max_size=8))
@settings(max_examples=100, deadline=None)
def test_cover_and_kept_samples_are_those_of_brute_force(
    deleted: list[tuple[int, int, int]], chunks: list[tuple[int, int, int]]
) -> None:
    table = np.array(deleted, np.int64).reshape(-1, 3).T.copy()
    plain = table.copy()
    left = tombstones.unite_intervals(table)
    assert left == tombstones.unite_intervals.py_func(plain)
    table = np.ascontiguousarray(table[:, :left])
    assert np.array_equal(table, plain[:, :left])
    ref, low, high = np.array(chunks, np.int64).reshape(-1, 3).T.copy()
    times = [list(range(a, b + 1)) for _, a, b in chunks]
    starts = np.cumsum([0, *map(len, times)])
    flat = np.array([time for one in times for time in one], np.int64)
    expected_keep = [
        int(not any(d[0] == chunk[0] and d[1] <= time <= d[2] for d in deleted))
        for chunk, one in zip(chunks, times, strict=True)
        for time in one
    ]
    kept = [expected_keep[first:last] for first, last in itertools.pairwise(starts)]
    expected_cover = [2 if not any(one) else 0 if all(one) else 1 for one in kept]
    for cover_chunks, keep_samples in (
        (tombstones.cover_chunks, tombstones.keep_samples),
        (tombstones.cover_chunks.py_func, tombstones.keep_samples.py_func),
    ):
        cover, keep = np.empty(len(chunks), np.uint8), np.empty(len(flat), np.uint8)
        cover_chunks(ref, low, high, table, cover)
        keep_samples(ref, starts, flat, table, keep)
        assert cover.tolist() == expected_cover
        assert keep.tolist() == expected_keep
