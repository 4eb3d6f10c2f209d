"""Tombstones written by a real Prometheus, and broken ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from promontory.block.tombstones import LARGEST_BYTES, parse_tombstones
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


def test_intervals_that_overlap_or_touch_are_one() -> None:
    low, high = -(2**63), 2**63 - 1
    entries = [(7, 20, 30), (7, 1, 5), (7, 6, 9), (7, 25, 27), (7, 11, 11), (8, 12, 13), (9, high, high), (9, low, low)]
    tombstones = parse_tombstones(render(entries), source="block X")
    assert tombstones.of(7) == [(1, 5), (6, 9), (11, 11), (20, 30), (25, 27)]
    tombstones = tombstones.united()
    assert tombstones.of(7) == [(1, 9), (11, 11), (20, 30)]
    assert tombstones.of(8) == [(12, 13)]
    assert tombstones.of(9) == [(low, low), (high, high)]


def test_more_than_64_mib_are_refused() -> None:
    with pytest.raises(CorruptionError, match="tombstones in block X at offset 67108864: expected at most 67108864"):
        parse_tombstones(bytes(LARGEST_BYTES + 1), source="block X")


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
