import math

import pytest

from promontory.api.numbers import format_scalar


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "0.0000001"), (1e21, "1" + "0" * 21), (0.5, "0.5"), (-0.0, "-0"), (math.inf, "+Inf"), (2.0, "2"),
        (-math.inf, "-Inf"), (math.nan, "NaN"), (1e300, "1" + "0" * 300), (1 / 3, "0.3333333333333333"), (0.0, "0"),
        (100.0, "100"), (-1234.5, "-1234.5"),
    ],
)  # fmt: skip
def test_scalars_never_have_an_exponent(value: float, text: str) -> None:
    assert format_scalar(value) == text
