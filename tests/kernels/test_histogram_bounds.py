from __future__ import annotations

import math
import sys

import pytest

from promontory.kernels.histogram_bounds import bound_fractions, upper_bound


@pytest.mark.parametrize(
    ("index", "schema", "bound"),
    [
        (0, 0, 1.0),
        (0, 8, 1.0),
        (1, 0, 2.0),
        (1, -2, 16.0),
        (-1, -2, 0.0625),
        (1, 1, 1.414213562373095),
        (-1, 3, 0.9170040432046711),
        (-1100, 0, 0.0),
        (1024, 0, sys.float_info.max),
        (64, -4, sys.float_info.max),
        (1025, 0, math.inf),
        (8193, 3, math.inf),
    ],
)
def test_a_bucket_ends_where_prometheus_ends_it(index: int, schema: int, bound: float) -> None:
    assert upper_bound(index, schema, bound_fractions()) == bound
    assert upper_bound.py_func(index, schema, bound_fractions()) == bound


def test_bounds_of_a_lower_schema_are_bounds_of_every_higher_one() -> None:
    fractions = bound_fractions()
    for schema in range(-4, 8):
        for index in range(-20, 20):
            assert upper_bound(index, schema, fractions) == upper_bound(2 * index, schema + 1, fractions)
