"""Extremes that slide along are those of each window looked at alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.extremes import LANES, find_extreme, slide_extremes

samples = st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0, math.nan, math.inf, -math.inf]), max_size=60)
borders = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12)


def extreme_of(sign: float, chosen: list[float]) -> float:
    """Return what Prometheus' loop leaves: the first of equals, NaN replaced by any number."""
    most = chosen[0]
    for value in chosen[1:]:
        if sign * value > sign * most or math.isnan(most):
            most = value
    return most


@pytest.mark.parametrize("sign", [1.0, -1.0])
@settings(max_examples=150, deadline=None)
@given(row=samples, drawn=borders)
def test_each_window_has_its_own_extreme(sign: float, row: list[float], drawn: list[tuple[int, int]]) -> None:
    low = np.sort([min(one, other, len(row)) for one, other in drawn]).astype(np.int64)
    high = np.maximum(np.sort([min(max(one, other), len(row)) for one, other in drawn]), low).astype(np.int64)
    for slide in (slide_extremes, slide_extremes.py_func):
        out, present = np.zeros(len(low)), np.zeros(len(low), np.bool_)
        slide(sign, np.array(row), low, high, np.zeros(len(row), np.int64), np.zeros(len(row)), out, present)
        assert present.tolist() == (high > low).tolist()
        for j in np.flatnonzero(present).tolist():
            expected = extreme_of(sign, row[low[j] : high[j]])
            np.testing.assert_equal(out[j], expected)
            assert math.isnan(expected) or math.copysign(1.0, out[j]) == math.copysign(1.0, expected)


@pytest.mark.parametrize("size", [1, LANES - 1, LANES, LANES + 1, 5 * LANES + 3])
def test_an_extreme_is_found_wherever_it_stands(size: int) -> None:
    for find in (find_extreme, find_extreme.py_func):
        for place in range(size):
            row = np.full(size, math.nan)
            assert math.isnan(find(1.0, row, 0, size))
            row[place] = -math.inf
            assert find(1.0, row, 0, size) == -math.inf
            row = np.arange(size, dtype=np.float64) - 500
            row[place] = 7.0
            assert find(1.0, row, 0, size) == 7.0
            assert find(-1.0, -row, 0, size) == 7.0
