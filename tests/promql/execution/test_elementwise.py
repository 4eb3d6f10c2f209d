"""Functions of each value where their result is too large for a float64."""

from __future__ import annotations

import math

import numpy as np

from promontory.promql.execution.elementwise import FUNCTIONS


def test_sinh_and_cosh_are_infinite_where_exp_is_as_in_go() -> None:
    values = np.array([709.7, 710.0, -710.0, math.nan, -0.0])
    with np.errstate(all="ignore"):
        sinh, cosh = (FUNCTIONS[name](values) for name in ("sinh", "cosh"))
    np.testing.assert_array_equal(sinh[1:], [math.inf, -math.inf, math.nan, -0.0])
    np.testing.assert_array_equal(cosh[1:], [math.inf, math.inf, math.nan, 1.0])
    assert sinh[0] == cosh[0] < math.inf
