"""Window kernels: equal to their plain-Python twins, and to windows picked one by one."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from promontory.kernels import absolute_deviation, over_time, rates, sample_times, smoothing, trends
from promontory.kernels.counter_resets import find_resets
from promontory.kernels.lookup import lookup_samples
from promontory.kernels.windows import BLOCK_VISITS, ROOM, WindowKernel, block_width, count_stale, find_after, find_ends

KERNELS: dict[str, WindowKernel] = {
    name: kernel
    for module in (rates, over_time, trends, sample_times, absolute_deviation, smoothing)
    for name, kernel in vars(module).items()
    if name.endswith("_windows")
}
STALE_BITS = 0x7FF0000000000002
Floats = NDArray[np.float64]

values = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 0.5, -0.0]))
rows = st.lists(st.lists(st.tuples(st.integers(1, 40), values), max_size=25), max_size=3)
grids = st.tuples(
    st.integers(-20, 200), st.sampled_from([0, 1, 7, 10, 30]), st.integers(1, 60), st.integers(1, 12), st.booleans()
)


def columns(drawn: list[list[tuple[int, float]]]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in drawn])]).astype(np.int64)
    times = [np.cumsum([gap for gap, _ in row]) for row in drawn]
    flat = [value for row in drawn for _, value in row]
    stamps = np.concatenate(times) if times else np.empty(0)
    return starts, stamps.astype(np.int64), np.array(flat, np.float64)


def evaluate(
    walk: WindowKernel, drawn: list[list[tuple[int, float]]], grid: tuple[int, int, int, int, bool], parameter: float
) -> tuple[Floats, NDArray[np.bool_]]:
    first, step, window, count, aligned = grid
    if aligned and step:
        window = max(window // step, 1) * step
    starts, times, flat = columns(drawn)
    shift = window // step if step and window % step == 0 else -1
    out = np.zeros((len(starts) - 1, count))
    present = np.zeros(out.shape, np.bool_)
    at_ms = first + 5 + np.arange(count) * step
    ends = np.zeros(count + shift if shift >= 0 else 2 * count, np.int64)
    done = walk(
        starts, times, flat, first, step, window, shift, at_ms, np.full(2 * count, parameter), np.zeros(1, np.uint8),
        ends, np.zeros(len(flat) + ROOM, np.int64), np.zeros(len(flat) + ROOM), out, present,
    )  # fmt: skip
    assert done == len(starts) - 1
    return out, present


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=25, deadline=None)
@given(drawn=rows, grid=grids, parameter=st.sampled_from([0.0, 0.3, 1.0, 2.0, math.nan]))
def test_machine_code_and_python_agree(
    name: str, drawn: list[list[tuple[int, float]]], grid: tuple[int, int, int, int, bool], parameter: float
) -> None:
    walk = KERNELS[name]
    with np.errstate(all="ignore"):
        compiled, plain = (evaluate(one, drawn, grid, parameter) for one in (walk, walk.py_func))
    assert compiled[1].tolist() == plain[1].tolist()
    np.testing.assert_array_equal(compiled[0], plain[0])


def window_of(row: list[tuple[int, float]], end: int, window: int) -> list[float]:
    times = np.cumsum([gap for gap, _ in row]).tolist()
    return [value for time, (_, value) in zip(times, row, strict=True) if end - window < time <= end]


def greatest(chosen: list[float]) -> float:
    numbers = [value for value in chosen if not math.isnan(value)]
    return max(numbers) if numbers else math.nan


BY_HAND = {
    "count_windows": len,
    "first_windows": lambda chosen: chosen[0],
    "last_windows": lambda chosen: chosen[-1],
    "max_windows": greatest,
    "min_windows": lambda chosen: -greatest([-value for value in chosen]),
    "resets_windows": lambda chosen: sum(now < before for before, now in itertools.pairwise(chosen)),
}


@pytest.mark.parametrize("name", BY_HAND)
@settings(max_examples=60, deadline=None)
@given(drawn=rows, grid=grids)
def test_windows_hold_what_lies_in_them(
    name: str, drawn: list[list[tuple[int, float]]], grid: tuple[int, int, int, int, bool]
) -> None:
    first, step, window, count, _ = grid
    out, present = evaluate(KERNELS[name], drawn, (first, step, window, count, False), 0.0)
    for number, row in enumerate(drawn):
        for j in range(count):
            chosen = window_of(row, first + j * step, window)
            assert present[number, j] == bool(chosen)
            if chosen:
                np.testing.assert_equal(out[number, j], float(BY_HAND[name](chosen)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_moments_are_those_of_the_statistics_module(numbers: list[float]) -> None:
    row = np.array(numbers)
    assert over_time.mean_of(row, 0, len(row)) == pytest.approx(statistics.fmean(numbers), rel=1e-12, abs=1e-9)
    assert over_time.variance_of(row, 0, len(row)) == pytest.approx(statistics.pvariance(numbers), rel=1e-9, abs=1e-6)


def test_resets_are_found_in_long_rows() -> None:
    row = np.arange(3000.0)
    row[700:] -= 500
    row[2999] = 0
    places = np.zeros(3000, np.int64)
    assert find_resets(row, 0, 3000, places) == 2
    assert places[:2].tolist() == [700, 2999]
    assert find_resets.py_func(row, 0, 3000, places) == 2


def test_ends_are_found_whatever_the_pace() -> None:
    times = np.array([0, 10, 20, 21, 22, 23, 24, 25, 90, 91], np.int64)
    for find in (find_ends, find_ends.py_func):
        ends = np.zeros(12, np.int64)
        find(times, 0, len(times), -5, 10, ends)
        assert ends.tolist() == np.searchsorted(times, np.arange(-5, 115, 10), side="right").tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=40), st.integers(-5, 60), st.data())
def test_the_first_sample_after_a_time_is_found_from_any_guess(
    gaps: list[int], time_ms: int, data: st.DataObject
) -> None:
    row = np.cumsum(np.array(gaps, np.int64))
    expected = int(np.searchsorted(row, time_ms, side="right"))
    first = data.draw(st.integers(0, expected))
    guess = data.draw(st.integers(first, len(row)))
    for find in (find_after, find_after.py_func):
        assert find(row, first, guess, time_ms) == expected


def test_only_the_stale_marker_is_stale() -> None:
    bits = np.array([STALE_BITS, STALE_BITS + 1, 0x7FF0000000000000, 0x7FF8000000000001, 0], np.uint64)
    assert count_stale(bits) == count_stale.py_func(bits) == 1


def test_a_look_up_takes_the_newest_within_reach_unless_it_is_stale() -> None:
    flat = np.array([1.0, 2.0, 0.0, math.inf])
    flat.view(np.uint64)[2] = STALE_BITS
    times = np.array([0, 10, 20, 40], np.int64)
    starts = np.array([0, 4], np.int64)
    for look in (lookup_samples, lookup_samples.py_func):
        out, present = np.zeros((1, 6)), np.zeros((1, 6), np.bool_)
        ends = np.zeros(6, np.int64)
        look(starts, times, flat, flat.view(np.uint64), 5, 10, 15, 0, np.zeros(1, np.uint8), ends, out, present)
        assert present[0].tolist() == [True, True, False, False, True, False]
        assert out[0, [0, 1, 4]].tolist() == [1.0, 2.0, math.inf]


def test_a_stopped_walk_says_how_far_it_came() -> None:
    starts = np.array([0, 1, 2], np.int64)
    done = rates.rate_windows(
        starts, np.zeros(2, np.int64), np.zeros(2), 0, 1, 5, -1, np.zeros(1, np.int64), np.zeros(1),
        np.ones(1, np.uint8), np.zeros(2, np.int64), np.zeros(1, np.int64), np.zeros(1), np.zeros((2, 1)),
        np.zeros((2, 1), np.bool_),
    )  # fmt: skip
    assert done == 0


def test_stop_is_looked_at_after_so_many_samples_of_windows() -> None:
    low = np.zeros(10_000, np.int64)
    for held, width in ((0, 10_001), (100, 10_001), (BLOCK_VISITS // 1_000, 1_001), (BLOCK_VISITS, 1)):
        assert block_width(low, np.full(10_000, held)) == width
        assert block_width.py_func(low, np.full(10_000, held)) == width


@pytest.mark.parametrize("name", ["count_windows", "max_windows", "resets_windows", "increase_windows"])
def test_a_row_in_blocks_is_the_row_as_a_whole(name: str) -> None:
    # A sample each millisecond: 4,000 windows of 20,000 samples are three blocks.
    sawtooth = [(1, float(index % 100)) for index in range(25_000)]
    grid = (20_000, 1, 20_000, 4_000, False)
    blocks, present = evaluate(KERNELS[name], [sawtooth], grid, 0.0)
    assert present.all()
    assert block_width(np.zeros(4_000, np.int64), np.full(4_000, 20_000)) < 4_000
    for place in (0, 1_332, 1_333, 1_334, 2_667, 3_999):
        alone, _ = evaluate(KERNELS[name], [sawtooth], (20_000 + place, 1, 20_000, 1, False), 0.0)
        assert blocks[0, place] == alone[0, 0]
