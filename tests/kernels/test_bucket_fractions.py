"""Fractions of classic histograms: worked out by hand, and equal to the plain definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promontory.kernels.bucket_fractions import bucket_fraction, bucket_fractions

INF = math.inf
BOUNDS = st.lists(st.sampled_from([-2.0, 0.0, 0.5, 1.0, 4.0, INF]), min_size=1, max_size=6).map(sorted)
VALUES = st.sampled_from([-INF, -3.0, -1.0, 0.0, 0.25, 1.0, 3.0, INF, math.nan])


def fraction(bounds: list[float], counts: list[float], least: float, most: float) -> float:
    return bucket_fraction(least, most, np.array(bounds), np.array(counts), len(bounds))


@pytest.mark.parametrize(
    ("bounds", "counts", "least", "most", "expected"),
    [
        ([1.0, 2.0, INF], [2.0, 6.0, 8.0], 0.0, 1.5, 0.5),
        ([1.0, 2.0, INF], [2.0, 6.0, 8.0], 0.5, 1.0, 0.125),
        # What is above the last bound is above any value.
        ([1.0, 2.0, INF], [2.0, 6.0, 8.0], 3.0, INF, 0.25),
        ([1.0, 2.0, INF], [2.0, 6.0, 8.0], 0.0, 3.0, 0.75),
        ([1.0, 2.0, INF], [2.0, 6.0, 8.0], 2.0, INF, 0.25),
        # A first bucket that ends at 0 or below begins at -Inf, of which no part can be taken.
        ([-1.0, INF], [4.0, 8.0], -INF, -3.0, 0.5),
        # Equal bounds are one bucket.
        ([1.0, 1.0, INF], [1.0, 2.0, 4.0], 0.0, 1.0, 0.75),
        ([1.0, 2.0], [1.0, 2.0], 0.0, 1.0, math.nan),
        ([1.0, INF], [0.0, 0.0], 0.0, 1.0, math.nan),
        ([1.0, INF], [1.0, 1.0], 1.0, 0.0, 0.0),
        ([1.0, INF], [1.0, 1.0], math.nan, 0.0, math.nan),
    ],
)
def test_a_fraction_is_what_the_buckets_hold_between_two_values(
    bounds: list[float], counts: list[float], least: float, most: float, expected: float
) -> None:
    assert fraction(bounds, counts, least, most) == pytest.approx(expected, nan_ok=True)


@given(BOUNDS, st.lists(st.integers(0, 3), min_size=6, max_size=6), VALUES, VALUES)
def test_the_kernel_equals_its_plain_definition(
    bounds: list[float], steps: list[int], least: float, most: float
) -> None:
    counts = np.cumsum(steps[: len(bounds)]).astype(np.float64)
    found = []
    for function in (bucket_fractions, bucket_fractions.py_func):
        out, present = np.zeros((1, 1)), np.zeros((1, 1), np.bool_)
        scratch = np.empty(len(bounds)), np.empty(len(bounds))
        rows, start = np.arange(len(bounds)), np.array([0, len(bounds)])
        wanted = np.array([least]), np.array([most])
        values = counts.reshape(-1, 1).copy()
        with np.errstate(all="ignore"):
            done = function(
                values, np.ones(values.shape, np.bool_), np.array(bounds), rows, start, *wanted,
                np.zeros(1, np.uint8), *scratch, out, present,
            )  # fmt: skip
        assert done == 1
        assert present.all()
        found.append(out[0, 0])
    assert found[0] == pytest.approx(found[1], nan_ok=True)
