"""Kernels over groups of rows: equal to their plain-Python twins, and to plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from promontory.kernels import aggregations
from promontory.kernels.groups import assign_groups
from promontory.kernels.matching import find_collision, mark_groups, merge_rows
from promontory.kernels.quantiles import bucket_quantile, histogram_quantiles

STATES = {
    "fold_sum": (bool, float, float), "fold_avg": (float, float, float, float), "fold_min": (bool, float),
    "fold_max": (bool, float), "fold_count": (float,), "fold_variance": (float, float, float),
}  # fmt: skip
ROWS, TIMES, GROUPS = 7, 11, 3
cells = st.sampled_from([0.0, 1.0, -2.5, 3.0, math.nan, math.inf, -math.inf, 1.5e308])
matrices = arrays(np.float64, (ROWS, TIMES), elements=cells)
masks = arrays(np.bool_, (ROWS, TIMES))
groupings = arrays(np.int32, ROWS, elements=st.integers(0, GROUPS - 1))
GO = np.zeros(1, np.uint8)


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=30, deadline=None)
@given(matrix=matrices, mask=masks, group=groupings)
def test_folds_agree_with_python(name: str, matrix: np.ndarray, mask: np.ndarray, group: np.ndarray) -> None:
    states = []
    kernel = getattr(aggregations, name)
    for fold in (kernel, kernel.py_func):
        state: list[Any] = [np.zeros((GROUPS, TIMES), kind) for kind in STATES[name]]
        with np.errstate(all="ignore"):
            assert fold(matrix, mask, group, GO, *state) == ROWS
        states.append(state)
    for compiled, plain in zip(*states, strict=True):
        np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize(
    ("quantile", "bounds", "counts", "expected"),
    [
        (0.5, [1.0, 2.0, math.inf], [2.0, 6.0, 8.0], 1.5),
        (0.1, [1.0, 2.0, math.inf], [2.0, 6.0, 8.0], 0.4),
        (0.9, [1.0, 2.0, math.inf], [2.0, 6.0, 8.0], 2.0),
        (0.1, [-1.0, 2.0, math.inf], [2.0, 6.0, 8.0], -1.0),
        (0.5, [1.0, 1.0, 2.0, math.inf], [1.0, 1.0, 6.0, 8.0], 1.5),
        (0.5, [1.0, 2.0], [2.0, 6.0], math.nan),
        (0.5, [math.inf], [2.0], math.nan),
        (0.5, [1.0, math.inf], [0.0, 0.0], math.nan),
        (-1.0, [1.0, math.inf], [0.0, 0.0], -math.inf),
        (2.0, [1.0, math.inf], [0.0, 0.0], math.inf),
        (math.nan, [1.0, math.inf], [1.0, 2.0], math.nan),
    ],
)
def test_quantiles_of_buckets_are_interpolated(
    quantile: float, bounds: list[float], counts: list[float], expected: float
) -> None:
    for kernel in (bucket_quantile, bucket_quantile.py_func):
        found = kernel(quantile, np.array(bounds), np.array(counts), len(bounds), np.zeros(4))
        assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("counts", "forced"),
    [([5.0, 5.0 - 1e-13, 9.0], 0.0), ([5.0, 4.0, 9.0], 1.0), ([0.0, 0.0, 9.0], 0.0), ([5.0, math.nan, 9.0], 0.0)],
)
def test_decreases_are_noise_or_noted(counts: list[float], forced: float) -> None:
    for kernel in (bucket_quantile, bucket_quantile.py_func):
        note = np.zeros(4)
        kernel(0.5, np.array([1.0, 2.0, math.inf]), np.array(counts), 3, note)
        assert note[0] == forced


def test_histograms_agree_with_python() -> None:
    rng = np.random.default_rng(3)
    matrix, mask = rng.integers(0, 9, (6, TIMES)).astype(float), rng.random((6, TIMES)) > 0.3
    bounds = np.array([1.0, 2.0, math.inf] * 2)
    found = []
    for kernel in (histogram_quantiles, histogram_quantiles.py_func):
        out, present, forced = np.zeros((2, TIMES)), np.zeros((2, TIMES), np.bool_), np.zeros((TIMES, 4))
        with np.errstate(all="ignore"):
            kernel(
                matrix, mask, bounds, np.arange(6), np.array([0, 3, 6]), np.full(TIMES, 0.7), GO, np.zeros(6),
                np.zeros(6), out, present, forced,
            )  # fmt: skip
        found.append((out, present, forced))
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)


@settings(max_examples=40, deadline=None)
@given(mask=masks, group=groupings, active=arrays(np.bool_, TIMES))
def test_collisions_are_found_at_their_first_time(mask: np.ndarray, group: np.ndarray, active: np.ndarray) -> None:
    seen = [
        j for j in range(TIMES)
        if active[j] and any(np.count_nonzero(mask[group == number, j]) > 1 for number in range(GROUPS))
    ]  # fmt: skip
    for kernel in (find_collision, find_collision.py_func):
        collision = np.full(3, -1, np.int64)
        assert kernel(mask, group, active, np.full((GROUPS, TIMES), -1, np.int32), collision) == bool(seen)
        if seen:
            assert collision[0] == seen[0]
            assert group[collision[1]] == group[collision[2]]


@settings(max_examples=20, deadline=None)
@given(matrix=matrices, mask=masks, group=groupings)
def test_merging_and_marking_agree_with_python(matrix: np.ndarray, mask: np.ndarray, group: np.ndarray) -> None:
    found = []
    for merge, mark in ((merge_rows, mark_groups), (merge_rows.py_func, mark_groups.py_func)):
        out, present, marks = np.zeros((GROUPS, TIMES)), *(np.zeros((GROUPS, TIMES), np.bool_) for _ in range(2))
        merge(matrix, mask, group, out, present)
        mark(mask, group, marks)
        assert (present == marks).all()
        found.append(out)
    np.testing.assert_array_equal(*found)


def test_numbering_stops_where_there_is_no_room() -> None:
    start, name = np.array([0, 1, 2, 3], np.int64), np.array([1, 1, 1], np.int32)
    value, hashes = np.array([5, 6, 5], np.int32), np.array([5, 6, 5], np.uint64)
    for kernel in (assign_groups, assign_groups.py_func):
        group, count = np.zeros(3, np.int32), np.zeros(1, np.int64)
        known = (np.zeros(9, np.int64), np.zeros(9, np.int32), np.zeros(9, np.int32), np.zeros(8, np.uint64))
        small, large = np.zeros(2, np.int32), np.zeros(16, np.int32)
        assert kernel(start, name, value, hashes, 0, group, *known, small, count) == 1
        large[5] = 1
        assert kernel(start, name, value, hashes, 1, group, *known, large, count) == 3
        assert group.tolist() == [0, 1, 0]
