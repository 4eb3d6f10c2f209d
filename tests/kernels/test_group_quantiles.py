"""Quantiles by selection: the very digits that sorting gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from promontory.kernels.group_quantiles import group_quantiles, select_neighbours
from promontory.kernels.quantiles import interpolate_sorted

ROWS, TIMES, GROUPS = 40, 5, 2
cells = st.sampled_from([0.0, 1.0, -2.5, 3.0, 7.0, 8.5, 1e300, math.nan, math.inf, -math.inf])
QUANTILES = st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.99, 1.0, -1.0, 2.0, math.nan])
BOTH = pytest.mark.parametrize("plain", [False, True])


@BOTH
@pytest.mark.parametrize("shape", ["random", "rising", "falling", "equal", "two values", "saw"])
def test_neighbours_are_those_of_sorted_numbers(shape: str, *, plain: bool) -> None:
    random = np.random.default_rng(3)
    select = select_neighbours.py_func if plain else select_neighbours
    for count in (1, 2, 12, 13, 50, 301):
        shapes = {
            "random": random.normal(size=count), "rising": np.arange(count) * 1.0, "falling": -np.arange(count) * 1.0,
            "equal": np.ones(count), "two values": random.integers(0, 2, count) * 1.0, "saw": np.arange(count) % 7.0,
        }  # fmt: skip
        numbers = np.asarray(shapes[shape], np.float64)
        ordered = np.sort(numbers)
        for place in {0, 1, count // 2, count - 2, count - 1} & set(range(count)):
            found = np.empty(2)
            select(numbers.copy(), count, place, np.empty(count), found)
            assert found.tolist() == [ordered[place], ordered[min(place + 1, count - 1)]]


@settings(max_examples=60, deadline=None)
@given(
    matrix=arrays(np.float64, (ROWS, TIMES), elements=cells), mask=arrays(np.bool_, (ROWS, TIMES)),
    group=arrays(np.int32, ROWS, elements=st.integers(0, GROUPS - 1)),
    quantile=arrays(np.float64, TIMES, elements=QUANTILES), width=st.integers(1, 6),
)  # fmt: skip
def test_group_quantiles_are_those_of_sorted_values(
    matrix: np.ndarray, mask: np.ndarray, group: np.ndarray, quantile: np.ndarray, width: int
) -> None:
    rows = np.argsort(group, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=GROUPS))]).astype(np.int64)
    for kernel in (group_quantiles, group_quantiles.py_func):
        out, present = np.zeros((GROUPS, TIMES)), np.zeros((GROUPS, TIMES), np.bool_)
        with np.errstate(all="ignore"):
            done = kernel(
                matrix, mask, rows, starts, quantile, 0, TIMES, np.zeros(1, np.uint8), np.zeros((width, ROWS)),
                np.zeros(ROWS + 2), np.zeros((2, width), np.int64), out, present,
            )  # fmt: skip
        assert done == TIMES
        for number in range(GROUPS):
            for j in range(TIMES):
                values = matrix[(group == number) & mask[:, j], j]
                nans = int(np.isnan(values).sum())
                ordered = np.concatenate([values[np.isnan(values)], np.sort(values[~np.isnan(values)])])
                assert present[number, j] == bool(len(values))
                if len(values):
                    with np.errstate(all="ignore"):
                        expected = interpolate_sorted.py_func(quantile[j], ordered, len(ordered))
                    np.testing.assert_array_equal(out[number, j], expected, err_msg=f"{nans} of {len(values)} are NaN")
