import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.sample_lines import write_general, write_lines
from promontory.kernels.shortest import powers_of_ten
from promontory.promql.execution.wording import format_general

both = pytest.mark.parametrize("way", ["compiled", "py_func"])


def written(value: float, way: str) -> str:
    out = np.empty(48, np.uint8)
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    return out[: getattr(write_general, way)(np.uint64(bits), powers_of_ten(), out, 0)].tobytes().decode()


@both
@given(
    value=st.one_of(st.floats(), st.integers(-(10**7), 10**7).map(float), st.decimals(-100, 100, places=2).map(float))
)
@settings(max_examples=150, deadline=None)
def test_numbers_are_those_of_go(way: str, value: float) -> None:
    assert written(value, way) == format_general(value)


@both
@pytest.mark.parametrize(
    ("value", "text"),
    [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (-0.0, "-0"), (1e6, "1e+06"), (999999.0, "999999"),
     (0.0001, "0.0001"), (0.00001, "1e-05"), (5e-324, "5e-324"), (-1234567.5, "-1.2345675e+06")],
)  # fmt: skip
def test_known_numbers(way: str, value: float, text: str) -> None:
    assert written(value, way) == text


@both
def test_a_line_is_head_value_and_time(way: str) -> None:
    heads, head_start = np.frombuffer(b"{a}{bb}", np.uint8), np.array([0, 3, 7], np.int64)
    texts, text_start = np.frombuffer(b"{x}{yy}", np.uint8), np.array([0, 3, 7], np.int64)
    parts = [np.frombuffer(text, np.uint8) for text in (b" <", b">", b" =", b" @ ", b"\n")]
    out = np.empty(400, np.uint8)
    size = getattr(write_lines, way)(
        heads, head_start, np.array([0, 2, 3], np.int64), np.array([-5, 7, -(2**63)], np.int64),
        np.array([1.5, 0.0, 2.0]).view(np.uint64), np.array([-1, 1, -1], np.int32), texts, text_start, *parts,
        powers_of_ten(), out,
    )  # fmt: skip
    assert out[:size].tobytes() == b"{a} <1.5> @ -5\n{a} ={yy} @ 7\n{bb} <2> @ -9223372036854775808\n"
