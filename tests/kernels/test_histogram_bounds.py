"""Bucket bounds: powers of two are exact, the ends of float64 are met, custom bounds end in infinities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from promontory.kernels.histogram_bounds import (
    CUSTOM_SCHEMA,
    LARGEST,
    POSITIVE,
    bound_fractions,
    bucket_bounds,
    outside_zero,
    upper_bound,
)
from promontory.model import histograms

NO_BOUNDS = np.empty(0)


def test_the_layout_of_keys_is_that_of_the_columns() -> None:
    assert (POSITIVE, CUSTOM_SCHEMA) == (histograms.POSITIVE, histograms.CUSTOM_SCHEMA)


def test_fractions_are_powers_of_two_but_for_prometheus_rounding() -> None:
    exact = 2.0 ** (np.arange(256) / 256 - 1)
    units = (bound_fractions() - exact) / np.spacing(exact)
    assert np.abs(units).max() <= 4
    # The one that every histogram of schema 1 shows: a unit below the root of 1/2.
    assert bound_fractions()[128] == 0.7071067811865475


@pytest.mark.parametrize("schema", range(-4, 9))
def test_a_bound_doubles_with_each_round_of_indexes(schema: int) -> None:
    fractions = bound_fractions()
    for index in range(-40, 40):
        bound = upper_bound(index, schema, fractions)
        assert bound == upper_bound.py_func(index, schema, fractions)
        assert bound == pytest.approx(2.0 ** (index * 2.0**-schema), rel=1e-14)
        if schema >= 0:
            assert upper_bound(index + (1 << schema), schema, fractions) == 2 * bound


@pytest.mark.parametrize("schema", range(-4, 9))
def test_the_last_bucket_of_numbers_ends_at_the_greatest_and_the_next_holds_infinity(schema: int) -> None:
    fractions = bound_fractions()
    last = 1024 << schema if schema >= 0 else 1024 >> -schema
    assert upper_bound(last, schema, fractions) == LARGEST
    assert upper_bound(last + 1, schema, fractions) == math.inf
    assert upper_bound(-POSITIVE, schema, fractions) == 0


def test_custom_buckets_reach_to_infinity_on_both_ends() -> None:
    bounds = np.array([7.0, 1.0, 2.5])
    found = [bucket_bounds(POSITIVE + index, CUSTOM_SCHEMA, bound_fractions(), bounds, 1, 3) for index in range(3)]
    assert found == [(-math.inf, 1.0), (1.0, 2.5), (2.5, math.inf)]
    assert found == [
        bucket_bounds.py_func(POSITIVE + index, CUSTOM_SCHEMA, bound_fractions(), bounds, 1, 3) for index in range(3)
    ]


def test_negative_buckets_mirror_positive_ones_and_the_zero_bucket_cuts_both() -> None:
    lower, upper = bucket_bounds(-(POSITIVE + 2), 0, bound_fractions(), NO_BOUNDS, 0, 0)
    assert (lower, upper) == (-4.0, -2.0)
    assert outside_zero(lower, upper, 3.0) == (-4.0, -3.0)
    assert outside_zero(2.0, 4.0, 3.0) == (3.0, 4.0)
    assert outside_zero(4.0, 8.0, 3.0) == (4.0, 8.0)
