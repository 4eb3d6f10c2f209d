"""Functions of each value where their result is too large for a float64."""

from __future__ import annotations

import math

import numpy as np

from promontory.promql.execution.elementwise import FUNCTIONS
from promontory.promql.plan.arithmetic import greater_of, lesser_of


def test_sinh_and_cosh_are_infinite_where_exp_is_as_in_go() -> None:
    values = np.array([709.7, 710.0, -710.0, math.nan, -0.0])
    with np.errstate(all="ignore"):
        sinh, cosh = (FUNCTIONS[name](values) for name in ("sinh", "cosh"))
    np.testing.assert_array_equal(sinh[1:], [math.inf, -math.inf, math.nan, -0.0])
    np.testing.assert_array_equal(cosh[1:], [math.inf, math.inf, math.nan, 1.0])
    assert sinh[0] == cosh[0] < math.inf


def test_of_0_and_minus_0_the_greater_is_0_wherever_they_stand() -> None:
    for count in range(1, 70):
        zeros, negative = np.zeros(count), np.full(count, -0.0)
        for one, other in ((zeros, negative), (negative, zeros)):
            assert not np.signbit(greater_of(one, other)).any()
            assert np.signbit(lesser_of(one, other)).all()
