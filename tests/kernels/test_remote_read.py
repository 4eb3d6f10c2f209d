from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.crc32c import crc32c
from promontory.kernels.remote_read import (
    find_disorder,
    read_chunked_series,
    read_field,
    read_sampled_series,
    read_varint,
    scan_frames,
)

Scan = Callable[[np.ndarray, int, np.ndarray, np.ndarray], tuple[int, int]]


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def delimited(field: int, payload: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def label(name: bytes, value: bytes) -> bytes:
    return delimited(1, delimited(1, name) + delimited(2, value))


def frame(payload: bytes) -> bytes:
    data = np.frombuffer(payload, np.uint8)
    return varint(len(payload)) + int(crc32c(data, 0, len(payload))).to_bytes(4, "big") + payload


def octets(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@given(st.integers(-(2**63), 2**63 - 1))
@settings(max_examples=60, deadline=None)
def test_a_varint_reads_the_same_in_both_twins(value: int) -> None:
    data = octets(varint(value))
    assert tuple(read_varint(data, 0, len(data))) == (value, len(data))
    assert tuple(int(part) for part in read_varint.py_func(data, 0, len(data))) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 11, b"\x80" * 9 + b"\x02"])
def test_a_varint_without_end_is_bad(data: bytes) -> None:
    assert read_varint(octets(data), 0, len(data))[1] == -1


def test_a_field_that_claims_more_than_there_is_is_bad() -> None:
    data = octets(b"\x0a\x05abcd")
    assert read_field(data, 0, len(data))[3] == -1


SERIES = [
    delimited(
        1,
        label(b"__name__", b"up")
        + label(b"job", b"x\xff")
        + delimited(2, number(1, -5) + number(2, 7) + number(3, 1) + delimited(4, b"chunk-1"))
        + delimited(2, number(1, 8) + number(2, 9) + number(3, 2) + delimited(4, b"chunk-two")),
    ),
    delimited(1, label(b"__name__", b"zero")) + number(2, 0),
]


