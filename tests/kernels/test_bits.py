import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.bits import (
    count_trailing_zeros,
    octets_at,
    put_uvarint,
    put_varint,
    signed64,
    store_be32,
    store_be64,
)
from promontory.kernels.compile import kernel
from promontory.kernels.memory import wrap64

WORDS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63, 2**64 - 1]))


@kernel("int64(uint8[::1], uint64, int64[::1], int64, int64)")
def use_every_primitive(data, word, out, address, size):
    store_be64(data, 1, word)
    store_be32(data, 9, word & wrap64(0xFFFFFFFF))
    out[0] = signed64(word)
    out[1] = count_trailing_zeros(word)
    total = np.int64(0)
    for octet in octets_at(address, size):
        total += octet
    return total


@settings(max_examples=50, deadline=None)
@given(word=WORDS)
def test_machine_code_and_plain_twins_agree_on_every_primitive(word):
    octets = np.arange(7, dtype=np.uint8)
    results = []
    for call in (use_every_primitive, use_every_primitive.py_func):
        data, out = np.zeros(13, np.uint8), np.zeros(2, np.int64)
        total = call(data, word, out, octets.ctypes.data, len(octets))
        results.append((bytes(data), out.tolist(), total))
    assert results[0] == results[1]
    assert results[0][0] == b"\0" + word.to_bytes(8, "big") + (word & 0xFFFFFFFF).to_bytes(4, "big")
    assert results[0][2] == 21


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (2**64 - 1, b"\xff" * 9 + b"\x01")],
)
def test_unsigned_varints_are_written_as_go_writes_them(number, expected):
    for call in (put_uvarint, put_uvarint.py_func):
        data = np.zeros(10, np.uint8)
        end = call(data, 0, number)
        assert bytes(data[:end]) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, b"\0"), (-1, b"\1"), (1, b"\2"), (-64, b"\x7f"), (64, b"\x80\x01"), (-(2**63), b"\xff" * 9 + b"\x01")],
)
def test_signed_varints_are_zig_zag(number, expected):
    for call in (put_varint, put_varint.py_func):
        data = np.zeros(10, np.uint8)
        end = call(data, 0, number)
        assert bytes(data[:end]) == expected
