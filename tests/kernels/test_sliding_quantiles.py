"""Quantiles that slide along are those of each window sorted alone."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promontory.kernels.quantiles import interpolate_sorted
from promontory.kernels.sliding_quantiles import MOVED, slide_quantiles

samples = st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.0, math.nan, math.inf, 0.5]), min_size=1, max_size=80)
grids = st.tuples(st.integers(-30, 5), st.integers(0, 9), st.integers(1, 70))
quantiles = st.sampled_from([0.0, 0.3, 0.5, 1.0, -1.0, 2.0, math.nan])


def sort_window(row: np.ndarray, low: int, high: int, quantile: float) -> float:
    chosen = row[low:high]
    nans = np.isnan(chosen)
    ordered = np.concatenate([chosen[nans], np.sort(chosen[~nans])])
    return interpolate_sorted.py_func(quantile, ordered, len(ordered))


@settings(max_examples=150, deadline=None)
@given(row=samples, grid=grids, quantile=quantiles)
@example(row=[0.0] * 7 + [-0.0, 0.0], grid=(0, 1, 9), quantile=0.0)
@example(row=[0.0] * 8 + [-0.0], grid=(0, 0, 9), quantile=0.0)
def test_each_window_has_its_own_quantile(row: list[float], grid: tuple[int, int, int], quantile: float) -> None:
    first, stride, width = grid
    values = np.array(row)
    high = np.clip(first + stride * np.arange(12) + width, 0, len(row)).astype(np.int64)
    low = np.clip(first + stride * np.arange(12), 0, len(row)).astype(np.int64)
    with np.errstate(all="ignore"):
        for slide in (slide_quantiles, slide_quantiles.py_func):
            out, present = np.zeros(12), np.zeros(12, np.bool_)
            slide(values, low, high, np.full(12, quantile), np.zeros(len(row) + 1), out, present)
            assert present.tolist() == (high > low).tolist()
            for j in np.flatnonzero(present).tolist():
                # Adding 0 takes the sign from zeros, whose order sorting does not tell.
                np.testing.assert_equal(out[j] + 0.0, sort_window(values, low[j], high[j], quantile) + 0.0)


def test_a_zero_leaves_with_its_sign() -> None:
    values = np.array([0.0, -0.0, -0.0, -0.0, -0.0])
    out, present = np.zeros(2), np.zeros(2, np.bool_)
    slide_quantiles(values, np.array([0, 1]), np.array([4, 5]), np.zeros(2), np.zeros(6), out, present)
    assert math.copysign(1.0, out[1]) == -1.0


def test_long_windows_slide_and_are_sorted_anew() -> None:
    values = np.random.default_rng(5).integers(0, 500, 20 * MOVED).astype(np.float64)
    for stride in (3, MOVED, 9 * MOVED):
        low = np.arange(0, len(values) - 8 * MOVED, stride)[:40]
        high = low + 8 * MOVED
        out, present = np.zeros(len(low)), np.zeros(len(low), np.bool_)
        slide_quantiles(values, low, high, np.full(len(low), 0.9), np.zeros(len(values)), out, present)
        assert present.all()
        assert out.tolist() == [
            sort_window(values, one, end, 0.9) for one, end in zip(low.tolist(), high.tolist(), strict=True)
        ]
