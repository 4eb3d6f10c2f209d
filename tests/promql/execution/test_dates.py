"""Parts of dates at the ends of what int64 holds; the rest is shown by scripts and by the real Prometheus."""

from __future__ import annotations

import math

import numpy as np
import pytest

from promontory.promql.execution.dates import DATES

PARTS = ["year", "month", "day_of_month", "day_of_year", "day_of_week", "hour", "minute", "days_in_month"]
BEYOND = (292277026596, 12, 4, 339, 0, 15, 30, 31)


# What Go's time.Unix(int64(value), 0).UTC() says of them on amd64.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, BEYOND), (math.inf, BEYOND), (-math.inf, BEYOND), (1e300, BEYOND), (-(2.0**63), BEYOND),
        (1e18, (31688740476, 10, 23, 297, 5, 1, 46, 31)),
        (-9e18, (-285198644592, 9, 12, 256, 1, 8, 0, 30)),
        (-1e13, (-314918, 8, 13, 225, 0, 6, 13, 31)),
        (-62135596801.0, (0, 12, 31, 366, 0, 23, 59, 31)),
        (-86400.5, (1969, 12, 31, 365, 3, 0, 0, 31)),
        (951782400.0, (2000, 2, 29, 60, 2, 0, 0, 29)),
        (4102444800.0, (2100, 1, 1, 1, 5, 0, 0, 31)),
    ],
)  # fmt: skip
def test_parts_of_dates_are_those_of_go(value: float, expected: tuple[int, ...]) -> None:
    with np.errstate(all="raise"):
        found = tuple(int(DATES[name](np.array([value]))[0]) for name in PARTS)
    assert found == expected
