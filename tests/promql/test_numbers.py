"""Floats as Go's strconv reads them."""

from __future__ import annotations

import math

import pytest

from promontory.promql.numbers import parse_float


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0), (b"+.5", 0.5), (b"5.", 5.0), (b"1_0", 10.0), (b"-1e3", -1000.0), (b"+Inf", math.inf),
        (b"-infinity", -math.inf), (b"0x1p-2", 0.25), (b"0X_1.8P+1", 3.0), (b"1e-400", 0.0),
    ],
)  # fmt: skip
def test_a_float_is_read(text: bytes, value: float) -> None:
    assert parse_float(text) == value


def test_nan_is_read_without_a_sign() -> None:
    assert math.isnan(parse_float(b"nAn"))


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b"1\n", b"+NaN", b"1e400", b"0x1", b"0x1p9999", b"_1", b"1__0", b"1_", b".", b"++1", b"\xd9\xa1"],
)
def test_what_go_refuses_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_float(text)
