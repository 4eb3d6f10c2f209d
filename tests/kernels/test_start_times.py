"""Windows of samples with start times: equal to their plain-Python twins; what a start says of the sample before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import start_times as kernels

points = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3).map(float), st.integers(0, 60)), max_size=12)
grids = st.tuples(st.integers(-20, 200), st.sampled_from([0, 1, 7, 30]), st.integers(1, 60), st.integers(1, 6))


@settings(max_examples=60, deadline=None)
@given(st.lists(points, min_size=1, max_size=3), grids, st.sampled_from([0, 1, 2]))
def test_windows_equal_their_plain_twins(
    drawn: list[list[tuple[int, float, int]]], grid: tuple[int, int, int, int], function: int
) -> None:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in drawn])]).astype(np.int64)
    times = np.concatenate([np.cumsum([gap for gap, _, _ in row]) for row in drawn]).astype(np.int64)
    flat = [point for row in drawn for point in row]
    values = np.array([value for _, value, _ in flat], np.float64)
    begun = np.array([max(int(time) - back, 0) for time, (_, _, back) in zip(times, flat, strict=True)], np.int64)
    first_ms, step, window, count = grid
    found = []
    for mark, walk in (
        (kernels.mark_starts, kernels.started_windows),
        (kernels.mark_starts.py_func, kernels.started_windows.py_func),
    ):
        restarted, overlapped = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_)
        mark(starts, times, begun, restarted, overlapped)
        out, present = np.zeros((len(drawn), count)), np.zeros((len(drawn), count), np.bool_)
        done = walk(
            function, 2.0, starts, times, values, begun, restarted, first_ms, step, window,
            np.zeros(1, np.uint8), np.zeros(2 * count, np.int64), np.zeros(len(values), np.int64), out, present,
        )  # fmt: skip
        assert done == len(drawn)
        found.append((restarted, overlapped, out, present))
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize(
    ("before", "begun", "restarted", "overlapped"),
    [
        (0, 0, False, False),  # nothing is known
        (0, 120, True, False),  # after the sample before
        (0, 100, False, False),  # at the sample before, whose own start is unknown: so is this one
        (50, 100, True, False),  # at the sample before, which began itself: deltas
        (150, 100, False, False),  # the sample before claims to begin after itself, which is no start
        (50, 50, False, False),  # the same counter
        (50, 60, False, True),  # another counter that overlaps the first
        (50, 200, False, False),  # at the sample itself: unknown
        (50, 250, False, False),
    ],
)
def test_a_start_tells_of_the_sample_before(before: int, begun: int, restarted: bool, overlapped: bool) -> None:
    found = np.zeros(2, np.bool_), np.zeros(2, np.bool_)
    kernels.mark_starts(np.array([0, 2]), np.array([100, 200]), np.array([before, begun]), *found)
    assert (bool(found[0][1]), bool(found[1][1])) == (restarted, overlapped)
    assert not found[0][0]
    assert not found[1][0]