def read(data: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[list[int], list[list[int]], list[list[int]]]:
    counts = np.zeros(3, np.int64)
    none = np.empty(0, np.int64)
    assert read_chunked_series(data, start, stop, none, np.empty((0, 4), int), np.empty((0, 6), int), counts) == 0
    results = []
    for reader in (read_chunked_series, read_chunked_series.py_func):
        ends = np.empty(counts[0], np.int64)
        labels, chunks = np.empty((counts[1], 4), np.int64), np.empty((counts[2], 6), np.int64)
        assert reader(data, start, stop, ends, labels, chunks, counts) == 0
        results.append((ends.tolist(), labels.tolist(), chunks.tolist()))
    assert results[0] == results[1]
    return results[0]


def test_streamed_frames_become_labels_and_chunk_columns() -> None:
    body = b"".join(frame(payload) for payload in SERIES)
    data = octets(body + b"\x07partial")
    start, stop = np.empty(8, np.int64), np.empty(8, np.int64)
    count, consumed = scan_frames(data, len(data), start, stop)
    assert (count, consumed) == (2, len(body))
    ends, labels, chunks = read(data, start[:2], stop[:2])
    assert ends == [2, 3]
    assert [(data[a:b].tobytes(), data[c:d].tobytes()) for a, b, c, d in labels] == [
        (b"__name__", b"up"),
        (b"job", b"x\xff"),
        (b"__name__", b"zero"),
    ]
    assert [(row, low, high, kind, data[at : at + size].tobytes()) for row, low, high, kind, at, size in chunks] == [
        (0, -5, 7, 1, b"chunk-1"),
        (0, 8, 9, 2, b"chunk-two"),
    ]


def test_a_flipped_bit_in_a_frame_is_found() -> None:
    body = bytearray(frame(SERIES[0]))
    body[-1] ^= 1
    out = np.empty(8, np.int64)
    assert scan_frames(octets(bytes(body)), len(body), out, out.copy())[0] == -1


def test_every_truncation_of_a_payload_is_bad_or_shorter() -> None:
    whole = SERIES[0]
    for cut in range(len(whole)):
        counts = np.zeros(3, np.int64)
        data = octets(whole[:cut])
        edges = np.array([0]), np.array([cut])
        status = read_chunked_series(
            data, *edges, np.empty(0, int), np.empty((0, 4), int), np.empty((0, 6), int), counts
        )
        assert status == (0 if cut == 0 else -1)


def test_sampled_series_keep_the_bits_of_every_value() -> None:
    stale = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    samples = [(1000, 1.5), (2000, stale), (-3000, -0.0)]
    body = delimited(
        1,
        label(b"a", b"b")
        + b"".join(delimited(2, b"\x09" + struct.pack("<d", value) + number(2, time)) for time, value in samples)
        + delimited(4, b"a histogram"),
    )
    data = octets(body)
    for reader in (read_sampled_series, read_sampled_series.py_func):
        counts = np.zeros(4, np.int64)
        ends, labels = np.empty((1, 2), np.int64), np.empty((1, 4), np.int64)
        times, bits = np.empty(3, np.int64), np.empty(3, np.uint64)
        assert reader(data, 0, len(data), ends, labels, times, bits, counts) == 0
        assert counts.tolist() == [1, 1, 3, 1]
        assert ends.tolist() == [[1, 3]]
        assert times.tolist() == [time for time, _ in samples]
        assert bits.tolist() == [struct.unpack("<Q", struct.pack("<d", value))[0] for _, value in samples]


@pytest.mark.parametrize("scan", [scan_frames, scan_frames.py_func])
@pytest.mark.parametrize("size", [b"\xff" * 11, varint(-1), varint(50_000_001)])
def test_a_frame_that_no_prometheus_sends_is_bad_and_not_waited_for(size: bytes, scan: Scan) -> None:
    out = np.empty(2, np.int64)
    good = frame(SERIES[0])
    data = octets(good + size + b"checksum")
    assert tuple(scan(data, len(data), out, out.copy())) == (-1, len(good))


@pytest.mark.parametrize("scan", [scan_frames, scan_frames.py_func])
@pytest.mark.parametrize("size", [b"\xff" * 9, varint(50_000_000), b""])
def test_a_frame_that_goes_on_is_waited_for(size: bytes, scan: Scan) -> None:
    out = np.empty(2, np.int64)
    good = frame(SERIES[0])
    data = octets(good + size)
    assert tuple(scan(data, len(data), out, out.copy())) == (1, len(good))


@pytest.mark.parametrize("find", [find_disorder, find_disorder.py_func])
@pytest.mark.parametrize(
    ("rows", "bad"),
    [
        ([[(b"a", b"1"), (b"b", b"2")], [], [(b"a", b"1")]], -1),
        ([[(b"a", b"1")], [(b"b", b"2"), (b"a", b"1")]], 2),
        ([[(b"a", b"1"), (b"a", b"2")]], 1),
        ([[(b"a", b"")]], 0),
    ],
)
def test_labels_that_do_not_rise_or_are_empty_are_found(
    rows: list[list[tuple[bytes, bytes]]], bad: int, find: Callable[[np.ndarray, np.ndarray, np.ndarray], int]
) -> None:
    data = octets(b"".join(delimited(1, b"".join(label(*pair) for pair in row)) for row in rows))
    ends, labels, _ = read(data, np.array([0]), np.array([len(data)]))
    assert find(data, np.array(ends), np.array(labels, np.int64).reshape(-1, 4)) == bad


def test_a_chunk_encoding_beyond_a_byte_is_bad() -> None:
    data = octets(delimited(1, label(b"a", b"b") + delimited(2, number(3, 257))))
    span = (np.array([0]), np.array([len(data)]))
    empty = (np.empty(0, np.int64), np.empty((0, 4), np.int64), np.empty((0, 6), np.int64), np.zeros(3, np.int64))
    assert read_chunked_series(data, *span, *empty) == read_chunked_series.py_func(data, *span, *empty) == -1
