import struct
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.shortest import multiply_high, powers_of_ten, scale_to_odd, shorten


def bits_of(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def digits_of(value: float) -> tuple[int, int]:
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    return int("".join(map(str, digits))), exponent


def stripped(digits: int, exponent: int) -> tuple[int, int]:
    while digits % 10 == 0:
        digits, exponent = digits // 10, exponent + 1
    return digits, exponent


@settings(deadline=None)
@given(st.integers(1, 0x7FEFFFFFFFFFFFFF))
def test_every_finite_number_has_pythons_digits(bits: int) -> None:
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    found = shorten(bits, powers_of_ten())
    assert shorten.py_func(bits, powers_of_ten()) == found
    assert stripped(*found) == digits_of(value)


def test_powers_of_two_and_ten_and_the_ends_have_pythons_digits() -> None:
    powers = powers_of_ten()
    values = [2.0**e for e in range(-1074, 1024)] + [float(f"1e{e}") for e in range(-323, 309)]
    values += [5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 9007199254740993.0]
    values += [float(np.nextafter(value, 0)) for value in values if value > 5e-324]
    for value in values:
        assert stripped(*shorten(bits_of(value), powers)) == digits_of(value)


def test_many_random_numbers_have_pythons_digits() -> None:
    powers = powers_of_ten()
    random = np.random.default_rng(5)
    for value in np.abs(np.concatenate([random.normal(size=20_000), 10 ** random.uniform(-8, 22, 20_000)])):
        assert stripped(*shorten(bits_of(float(value)), powers)) == digits_of(float(value))


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_products_keep_their_upper_half_and_a_mark_of_the_rest(high: int, low: int, number: int) -> None:
    assert multiply_high.py_func(high, low) == (high * low) >> 64
    assert scale_to_odd(high, low, number) == scale_to_odd.py_func(high, low, number)
