"""Chunk records: what is found in a segment, and what is told of broken ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import chunk_records
from promontory.kernels.crc32c import crc32c

GOOD, CUT, BAD_CRC, MALFORMED = 0, 1, 2, 3


def record(payload: bytes, encoding: int = 1) -> bytes:
    content = bytes([encoding]) + payload
    checksum = int(crc32c(np.frombuffer(content, np.uint8), 0, len(content)))
    size = len(payload)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return length + content + checksum.to_bytes(4, "big")


def check(body: bytes, positions: list[int]) -> list[tuple[int, int, int, int]]:
    answers = []
    for call in (chunk_records.check_records, chunk_records.check_records.py_func):
        count = len(positions)
        status, encoding = np.empty(count, np.uint8), np.empty(count, np.uint8)
        start, length = np.empty(count, np.int64), np.empty(count, np.int64)
        call(np.frombuffer(body, np.uint8), np.array(positions, np.int64), status, encoding, start, length)
        answers.append(list(zip(status.tolist(), encoding.tolist(), start.tolist(), length.tolist(), strict=True)))
    assert answers[0] == answers[1]
    return answers[0]


def test_payloads_are_found_where_they_stand() -> None:
    first, second = record(b"payload"), record(b"x" * 300, encoding=2)
    assert check(b"12345678" + first + second, [8, 8 + len(first)]) == [
        (GOOD, 1, 10, 7),
        (GOOD, 2, 8 + len(first) + 3, 300),
    ]


def test_a_cut_record_says_how_many_bytes_it_needs() -> None:
    whole = record(b"x" * 300)
    for size in range(2, len(whole)):
        assert check(whole[:size], [0]) == [(CUT, 0, 0, len(whole))]
    assert check(whole[:1], [0]) == [(CUT, 0, 0, 0)]
    assert check(whole, [len(whole), -1]) == [(CUT, 0, 0, 0), (CUT, 0, 0, 0)]


def test_a_length_of_more_than_five_bytes_is_malformed() -> None:
    assert check(b"\xff" * 9 + b"\1" + bytes(20), [0]) == [(MALFORMED, 0, 0, 0)]


@given(st.binary(min_size=1, max_size=30), st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_no_flipped_bit_goes_unseen(payload: bytes, bit: int) -> None:
    body = bytearray(record(payload))
    bit %= 8 * len(body)
    body[bit // 8] ^= 1 << bit % 8
    assert check(bytes(body), [0])[0][0] != GOOD


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_both_twins_split_any_aggregate_payload_alike(payload: bytes) -> None:
    answers = []
    for call in (chunk_records.split_aggregates, chunk_records.split_aggregates.py_func):
        parts, broken = np.empty((1, 5, 3), np.int64), np.empty(1, np.uint8)
        call(np.frombuffer(payload, np.uint8), np.zeros(1, np.int64), np.array([len(payload)]), parts, broken)
        answers.append((broken.tolist(), parts.tolist() if not broken[0] else None))
        assert broken[0] or all(0 <= start <= start + size <= len(payload) for _, start, size in parts[0].tolist())
    assert answers[0] == answers[1]
