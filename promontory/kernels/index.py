"""Index v2 in kernels: the symbol table, the postings offset table, and series entries.

    symbols          ( uvarint length, bytes )*                                       strictly rising
    postings table   ( 1 byte 2, uvarint length, name, uvarint length, value, uvarint offset )*   strictly rising
    series entry     uvarint length | uvarint n ( uvarint name, uvarint value )* n
                     uvarint c, varint min, uvarint max - min, uvarint ref,
                     ( uvarint min - max before, uvarint max - min, varint ref - ref before )* (c - 1) | CRC32C

Every function takes an `end`, reads nothing at or past it, and says where the bytes stop making sense.
Source: prometheus tsdb/docs/format/index.md. Format: docs/formats/index.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.crc32c import crc32c
from promontory.kernels.label_rows import compare_bytes
from promontory.kernels.memory import load_be32, wrap64
from promontory.kernels.varint import read_uvarint, read_varint

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]

SAMPLED_EVERY = 32
"""Positions are kept of one entry in 32, as Thanos does: the rest are found by walking from there."""

LONGEST_ENTRY_BYTES = 64 << 20
"""A series entry that claims more is malformed: a flipped bit must not fetch a whole index."""

ENTRY_GOOD, ENTRY_CUT, ENTRY_BAD_CRC, ENTRY_MALFORMED = 0, 1, 2, 3


@kernel("int64(octets, int64, int64, int64, int64[::1])")
def scan_symbols(data: Bytes, position: int, end: int, count: int, sampled: Offsets) -> int:
    """Check `count` symbols in data[position:end] and note the position of one in 32.

    sampled: int64[ceil(count / 32)]. Returns -1, or the position where the table is broken.
    """
    before = position
    before_end = position
    for ref in range(count):
        begin = position
        length, position = read_uvarint(data, begin, end)
        if position < 0 or length < 0 or length > end - position:
            return begin
        if ref > 0 and compare_bytes(data, before, before_end, position, position + length) >= 0:
            return begin
        if ref % SAMPLED_EVERY == 0:
            sampled[ref // SAMPLED_EVERY] = begin
        before = position
        position += length
        before_end = position
    return -1 if position == end else position


@kernel("int64(octets, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1])")
def locate_symbols(
    data: Bytes, end: int, count: int, sampled: Offsets, refs: Offsets, span_start: Offsets, span_end: Offsets
) -> int:
    """Find the bytes of the symbols `refs` (int64[n], rising is fastest) in a scanned table.

    Returns -1, or the index of the first ref that the table does not hold.
    """
    at = -1
    position = 0
    for i in range(len(refs)):
        ref = refs[i]
        if ref < 0 or ref >= count:
            return i
        if at < 0 or ref < at or ref // SAMPLED_EVERY != at // SAMPLED_EVERY:
            at = ref - ref % SAMPLED_EVERY
            position = sampled[ref // SAMPLED_EVERY]
        while True:
            length, after = read_uvarint(data, position, end)
            if at == ref:
                break
            position = after + length
            at += 1
        span_start[i] = after
        span_end[i] = after + length
    return -1


@kernel("int64(octets, int64, int64, int64[::1], int64)")
def read_table_entry(data: Bytes, position: int, end: int, entry: Offsets, total: int) -> int:
    """Read one entry of a postings table; return the position after it, -1 where it is broken.

    entry: int64[5] = name start, name end, value start, value end, offset of the list (below `total`).
    """
    if position >= end or data[position] != 2:
        return -1
    position += 1
    for part in range(2):
        length, position = read_uvarint(data, position, end)
        if position < 0 or length < 0 or length > end - position:
            return -1
        entry[2 * part] = position
        position += length
        entry[2 * part + 1] = position
    offset, position = read_uvarint(data, position, end)
    entry[4] = offset
    return -1 if offset < 0 or offset >= total else position


@kernel("UniTuple(int64, 2)(octets, int64, int64, int64, int64, int64[::1], int64[:, ::1], int64[::1], int64[::1])")
def scan_postings_table(
    data: Bytes, position: int, end: int, count: int, total: int, sampled: Offsets, names: Offsets,
    entry: Offsets, before: Offsets,
) -> tuple[int, int]:  # fmt: skip
    """Check a postings table of `count` entries, note the position of one in 32 and where each name begins.

    total: bytes of the index, which bound the offsets · sampled: int64[ceil(count / 32)] ·
    names: int64[count, 4] = name start, name end, first entry, its position · entry, before: int64[5], scratch.
    Returns (number of names, -1 or the position where the table is broken).
    """
    found = 0
    for index in range(count):
        begin = position
        position = read_table_entry(data, begin, end, entry, total)
        if position < 0:
            return found, begin
        order = 1
        if index > 0:
            order = compare_bytes(data, entry[0], entry[1], before[0], before[1])
            if order == 0 and compare_bytes(data, entry[2], entry[3], before[2], before[3]) <= 0:
                return found, begin
        if order < 0:
            return found, begin
        if order > 0:
            names[found, 0] = entry[0]
            names[found, 1] = entry[1]
            names[found, 2] = index
            names[found, 3] = begin
            found += 1
        if index % SAMPLED_EVERY == 0:
            sampled[index // SAMPLED_EVERY] = begin
        for field in range(4):
            before[field] = entry[field]
    return found, (-1 if position == end else position)


@kernel("void(octets, int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def read_postings_table(
    data: Bytes, position: int, end: int, total: int,
    value_start: Offsets, value_end: Offsets, list_start: Offsets, list_end: Offsets, entry: Offsets,
) -> None:  # fmt: skip
    """Fill int64[n] with the values of n entries of a scanned table and the bytes of their lists.

    list_end is where the next entry's list begins, or `total` where that is not after this one.
    entry: int64[5], scratch.
    """
    count = len(value_start)
    for index in range(count + 1):
        after = read_table_entry(data, position, end, entry, total) if position < end else -1
        offset = entry[4] if after >= 0 else total
        if index > 0:
            list_end[index - 1] = offset if offset > list_start[index - 1] else total
        if index < count:
            value_start[index] = entry[2]
            value_end[index] = entry[3]
            list_start[index] = entry[4]
        position = after


@kernel("int64(octets, int64, int64, int64[::1], int64, int64, int64, octets, int64[::1])")
def find_value(
    data: Bytes, end: int, total: int, sampled: Offsets, first: int, count: int, position: int, value: Bytes,
    entry: Offsets,
) -> int:  # fmt: skip
    """Return the position of the entry of a value among the `count` entries of one name, -1 where there is none.

    The entries of the name begin with number `first` at `position`. entry: int64[5], scratch.
    """
    size = len(value)
    low = first // SAMPLED_EVERY + 1
    high = (first + count - 1) // SAMPLED_EVERY
    index = first
    while low <= high:
        middle = (low + high) // 2
        read_table_entry(data, sampled[middle], end, entry, total)
        if compare_spans(data, entry[2], entry[3], value, 0, size) <= 0:
            index = middle * SAMPLED_EVERY
            position = sampled[middle]
            low = middle + 1
        else:
            high = middle - 1
    while index < first + count:
        after = read_table_entry(data, position, end, entry, total)
        order = compare_spans(data, entry[2], entry[3], value, 0, size)
        if order == 0:
            return position
        if order > 0:
            return -1
        position = after
        index += 1
    return -1


@kernel("int64(octets, int64, int64, octets, int64, int64)")
def compare_spans(data: Bytes, left: int, left_end: int, other: Bytes, right: int, right_end: int) -> int:
    """Return -1, 0 or 1: the order of data[left:left_end] and other[right:right_end]."""
    while left < left_end and right < right_end:
        if data[left] != other[right]:
            return -1 if data[left] < other[right] else 1
        left += 1
        right += 1
    if left < left_end:
        return 1
    return -1 if right < right_end else 0


@kernel("void(octets, int64[::1], int64[::1], uint8[::1], int64[::1])")
def measure_series(data: Bytes, position: Offsets, limit: Offsets, status: Bytes, pairs: Offsets) -> None:
    """Check length and CRC of the entries at `position`, and bound the number of labels of each.

    limit: int64[n], where the bytes that belong together with an entry end, at most len(data) ·
    status: uint8[n] (a good one may still turn out malformed) · pairs: int64[n], 0 where the entry is not good.
    """
    for row in range(len(position)):
        pairs[row] = 0
        begin = position[row]
        end = limit[row]
        length, after = read_uvarint(data, begin, end) if 0 <= begin < end else (0, -1)
        if after < 0 or length < 0 or length > end - after - 4:
            wide = begin >= 0 and (end - begin < 10 or after >= 0) and 0 <= length <= LONGEST_ENTRY_BYTES
            status[row] = ENTRY_CUT if wide else ENTRY_MALFORMED
            continue
        if np.int64(crc32c(data, after, after + length)) != np.int64(load_be32(data, after + length)):
            status[row] = ENTRY_BAD_CRC
            continue
        count, inside = read_uvarint(data, after, after + length)
        if inside < 0 or count < 0 or count > (after + length - inside) // 2:
            status[row] = ENTRY_MALFORMED
            continue
        status[row] = ENTRY_GOOD
        pairs[row] = count


@kernel("void(octets, int64[::1], uint8[::1], int64[::1], int64, int64, int64, int64[:, ::1], int64[::1])")
def parse_series(
    data: Bytes, position: Offsets, status: Bytes, row_start: Offsets, symbols: int, min_ms: int, max_ms: int,
    refs: Offsets, chunks: Offsets,
) -> None:  # fmt: skip
    """Read the label refs of measured entries and count their chunks that overlap [min_ms, max_ms].

    row_start: int64[n + 1] from the measured pairs · symbols: how many there are, which bounds the refs ·
    refs: int64[2, p], names and values · chunks: int64[n].
    An entry that breaks the format gets ENTRY_MALFORMED and no chunks.
    """
    end = len(data)
    for row in range(len(position)):
        chunks[row] = 0
        if status[row] != ENTRY_GOOD:
            continue
        length, place = read_uvarint(data, position[row], end)
        stop = place + length
        _, place = read_uvarint(data, place, stop)
        before = -1
        for pair in range(row_start[row], row_start[row + 1]):
            name, place = read_uvarint(data, place, stop)
            value = -1
            if place >= 0:
                value, place = read_uvarint(data, place, stop)
            if place < 0 or name <= before or name >= symbols or value < 0 or value >= symbols:
                place = -1
                break
            refs[0, pair] = name
            refs[1, pair] = value
            before = name
        if place >= 0:
            chunks[row] = walk_chunks(data, place, stop, min_ms, max_ms)
        if place < 0 or chunks[row] < 0:
            status[row] = ENTRY_MALFORMED
            chunks[row] = 0


@kernel("int64(octets, int64, int64, int64, int64)")
def walk_chunks(data: Bytes, place: int, stop: int, min_ms: int, max_ms: int) -> int:
    """Count the chunks of one entry that overlap [min_ms, max_ms]; -1 where they break the format."""
    count, place = read_uvarint(data, place, stop)
    if place < 0 or count < 0 or count > (stop - place) // 3:
        return -1
    found = 0
    low = 0
    high = 0
    ref = 0
    for chunk in range(count):
        low, high, ref, place = read_chunk_entry(data, place, stop, chunk, high, ref)
        if place < 0 or high < low or ref < 0:
            return -1
        if low <= max_ms and high >= min_ms:
            found += 1
    return found if place == stop else -1


@kernel("UniTuple(int64, 4)(octets, int64, int64, int64, int64, int64)")
def read_chunk_entry(
    data: Bytes, place: int, stop: int, chunk: int, high_before: int, ref_before: int
) -> tuple[int, int, int, int]:
    """Return (min, max, ref, position after) of the chunk numbered `chunk` of an entry; position -1 where it is cut."""
    if chunk == 0:
        low, place = read_varint(data, place, stop)
    else:
        step, place = read_uvarint(data, place, stop)
        low = signed64(wrap64(step) + wrap64(high_before))
    width = 0
    change = 0
    if place >= 0:
        width, place = read_uvarint(data, place, stop)
    if place >= 0:
        if chunk == 0:
            change, place = read_uvarint(data, place, stop)
        else:
            change, place = read_varint(data, place, stop)
    high = signed64(wrap64(low) + wrap64(width))
    ref = signed64(wrap64(ref_before) + wrap64(change))
    if chunk == 0:
        ref = signed64(wrap64(change))
    return low, high, ref, place


@kernel("void(octets, int64[::1], int64[::1], int64, int64, int32[::1], int64[::1], int64[::1], int64[::1])")
def parse_chunk_entries(
    data: Bytes, position: Offsets, chunk_start: Offsets, min_ms: int, max_ms: int,
    row: NDArray[np.int32], min_out: Offsets, max_out: Offsets, ref_out: Offsets,
) -> None:  # fmt: skip
    """Write the chunks of parsed entries that overlap [min_ms, max_ms].

    chunk_start: int64[n + 1] from the counts of parse_series · row, min_out, max_out, ref_out: columns of all chunks.
    """
    end = len(data)
    for index in range(len(position)):
        length, place = read_uvarint(data, position[index], end)
        stop = place + length
        pairs, place = read_uvarint(data, place, stop)
        for _ in range(2 * pairs):
            _, place = read_uvarint(data, place, stop)
        count, place = read_uvarint(data, place, stop)
        target = chunk_start[index]
        high = 0
        ref = 0
        for chunk in range(count):
            low, high, ref, place = read_chunk_entry(data, place, stop, chunk, high, ref)
            if low <= max_ms and high >= min_ms and target < chunk_start[index + 1]:
                row[target] = index
                min_out[target] = low
                max_out[target] = high
                ref_out[target] = ref
                target += 1
