import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promontory.kernels import json as kernels

any_double = st.one_of(
    st.floats(),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.decimals(min_value=-(10**9), max_value=10**9, places=3).map(float),
    st.integers(-(10**17), 10**17).map(float),
)


@given(st.lists(any_double, max_size=20))
def test_a_split_value_is_its_shortest_decimal(values: list[float]) -> None:
    array = np.array(values, np.float64)
    mantissa, decimals = np.empty(len(array), np.int64), np.empty(len(array), np.int8)
    plain_mantissa, plain_decimals = mantissa.copy(), decimals.copy()
    slow = kernels.split_decimals(array, mantissa, decimals)
    with np.errstate(over="ignore"):
        assert kernels.split_decimals.py_func(array, plain_mantissa, plain_decimals) == slow
    assert np.array_equal(decimals, plain_decimals)
    assert np.array_equal(mantissa, plain_mantissa)
    assert slow == np.count_nonzero(decimals == kernels.SLOW)
    for value, whole, count in zip(values, mantissa, decimals, strict=True):
        if count >= 0:
            assert float(f"{whole}e-{count}") == value
            assert count == 0 or whole % 10 != 0


@given(st.integers(0, 2**63 - 1), st.integers(0, 6))
def test_a_decimal_is_written_digit_by_digit(number: int, decimals: int) -> None:
    out, plain = np.zeros(32, np.uint8), np.zeros(32, np.uint8)
    end = kernels.write_decimal(number, decimals, out, 1)
    assert kernels.write_decimal.py_func(number, decimals, plain, 1) == end
    digits = str(number).rjust(decimals + 1, "0")
    expected = digits if decimals == 0 else f"{digits[:-decimals]}.{digits[-decimals:]}"
    assert out[1:end].tobytes().decode() == expected == plain[1:end].tobytes().decode()


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, b"0"), (1, b"0.001"), (-1500, b"-1.500"), (1795225128500, b"1795225128.500"), (-1000, b"-1"),
        (1795225129000, b"1795225129"), (2**63 - 1, b"9223372036854775.807"), (1 - 2**63, b"-9223372036854775.807"),
    ],
)  # fmt: skip
def test_times_are_seconds_with_no_or_three_decimals(time_ms: int, text: bytes) -> None:
    for write in (kernels.write_times, kernels.write_times.py_func):
        out, start = np.empty(48, np.uint8), np.empty(3, np.int64)
        size = write(np.array([time_ms, time_ms], np.int64), out, start)
        assert out[:size].tobytes() == text * 2
        assert start.tolist() == [0, len(text), 2 * len(text)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 0.0, 1.5, -0.25, 1e14, 123.456])
def test_rows_are_the_same_in_both_twins(value: float) -> None:
    values = np.array([value, 2.0], np.float64)
    mantissa, decimals = np.empty(2, np.int64), np.empty(2, np.int8)
    kernels.split_decimals(values, mantissa, decimals)
    times, time_start = np.frombuffer(b"12.500", np.uint8), np.array([0, 1, 6], np.int64)
    labels, label_start = np.frombuffer(b'{}{"a":"b"}', np.uint8), np.array([0, 2, 2, 11], np.int64)
    key = np.frombuffer(b'{"metric":,"values":', np.uint8)
    written = []
    for write in (kernels.write_rows, kernels.write_rows.py_func):
        out = np.empty(200, np.uint8)
        size = write(
            key, labels, label_start, np.array([0, 1, 1, 2], np.int64), times, time_start,
            np.array([0, 1], np.int64), mantissa, decimals, np.empty(0, np.uint8), np.zeros(1, np.int64), 1, out,
        )  # fmt: skip
        written.append(out[:size].tobytes())
    assert written[0] == written[1]
    assert written[0].endswith(b'{"metric":{"a":"b"},"values":[[2.500,"2"]]},')


def test_special_strings_are_found_and_pairs_left_out() -> None:
    blob = np.frombuffer('ab"c\u00e9'.encode(), np.uint8)
    start, end = np.array([0, 1, 2, 4], np.int64), np.array([1, 2, 4, 6], np.int64)
    for find, write in (
        (kernels.find_special, kernels.write_labels),
        (kernels.find_special.py_func, kernels.write_labels.py_func),
    ):
        special = np.zeros(4, bool)
        assert find(blob, start, end, np.array([True, True, True, False]), special) == 1
        assert special.tolist() == [False, False, True, False]
        out, out_start = np.empty(64, np.uint8), np.empty(3, np.int64)
        codes = np.array([0, 1], np.int32)
        size = write(
            np.array([0, 1, 2], np.int64), codes, codes[::-1].copy(), np.array([True, False]), blob, start, end, out,
            out_start,
        )  # fmt: skip
        assert out[:size].tobytes() == b'{"a":"b"}{}'
        assert out_start.tolist() == [0, 9, 11]


def test_a_list_has_a_comma_after_each_text() -> None:
    for write in (kernels.write_list, kernels.write_list.py_func):
        out = np.empty(9, np.uint8)
        size = write(np.frombuffer(b"{}{1}{}", np.uint8), np.array([0, 2, 5], np.int64), out)
        assert out[:size].tobytes() == b"{},{1},"
