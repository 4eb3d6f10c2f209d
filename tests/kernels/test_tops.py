"""The heaps of topk: equal to their plain-Python twin, and what sorting finds."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from promontory.kernels import tops

ROWS, TIMES, GROUPS = 9, 4, 3
cells = st.sampled_from([0.0, 1.0, -2.5, 3.0, 4.0, 5.0, math.nan, math.inf, -math.inf])
matrices = arrays(np.float64, (ROWS, TIMES), elements=cells)
masks = arrays(np.bool_, (ROWS, TIMES))
groupings = arrays(np.int32, ROWS, elements=st.integers(0, GROUPS - 1))
GO = np.zeros(1, np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    matrix=matrices, mask=masks, group=groupings,
    wanted=arrays(np.int64, TIMES, elements=st.integers(0, 5)), sign=st.sampled_from([1.0, -1.0]),
)  # fmt: skip
def test_the_rows_in_the_heaps_are_the_greatest(
    matrix: np.ndarray, mask: np.ndarray, group: np.ndarray, wanted: np.ndarray, sign: float
) -> None:
    base = np.arange(GROUPS, dtype=np.int64) * 5
    found = []
    for fold, mark, place in (
        (tops.fold_top, tops.mark_top, tops.place_top),
        (tops.fold_top.py_func, tops.mark_top.py_func, tops.place_top.py_func),
    ):
        sizes = np.zeros((GROUPS, TIMES), np.int32)
        values, rows = np.zeros((GROUPS * 5, TIMES)), np.zeros((GROUPS * 5, TIMES), np.int32)
        entered, chosen = np.zeros(ROWS, np.bool_), np.zeros(ROWS, np.bool_)
        fold(matrix, mask, group, wanted, sign, 0, GO, base, sizes, values, rows, entered)
        mark(base, sizes, rows, chosen)
        assert not (chosen & ~entered).any()
        out, present = np.zeros(matrix.shape), np.zeros(mask.shape, np.bool_)
        place(base, sizes, rows, values, np.arange(ROWS), out, present)
        np.testing.assert_array_equal(out[present], matrix[present])
        found.append((values, rows, sizes, present))
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)
    for j in range(TIMES):
        for number in range(GROUPS):
            rows_of_group = [row for row in range(ROWS) if group[row] == number and mask[row, j]]
            keys = [sign * matrix[row, j] if not math.isnan(matrix[row, j]) else -math.inf for row in rows_of_group]
            kept = [key for row, key in zip(rows_of_group, keys, strict=True) if present[row, j]]
            assert sorted(kept, reverse=True) == sorted(keys, reverse=True)[: wanted[j]]


def test_nothing_enters_a_heap_once_the_query_is_stopped() -> None:
    sizes = np.zeros((1, 1), np.int32)
    done = tops.fold_top(
        np.ones((2, 1)), np.ones((2, 1), np.bool_), np.zeros(2, np.int32), np.ones(1, np.int64), 1.0, 0,
        np.ones(1, np.uint8), np.zeros(1, np.int64), sizes, np.zeros((1, 1)), np.zeros((1, 1), np.int32),
        np.zeros(2, np.bool_),
    )  # fmt: skip
    assert done == 0
    assert sizes[0, 0] == 0
