"""Sums of whole numbers by prefixes have the digits of compensated sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from promontory.kernels.over_time import mean_of, sum_of
from promontory.kernels.whole_sums import sum_whole, whole_sum

LOW = np.arange(0, 200, dtype=np.int64)
HIGH = LOW + 100


@pytest.mark.parametrize("most", [3.0, 1e6, 9e13])
def test_sums_and_means_are_equal_to_the_last_digit(most: float) -> None:
    values = np.floor(np.random.default_rng(3).uniform(-most, most, 310))
    for add, take in ((sum_whole, whole_sum), (sum_whole.py_func, whole_sum.py_func)):
        prefix = np.zeros(300, np.int64)
        assert add(values, 10, 310, LOW + 10, HIGH + 10, prefix)
        for low, high in zip((LOW + 10).tolist(), (HIGH + 10).tolist(), strict=True):
            total = take(values, 10, prefix, low, high)
            assert total == sum_of(values, low, high)
            assert total / (high - low) == mean_of(values, low, high)


def test_rows_that_do_not_qualify_say_so() -> None:
    whole = np.arange(300.0)
    prefix = np.zeros(300, np.int64)
    for add in (sum_whole, sum_whole.py_func):
        assert add(whole, 0, 300, LOW, HIGH, prefix)
        assert not add(whole, 0, 300, LOW[::100].copy(), HIGH[::100].copy(), prefix)  # nothing overlaps
        for other in (0.5, 1e14, math.nan, math.inf, -0.0):
            row = whole.copy()
            row[150] = other
            assert not add(row, 0, 300, LOW, HIGH, prefix)
