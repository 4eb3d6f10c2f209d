"""Windows of extended selectors: equal to their plain-Python twins, and to edges worked out one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from promontory.kernels import extended_windows as kernels

STOP = np.zeros(1, np.uint8)
rows = st.lists(
    st.lists(st.tuples(st.integers(1, 40), st.integers(-3, 3).map(float)), max_size=12), min_size=1, max_size=3
)
grids = st.tuples(st.integers(-20, 200), st.sampled_from([0, 1, 7, 30]), st.integers(1, 60), st.integers(1, 6))
reaches = st.integers(1, 60)


def columns(
    drawn: list[list[tuple[int, float]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in drawn])]).astype(np.int64)
    times = np.concatenate([np.cumsum([gap for gap, _ in row]) for row in drawn]).astype(np.int64)
    return starts, times, np.array([value for row in drawn for _, value in row], np.float64)


@settings(max_examples=100, deadline=None)
@given(rows, grids, reaches, st.booleans(), st.booleans())
def test_rates_equal_their_plain_twins_and_a_walk_over_each_window(
    drawn: list[list[tuple[int, float]]], grid: tuple[int, int, int, int], reach: int, smoothed: bool, counter: bool
) -> None:
    if counter:  # the walk below is right for counters as they are: never below 0
        drawn = [[(gap, abs(value)) for gap, value in row] for row in drawn]
    starts, times, values = columns(drawn)
    first_ms, step, window, count = grid
    shape = (len(drawn), count)
    found = []
    for find, rate in (
        (kernels.find_extended, kernels.extended_rates),
        (kernels.find_extended.py_func, kernels.extended_rates.py_func),
    ):
        first, last = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        out, present = np.zeros(shape), np.zeros(shape, np.bool_)
        after = reach if smoothed else 0
        ends = np.zeros(2 * count, np.int64)
        find(starts, times, first_ms, step, window, reach, after, int(smoothed), STOP, ends, first, last)
        rate(times, values, first, last, first_ms, step, window, int(smoothed), int(counter), 1.0, STOP, out, present)
        found.append((out, present))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    for row, points in enumerate(drawn):
        seen = list(zip(np.cumsum([gap for gap, _ in points]), (value for _, value in points), strict=True))
        for j in range(count):
            end = first_ms + j * step
            expected = walk(seen, end - window, end, reach, smoothed=smoothed, counter=counter)
            assert present_value(found[0], row, j) == expected


def present_value(found: tuple[NDArray[np.float64], NDArray[np.bool_]], row: int, j: int) -> float | None:
    return round(float(found[0][row, j]), 9) + 0.0 if found[1][row, j] else None


def walk(
    points: list[tuple[int, float]], start: int, end: int, reach: int, *, smoothed: bool, counter: bool
) -> float | None:  # fmt: skip
    """Work out one window: a value at each edge, those inside, and the rise from each to the next."""
    inside = [point for point in points if start < point[0] <= end]
    before = [point for point in points if start - reach < point[0] <= start][-1:]
    after = [point for point in points if end < point[0] <= end + reach][:1] if smoothed else []
    if not inside and not (before and after):
        return None
    line = before + inside + after
    if counter:  # lifted by what each fall lost, a counter never falls
        lifted, lost = [], 0.0
        for place, (time, value) in enumerate(line):
            if place and value < line[place - 1][1]:
                lost += line[place - 1][1]
            lifted.append((time, value + lost, lost))
    else:
        lifted = [(time, value, 0.0) for time, value in line]
    left = at(lifted, line, start) if smoothed and before else lifted[0][1]
    right = at(lifted, line, end) if smoothed and after else lifted[-1][1]
    return round(float(right - left), 9) + 0.0


def at(lifted: list[tuple[int, float, float]], line: list[tuple[int, float]], time: int) -> float:
    """Return the value on the line at a time; a counter that fell began at 0 right after the sample before."""
    for place in range(len(line) - 1):
        if line[place][0] <= time <= line[place + 1][0]:
            if time == line[place + 1][0]:
                return lifted[place + 1][1]
            fell = lifted[place + 1][2] > lifted[place][2] or lifted[place + 1][2] != lifted[place][2]
            base = lifted[place + 1][2] if fell else lifted[place][1]
            share = (time - line[place][0]) / (line[place + 1][0] - line[place][0])
            return base + (lifted[place + 1][1] - base) * share
    return lifted[-1][1]


@settings(max_examples=40, deadline=None)
@given(rows, grids, reaches)
def test_smoothed_values_equal_their_plain_twins(
    drawn: list[list[tuple[int, float]]], grid: tuple[int, int, int, int], reach: int
) -> None:
    starts, times, values = columns(drawn)
    first_ms, step, _, count = grid
    shape = (len(drawn), count)
    found = []
    for find, smooth in (
        (kernels.find_around, kernels.smooth_values),
        (kernels.find_around.py_func, kernels.smooth_values.py_func),
    ):
        left, right = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        out, present = np.zeros(shape), np.zeros(shape, np.bool_)
        find(starts, times, first_ms, step, reach, reach, STOP, np.zeros(count, np.int64), left, right)
        smooth(times, values, left, right, first_ms, step, STOP, out, present)
        found.append((left, right, out, present))
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(-20, 200), st.integers(1, 60), st.booleans())
def test_ranges_with_edges_equal_their_plain_twins(
    drawn: list[list[tuple[int, float]]], end: int, window: int, smoothed: bool
) -> None:
    starts, times, values = columns(drawn)
    room = len(values) + 2 * len(drawn)
    found = []
    for extend in (kernels.extend_rows, kernels.extend_rows.py_func):
        row_start, out_ms, out = np.zeros(len(starts), np.int64), np.zeros(room, np.int64), np.zeros(room)
        used = extend(starts, times, values, end - window, end, int(smoothed), row_start, out_ms, out)
        assert used == row_start[-1]
        found.append((row_start, out_ms, out))
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)


def test_a_set_stop_ends_the_walk_at_once() -> None:
    starts, times, _ = columns([[(10, 1.0), (10, 2.0)]])
    first, last = np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64)
    stop, ends = np.ones(1, np.uint8), np.zeros(2, np.int64)
    assert kernels.find_extended(starts, times, 20, 0, 10, 5, 0, 0, stop, ends, first, last) == 0
