"""Tombstones written by a real Prometheus, and broken ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from promontory.block.tombstones import parse_tombstones
from promontory.errors import CorruptionError
from promontory.kernels.bits import put_uvarint, put_varint
from promontory.kernels.crc32c import crc32c


def render(entries: list[tuple[int, int, int]]) -> bytes:
    data = np.zeros(100 * (len(entries) + 1), np.uint8)
    end = 0
    for ref, low, high in entries:
        end = put_varint(data, put_varint(data, put_uvarint(data, end, ref), low), high)
    body = data[:end]
    return struct.pack(">IB", 0x0130BA30, 1) + body.tobytes() + struct.pack(">I", crc32c(body, 0, end))


def test_intervals_are_read_and_ordered_by_series() -> None:
    low, high = -(2**63), 2**63 - 1
    tombstones = parse_tombstones(render([(7, 1, 5), (2, low, high), (7, 9, 9)]), source="block X")
    assert tombstones.of(7) == [(1, 5), (9, 9)]
    assert tombstones.of(2) == [(low, high)]
    assert tombstones.of(3) == []
    assert len(parse_tombstones(render([]), source="block X")) == 0


def test_a_flipped_bit_or_a_cut_is_corruption() -> None:
    good = render([(7, 1, 5), (300, 1_700_000_000_000, 1_700_000_100_000)])
    for position in range(len(good)):
        with pytest.raises(CorruptionError, match="block X"):
            parse_tombstones(good[:position] + bytes([good[position] ^ 4]) + good[position + 1 :], source="block X")
        with pytest.raises(CorruptionError, match="block X"):
            parse_tombstones(good[:position], source="block X")


def test_an_interval_that_ends_before_it_begins_is_corruption() -> None:
    with pytest.raises(CorruptionError, match="interval"):
        parse_tombstones(render([(7, 5, 4)]), source="block X")
