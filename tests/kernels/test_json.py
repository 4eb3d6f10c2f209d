import math
import struct
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import json as kernels
from promontory.kernels.digits import OVERRUN_BYTES
from promontory.kernels.shortest import powers_of_ten

any_double = st.one_of(
    st.floats(),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.decimals(min_value=-(10**9), max_value=10**9, places=3).map(float),
    st.integers(-(10**17), 10**17).map(float),
)


EDGES = [
    0.0, -0.0, math.nan, math.inf, -math.inf, 1e21, 9.999999999999999e20, 1e-6, 9.999999999999999e-7, 1e-7, 5e-324,
    1.7976931348623157e308, 123456789012345678901.0, 1 / 3, 1e14, 99999999999999.98, 1e15, 2.0**53, 2.0**53 + 2, 1e300,
    0.1, 0.000001, 100.0, 1e22, -1e-7, 4.35, 0.1 + 0.2, 1e17, 123456.7890625, 1e-10, 1.5e-9, -2.5e21, 1e100,
]  # fmt: skip


def go_text(value: float) -> str:
    """Go's rule, spelled out over exact decimals."""
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


def written(value: float, write: Callable[..., int]) -> str:
    out = np.zeros(25 + OVERRUN_BYTES, np.uint8)
    bits = np.float64(value).view(np.uint64)
    return out[: write(value, bits, powers_of_ten(), out, 0)].tobytes().decode()


@settings(deadline=None)
@given(any_double)
def test_a_value_is_written_as_go_writes_it(value: float) -> None:
    assert written(value, kernels.write_value.compiled) == go_text(value) == written(value, kernels.write_value.py_func)


def test_edges_and_many_random_values_are_written_as_go_writes_them() -> None:
    random = np.random.default_rng(7)
    values = [
        EDGES, random.integers(0, 2**64, 3000, dtype=np.uint64).view(np.float64), random.normal(size=3000),
        np.round(random.uniform(-1e6, 1e6, 3000), 3), random.integers(0, 10**17, 500),
        10 ** random.uniform(-9, 23, 3000),
    ]  # fmt: skip
    for value in np.concatenate(values):
        assert written(float(value), kernels.write_value.compiled) == go_text(float(value))


def test_rows_are_the_same_in_both_twins() -> None:
    values = np.array([1.5, -0.25], np.float64)
    times_ms = np.array([1000, 2500], np.int64)
    labels, label_start = np.frombuffer(b'{}{"a":"b"}', np.uint8), np.array([0, 2, 2, 11], np.int64)
    key = np.frombuffer(b'{"metric":,"values":', np.uint8)
    for write in (kernels.write_rows, kernels.write_rows.py_func):
        out = np.empty(200, np.uint8)
        size = write(
            key, labels, label_start, np.array([0, 1, 1, 2], np.int64), times_ms, values, values.view(np.uint64),
            powers_of_ten(), 1, out,
        )  # fmt: skip
        assert out[:size].tobytes() == (
            b'{"metric":{},"values":[[1,"1.5"]]},{"metric":{"a":"b"},"values":[[2.500,"-0.25"]]},'
        )


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
