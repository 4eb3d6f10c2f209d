import math
from decimal import Decimal

import numpy as np
import pytest

from promontory.api.numbers import format_sample, format_scalar, split_values
from promontory.kernels.json import SLOW


def go_text(value: float) -> str:
    """Go's rule, spelled out over exact decimals and independent of the product's."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    if 1e-6 <= abs(value) < 1e21:
        body = f"{Decimal((0, digits, exponent)):f}"
    else:
        power = len(text) - 1 + exponent
        body = text[0] + ("." + text[1:] if len(text) > 1 else "") + f"e{'-' if power < 0 else '+'}{abs(power):02}"
    return ("-" if sign else "") + body


EDGES = [
    0.0, -0.0, math.nan, math.inf, -math.inf, 1e21, 9.999999999999999e20, 1e-6, 9.999999999999999e-7, 1e-7, 5e-324,
    1.7976931348623157e308, 123456789012345678901.0, 1 / 3, 1e14, 99999999999999.98, 1e15, 2**53, 2**53 + 2, 1e300,
    0.1, 0.000001, 100.0, 1e22, -1e-7, 4.35, 0.1 + 0.2, 1e17, 123456.7890625,
]  # fmt: skip


def many_doubles() -> np.ndarray:
    random = np.random.default_rng(7)
    bits = random.integers(0, 2**64, 3000, dtype=np.uint64).view(np.float64)
    return np.concatenate(
        [
            EDGES, bits, random.normal(size=1500), np.round(random.uniform(0, 1e6, 1500), 3),
            random.integers(0, 10**17, 500).astype(float), 10.0 ** random.uniform(-9, 23, 1500),
        ]
    )  # fmt: skip


def test_samples_are_written_as_go_writes_them() -> None:
    values = many_doubles()
    mantissa, decimals, blob, start = split_values(values)
    slow = 0
    for value, whole, count in zip(values, mantissa, decimals, strict=True):
        expected = go_text(float(value))
        assert format_sample(float(value)) == expected
        if count == SLOW:
            assert blob[start[slow] : start[slow + 1]].tobytes().decode() == expected
            slow += 1
        elif count >= 0:
            assert f"{Decimal(int(whole)).scaleb(-int(count)):f}" == expected
    assert slow == len(start) - 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-7, "0.0000001"), (1e21, "1" + "0" * 21), (0.5, "0.5"), (-0.0, "-0"), (math.inf, "+Inf"), (2.0, "2")],
)
def test_scalars_never_have_an_exponent(value: float, text: str) -> None:
    assert format_scalar(value) == text
