"""The index kernels on small hand-made sections: what they read, what they refuse, and their plain twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import index
from promontory.kernels.bits import put_uvarint, put_varint
from promontory.kernels.crc32c import crc32c
from promontory.kernels.varint import read_uvarint, read_varint

Call = Callable[..., Any]
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def both(kernel: Any) -> tuple[Call, Call]:
    return kernel, kernel.py_func


def uvarint(number: int) -> bytes:
    data = np.zeros(10, np.uint8)
    return data[: put_uvarint(data, 0, number)].tobytes()


def varint(number: int) -> bytes:
    data = np.zeros(10, np.uint8)
    return data[: put_varint(data, 0, number)].tobytes()


def text(value: bytes) -> bytes:
    return uvarint(len(value)) + value


def octets(body: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(body, np.uint8)


def framed(content: bytes) -> bytes:
    checksum = crc32c(octets(content), 0, len(content))
    return uvarint(len(content)) + content + int(checksum).to_bytes(4, "big")


def entry(pairs: Sequence[tuple[int, int]], chunks: Sequence[tuple[int, int, int]]) -> bytes:
    body = (
        uvarint(len(pairs)) + b"".join(uvarint(name) + uvarint(value) for name, value in pairs) + uvarint(len(chunks))
    )
    high_before = ref_before = 0
    for number, (low, high, ref) in enumerate(chunks):
        if number == 0:
            body += varint(low) + uvarint(high - low) + uvarint(ref)
        else:
            body += uvarint(low - high_before) + uvarint(high - low) + varint(ref - ref_before)
        high_before, ref_before = high, ref
    return framed(body)


@given(st.integers(0, 2**64 - 1))
@settings(max_examples=50, deadline=None)
def test_varints_are_read_back_and_cut_ones_are_refused(number: int) -> None:
    body = uvarint(number)
    signed = (number + 2**63) % 2**64 - 2**63
    for call in both(read_uvarint):
        assert call(octets(body), 0, len(body)) == (signed, len(body))
        assert call(octets(body), 0, len(body) - 1)[1] == -1
    zigzag = varint(signed)
    for call in both(read_varint):
        assert call(octets(zigzag), 0, len(zigzag)) == (signed, len(zigzag))


def test_a_varint_of_more_than_64_bits_is_refused() -> None:
    for body in (b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x01", b"\xff" * 20):
        for call in both(read_uvarint):
            assert call(octets(body), 0, len(body))[1] == -1


@pytest.mark.parametrize("count", [0, 1, 32, 33, 100])
def test_symbols_are_found_by_number(count: int) -> None:
    symbols = sorted(b"%05d" % (7919 * i % 99_999) for i in range(count))
    body = b"head" + b"".join(map(text, symbols))
    data, end = octets(body), len(body)
    refs = np.array([*range(count), *reversed(range(count))], np.int64)
    for scan, locate in zip(both(index.scan_symbols), both(index.locate_symbols), strict=True):
        sampled = np.empty(-(-count // index.SAMPLED_EVERY), np.int64)
        assert scan(data, 4, end, count, sampled) == -1
        start, stop = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
        assert locate(data, end, count, sampled, refs, start, stop) == -1
        assert [body[a:b] for a, b in zip(start, stop, strict=True)] == symbols + symbols[::-1]
        bad = np.array([count], np.int64)
        assert locate(data, end, count, sampled, bad, np.empty(1, np.int64), np.empty(1, np.int64)) == 0


@pytest.mark.parametrize("symbols", [[b"b", b"a"], [b"a", b"a"], [b"ab", b"a"]])
def test_symbols_that_do_not_rise_are_refused(symbols: list[bytes]) -> None:
    body = b"".join(map(text, symbols))
    for scan in both(index.scan_symbols):
        assert scan(octets(body), 0, len(body), 2, np.empty(1, np.int64)) == len(text(symbols[0]))


def test_a_symbol_that_is_cut_or_left_over_is_refused() -> None:
    body = text(b"a") + text(b"bc")
    for scan in both(index.scan_symbols):
        assert scan(octets(body), 0, len(body) - 1, 2, np.empty(1, np.int64)) == 2
        assert scan(octets(body), 0, len(body), 1, np.empty(1, np.int64)) == 2
        assert scan(octets(body), 0, len(body), 3, np.empty(1, np.int64)) == len(body)


def table_of(entries: Sequence[tuple[bytes, bytes, int]]) -> bytes:
    return b"".join(b"\2" + text(name) + text(value) + uvarint(offset) for name, value, offset in entries)


def test_a_postings_table_gives_names_values_and_the_bytes_of_lists() -> None:
    entries = [(b"", b"", 100)]
    entries += [(b"instance", b"host-%03d" % i, 200 + 10 * i) for i in range(90)]
    entries += [(b"job", b"a", 1200), (b"job", b"b", 1190)]
    body = table_of(entries)
    data, end, total = octets(body), len(body), 1300
    found = []
    for kernel in range(2):
        scan, read, find = (
            both(one)[kernel] for one in (index.scan_postings_table, index.read_postings_table, index.find_value)
        )
        scratch = np.zeros(5, np.int64)
        sampled = np.empty(-(-len(entries) // index.SAMPLED_EVERY), np.int64)
        names = np.empty((len(entries), 4), np.int64)
        assert scan(data, 0, end, len(entries), total, sampled, names, scratch, scratch.copy()) == (3, -1)
        assert [body[a:b] for a, b in names[:3, :2]] == [b"", b"instance", b"job"]
        assert names[:3, 2].tolist() == [0, 1, 91]
        columns = [np.empty(92, np.int64) for _ in range(4)]
        read(data, int(names[1, 3]), end, total, *columns, scratch)
        assert [body[a:b] for a, b in zip(*columns[:2], strict=True)] == [value for _, value, _ in entries[1:]]
        assert columns[2].tolist() == [offset for _, _, offset in entries[1:]]
        assert columns[3].tolist() == [*[offset for _, _, offset in entries[2:92]], total, total]
        places = [
            find(data, end, total, sampled, 1, 90, int(names[1, 3]), octets(value), scratch)
            for _, value, _ in [
                *entries[1:91],
                (b"", b"", 0),
                (b"", b"host", 0),
                (b"", b"zz", 0),
                (b"", b"host-0895", 0),
            ]
        ]
        assert places[90:] == [-1] * 4
        assert places == sorted(places[:90]) + [-1] * 4
        found.append(places)
    assert found[0] == found[1]


def test_a_postings_table_that_is_broken_anywhere_is_refused_or_still_in_order() -> None:
    good = table_of([(b"a", b"x", 5), (b"a", b"y", 6), (b"b", b"x", 7)])
    cases = [good[:size] for size in range(len(good))]
    cases += [table_of([(b"a", b"x", 5), (b"a", b"x", 6), (b"b", b"x", 7)])]
    cases += [table_of([(b"a", b"x", 5), (b"b", b"x", 6), (b"a", b"y", 7)])]
    cases += [table_of([(b"a", b"x", 5), (b"a", b"y", 9), (b"b", b"x", 7)])]
    for body in cases:
        for scan in both(index.scan_postings_table):
            scratch = np.zeros((2, 5), np.int64)
            names = np.empty((3, 4), np.int64)
            assert scan(octets(body), 0, len(body), 3, 9, np.empty(1, np.int64), names, *scratch)[1] >= 0


CHUNKS = [(1000, 2000, 8), (2001, 2001, 90), (5000, HIGHEST - 1, 1 << 32 | 8)]


def parse(kernels: int, body: bytes, positions: list[int], low: int, high: int, symbols: int = 50) -> Any:
    measure, read, chunks_of = (
        both(one)[kernels] for one in (index.measure_series, index.parse_series, index.parse_chunk_entries)
    )
    data = octets(body)
    position = np.array(positions, np.int64)
    status = np.empty(len(position), np.uint8)
    pairs = np.empty(len(position), np.int64)
    measure(data, position, np.full(len(position), len(body)), status, pairs)
    row_start = np.concatenate([[0], np.cumsum(pairs)]).astype(np.int64)
    refs = np.zeros((2, int(row_start[-1])), np.int64)
    count = np.empty(len(position), np.int64)
    read(data, position, status, row_start, symbols, low, high, refs, count)
    good = np.flatnonzero(status == index.ENTRY_GOOD)
    start = np.concatenate([[0], np.cumsum(count[good])]).astype(np.int64)
    row = np.empty(int(start[-1]), np.int32)
    columns = [np.empty(len(row), np.int64) for _ in range(3)]
    chunks_of(data, position[good], start, low, high, row, *columns)
    return status.tolist(), refs.tolist(), row.tolist(), [column.tolist() for column in columns]


@pytest.mark.parametrize("twin", [0, 1])
def test_series_entries_give_label_refs_and_the_chunks_that_overlap(twin: int) -> None:
    first, second = entry([(1, 2), (3, 40)], CHUNKS), entry([(7, 8)], [(LOWEST, LOWEST + 5, 9), (-4, 3, 5)])
    body = first + bytes(8) + second
    positions = [0, len(first) + 8]
    status, refs, row, columns = parse(twin, body, positions, LOWEST, HIGHEST)
    assert status == [index.ENTRY_GOOD] * 2
    assert refs == [[1, 3, 7], [2, 40, 8]]
    assert row == [0, 0, 0, 1, 1]
    assert list(zip(*columns, strict=True)) == [*CHUNKS, (LOWEST, LOWEST + 5, 9), (-4, 3, 5)]
    assert parse(twin, body, positions, 2001, 4999)[3] == [[2001], [2001], [90]]
    assert parse(twin, body, positions, 2000, 2000)[3] == [[1000], [2000], [8]]


@pytest.mark.parametrize("twin", [0, 1])
def test_entries_that_break_the_format_are_told_by_status(twin: int) -> None:
    good = entry([(1, 2), (3, 4)], CHUNKS)
    cases = {
        entry([(3, 4), (1, 2)], CHUNKS): index.ENTRY_MALFORMED,
        entry([(1, 2), (1, 3)], CHUNKS): index.ENTRY_MALFORMED,
        entry([(1, 50)], CHUNKS): index.ENTRY_MALFORMED,
        framed(uvarint(2**40) + bytes(20)): index.ENTRY_MALFORMED,
        framed(uvarint(0) + uvarint(2**40) + bytes(20)): index.ENTRY_MALFORMED,
        framed(entry([], [])[1:-4] + b"\0"): index.ENTRY_MALFORMED,
        framed(uvarint(0) + uvarint(1) + varint(5) + uvarint(2**63) + uvarint(1)): index.ENTRY_MALFORMED,
        good[:-1]: index.ENTRY_CUT,
        good[:1]: index.ENTRY_CUT,
        good[:-1] + b"\x99": index.ENTRY_BAD_CRC,
        b"\xff" * 30: index.ENTRY_MALFORMED,
    }
    for body, expected in cases.items():
        assert parse(twin, body, [0], LOWEST, HIGHEST)[0] == [expected], body


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_behind_a_right_crc_give_equal_results_from_both_twins(content: bytes) -> None:
    body = framed(content)
    assert parse(0, body, [0], -10, 10) == parse(1, body, [0], -10, 10)
