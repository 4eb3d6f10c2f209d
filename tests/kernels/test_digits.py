import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import digits as kernels
from promontory.kernels.digits import OVERRUN_BYTES

numbers = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 20).map(lambda power: 10**power % 2**64))


@settings(deadline=None)
@given(numbers, st.integers(0, 25))
def test_a_decimal_is_written_digit_by_digit(number: int, decimals: int) -> None:
    digits = str(number).rjust(decimals + 1, "0")
    expected = digits if decimals == 0 else f"{digits[:-decimals]}.{digits[-decimals:]}"
    for write in (kernels.write_decimal, kernels.write_decimal.py_func):
        out = np.zeros(1 + len(expected) + OVERRUN_BYTES, np.uint8)
        end = write(number, decimals, out, 1)
        assert out[1:end].tobytes().decode() == expected


@settings(deadline=None)
@given(numbers)
def test_digits_are_counted(number: int) -> None:
    for count in (kernels.count_digits, kernels.count_digits.py_func):
        assert count(number) == len(str(number))


def test_eight_digits_come_apart_at_every_border() -> None:
    random = np.random.default_rng(5)
    edges = [
        0,
        1,
        9,
        10,
        99,
        100,
        999,
        1000,
        9999,
        10_000,
        99_999,
        100_000,
        999_999,
        10**6,
        10**7 - 1,
        10**7,
        10**8 - 1,
    ]
    four = [*range(10_000), *(number * 10_000 for number in range(10_000))]
    for number in [*edges, *four, *random.integers(0, 10**8, 5000).tolist()]:
        word = int(kernels.split_eight.compiled(number))  # type: ignore[operator]
        assert word.to_bytes(8, "big") == bytes(map(int, f"{number:08}"))


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, b"0"), (1, b"0.001"), (-1500, b"-1.500"), (1795225128500, b"1795225128.500"), (-1000, b"-1"),
        (1795225129000, b"1795225129"), (2**63 - 1, b"9223372036854775.807"), (1 - 2**63, b"-9223372036854775.807"),
        (-(2**63), b"-9223372036854775.808"), (9_999_999, b"9999.999"), (10**7, b"10000"), (10**7 + 10, b"10000.010"),
        (10**15 - 1, b"999999999999.999"), (10**15, b"1000000000000"), (1_000_000_000_000_070, b"1000000000000.070"),
    ],
)  # fmt: skip
def test_times_are_seconds_with_no_or_three_decimals(time_ms: int, text: bytes) -> None:
    for write in (kernels.write_seconds.compiled, kernels.write_seconds.py_func):
        out = np.zeros(1 + len(text) + OVERRUN_BYTES, np.uint8)
        assert out[1 : write(time_ms, out, 1)].tobytes() == text  # type: ignore[operator]
