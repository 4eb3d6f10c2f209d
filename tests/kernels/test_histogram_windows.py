"""Spans of windows, and what a rate of histograms needs of them, are what plain Python gives."""

from __future__ import annotations

import random

import numpy as np

from promontory.kernels.histogram_windows import find_windows, growth_factors, least_schemas

STOP = np.zeros(1, np.uint8)


def make_rows(rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
    rows = [sorted(rng.sample(range(0, 1000, 7), rng.randrange(12))) for _ in range(5)]
    return np.cumsum([0, *map(len, rows)]).astype(np.int64), np.array([time for row in rows for time in row], np.int64)


def test_windows_are_open_on_the_left_and_closed_on_the_right() -> None:
    rng = random.Random(1)
    for _ in range(30):
        row_start, timestamps = make_rows(rng)
        first_ms, step_ms, range_ms = rng.randrange(-50, 600), rng.randrange(60), rng.randrange(1, 300)
        low, high = np.zeros((5, 6), np.int64), np.zeros((5, 6), np.int64)
        assert find_windows(row_start, timestamps, first_ms, step_ms, range_ms, STOP, low, high) == 5
        plain_low, plain_high = np.zeros_like(low), np.zeros_like(high)
        find_windows.py_func(row_start, timestamps, first_ms, step_ms, range_ms, STOP, plain_low, plain_high)
        assert (low == plain_low).all()
        assert (high == plain_high).all()
        for row in range(5):
            for step in range(6):
                end = first_ms + step * step_ms
                held = timestamps[low[row, step] : high[row, step]].tolist()
                times = timestamps[row_start[row] : row_start[row + 1]].tolist()
                assert held == [time for time in times if end - range_ms < time <= end]


def test_the_least_schema_of_each_window_is_found() -> None:
    rng = random.Random(2)
    schema = np.array([rng.choice([-53, -4, 0, 3, 8]) for _ in range(40)], np.int8)
    low = np.array([rng.randrange(39) for _ in range(20)], np.int64)
    high = low + 1 + np.array([rng.randrange(40 - place) for place in low.tolist()], np.int64)
    out, plain = np.empty(20, np.int8), np.empty(20, np.int8)
    assert least_schemas(schema, low, high, STOP, out) == 20
    least_schemas.py_func(schema, low, high, STOP, plain)
    expected = [schema[start:end].min() for start, end in zip(low.tolist(), high.tolist(), strict=True)]
    assert out.tolist() == plain.tolist() == expected


def test_a_kernel_that_is_told_to_stop_does_nothing() -> None:
    stop = np.ones(1, np.uint8)
    row_start, timestamps = make_rows(random.Random(3))
    spans = np.zeros((5, 6), np.int64)
    assert find_windows(row_start, timestamps, 0, 10, 100, stop, spans, spans) == 0
    assert least_schemas(np.zeros(3, np.int8), row_start[:3], row_start[1:4], stop, np.empty(3, np.int8)) == 0


def test_an_increase_grows_to_the_edges_but_no_counter_below_zero() -> None:
    increase, first_count = np.array([8.0, 8.0, 8.0]), np.array([1.0, 100.0, 1.0])
    first_ms, last_ms = np.array([20_000, 20_000, 20_000]), np.array([60_000, 60_000, 50_000])
    gaps, end_ms = np.array([2, 2, 3]), np.array([60_000, 60_000, 60_000])
    for counter, divisor, expected in ((1, 1.0, [45 / 40, 1.5, 43.75 / 30]), (0, 60.0, [1 / 40, 1 / 40, 1 / 40])):
        out, plain = np.empty(3), np.empty(3)
        columns = (increase, first_count, first_ms, last_ms, gaps, end_ms, 60_000, counter, divisor)
        growth_factors(*columns, out)
        growth_factors.py_func(*columns, plain)
        assert out.tolist() == plain.tolist()
        assert np.allclose(out, expected, rtol=1e-15)
