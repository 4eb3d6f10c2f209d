"""Blocks of windows are extrapolated as one window is, to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from promontory.kernels.extrapolation import BLOCK, COLUMNS, extrapolate, extrapolate_columns, gather_columns


@pytest.mark.parametrize("counter", [0, 1])
def test_columns_give_what_one_window_gives(counter: int) -> None:
    rng = np.random.default_rng(counter)
    times = np.cumsum(rng.integers(1, 40_000, 900))
    values = rng.choice([0.0, 5.0, 1e-3, 1e300, math.inf, math.nan, -2.0, -0.0, 17.25], 900)
    low = np.sort(rng.integers(0, 900, BLOCK))
    high = np.minimum(low + rng.integers(0, 30, BLOCK), 900)
    first_ms, step_ms, range_ms = 1_000, 60_000, 300_000
    expected = np.zeros(BLOCK)
    held = high - low >= 2
    with np.errstate(all="ignore"):
        for j in np.flatnonzero(held).tolist():
            first, last = low[j], high[j] - 1
            end_ms = first_ms + j * step_ms
            increase = values[last] - values[first]
            factor = extrapolate.py_func(
                increase, values[first], times[first], times[last], last - first, end_ms - range_ms, end_ms, counter
            )
            expected[j] = increase * (factor / 300.0)
        for gather, grow in (
            (gather_columns, extrapolate_columns),
            (gather_columns.py_func, extrapolate_columns.py_func),
        ):
            columns, out, present = np.zeros(COLUMNS * BLOCK), np.zeros(BLOCK), np.zeros(BLOCK, np.bool_)
            gather(times, values, low, high, first_ms, step_ms, range_ms, columns)
            grow(counter, 300.0, columns, out, present)
            assert present.tolist() == held.tolist()
            np.testing.assert_array_equal(out[held], expected[held])
    assert 0 < np.count_nonzero(held) < BLOCK


def test_what_a_block_held_before_does_not_matter() -> None:
    columns, out, present = np.full(COLUMNS * BLOCK, 7.0), np.zeros(1), np.ones(1, np.bool_)
    one = np.ones(1, np.int64)
    gather_columns(np.zeros(2, np.int64), np.ones(2), one, one + 1, 0, 1, 5, columns)
    extrapolate_columns(1, 1.0, columns, out, present)
    assert not present[0]
    assert columns.reshape(COLUMNS, BLOCK)[:, 0].tolist() == [0.0] * COLUMNS
