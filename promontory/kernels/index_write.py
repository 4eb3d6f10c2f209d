"""Index v2 written in kernels: strings, series entries, postings lists and their offset table.

    symbols          ( uvarint length, bytes )*
    series entry     zeros to a multiple of 16 | uvarint length | labels | chunks | CRC32C of labels and chunks
      labels           uvarint n, ( uvarint name, uvarint value )* n           numbers of symbols
      chunks           uvarint c, varint min, uvarint max - min, uvarint ref,
                       ( uvarint min - max before, uvarint max - min, varint ref - ref before )* (c - 1)
    postings list    BE32 length | BE32 n, BE32 * n: offsets of series entries / 16 | CRC32C
    postings table   ( 1 byte 2, uvarint length, name, uvarint length, value, uvarint offset )*

The chunks part of an entry does not depend on symbols, so it is encoded as chunks arrive; the rest is added at the
end, when all symbols are known. Source: prometheus tsdb/docs/format/index.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import put_uvarint, put_varint, signed64, store_be32
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.crc32c import crc32c
from promontory.kernels.memory import count_leading_zeros, wrap64

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

# Most bytes of an entry besides its labels and chunks, of a label, of a chunk, of a table entry besides its strings.
ENTRY_ROOM = 35
LABEL_ROOM = 10
CHUNK_ROOM = 30
TABLE_ROOM = 21
LIST_ROOM = 12
ALIGNMENT = 16


@kernel("int64(int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1])")
def encode_chunk_entries(
    chunk_start: Ints, min_ms: Ints, max_ms: Ints, ref: Ints, out: Bytes, entry_start: Ints
) -> int:
    """Write the chunks part of row r to out[entry_start[r] : entry_start[r + 1]].

    Returns -1, or the first chunk that ends before it begins or begins within the one before it.
    """
    at = signed64(0)
    for row in range(len(chunk_start) - 1):
        entry_start[row] = at
        first = signed64(chunk_start[row])
        at = put_uvarint(out, at, wrap64(chunk_start[row + 1] - first))
        for i in range(first, signed64(chunk_start[row + 1])):
            low = signed64(min_ms[i])
            high = signed64(max_ms[i])
            if high < low or (i > first and low <= max_ms[i - 1]):
                return i
            if i == first:
                at = put_varint(out, at, low)
            else:
                at = put_uvarint(out, at, wrap64(wrap64(low) - wrap64(max_ms[i - 1])))
            at = put_uvarint(out, at, wrap64(wrap64(high) - wrap64(low)))
            if i == first:
                at = put_uvarint(out, at, wrap64(ref[i]))
            else:
                at = put_varint(out, at, signed64(ref[i] - ref[i - 1]))
    entry_start[len(chunk_start) - 1] = at
    return -1


@kernel("int64(uint64)")
def measure_uvarint(word: int) -> int:
    """Return how many bytes an unsigned varint takes."""
    return max(1, (70 - signed64(count_leading_zeros(word))) // 7)


@kernel(
    "UniTuple(int64, 2)(int64[::1], int32[::1], int32[::1], octets, int64[::1], int64, int64, int64,"
    " uint8[::1], int64[::1])"
)
def write_series(
    row_start: Ints,
    name: Codes,
    value: Codes,
    entries: Bytes,
    entry_start: Ints,
    first: int,
    last: int,
    origin: int,
    out: Bytes,
    ref: Ints,
) -> tuple[int, int]:
    """Write the entries of rows [first, last) to `out`, which begins at offset `origin` of the index.

    `name` and `value` are numbers of symbols. Fills ref[first:last] with offsets / 16; returns (end in `out`, bytes
    of the largest entry with its padding).
    """
    at = signed64(0)
    largest = signed64(0)
    for row in range(first, last):
        begin = at
        while (origin + at) % ALIGNMENT != 0:
            out[at] = 0
            at += 1
        ref[row] = (origin + at) // ALIGNMENT
        pairs = signed64(row_start[row + 1] - row_start[row])
        chunks_bytes = signed64(entry_start[row + 1] - entry_start[row])
        size = measure_uvarint(wrap64(pairs)) + chunks_bytes
        for i in range(signed64(row_start[row]), signed64(row_start[row + 1])):
            size += measure_uvarint(wrap64(name[i])) + measure_uvarint(wrap64(value[i]))
        content = put_uvarint(out, at, wrap64(size))
        at = put_uvarint(out, content, wrap64(pairs))
        for i in range(signed64(row_start[row]), signed64(row_start[row + 1])):
            at = put_uvarint(out, at, wrap64(name[i]))
            at = put_uvarint(out, at, wrap64(value[i]))
        copy_bytes(out, at, entries, signed64(entry_start[row]), chunks_bytes)
        at += chunks_bytes
        store_be32(out, at, crc32c(out, content, at))
        at += 4
        largest = max(largest, at - begin)
    return at, largest


@kernel("int64(octets, int64[::1], int32[::1], uint8[::1])")
def write_strings(blob: Bytes, start: Ints, codes: Codes, out: Bytes) -> int:
    """Write the strings of `codes` with their lengths; return the end."""
    at = signed64(0)
    for i in range(len(codes)):
        at = put_string(blob, start, codes[i], out, at)
    return at


@kernel("int64(octets, int64[::1], int32, uint8[::1], int64)")
def put_string(blob: Bytes, start: Ints, code: int, out: Bytes, at: int) -> int:
    """Write one string with its length at `at`; return the end."""
    begin = signed64(start[code])
    size = signed64(start[code + 1]) - begin
    at = put_uvarint(out, at, wrap64(size))
    copy_bytes(out, at, blob, begin, size)
    return at + size


@kernel("int64(int64[::1], int64[::1], int64, uint8[::1], int64[::1])")
def write_postings(list_start: Ints, ref: Ints, origin: int, out: Bytes, offset: Ints) -> int:
    """Write list l of refs list_start[l] .. list_start[l + 1]; `out` begins at offset `origin`, a multiple of 4.

    Fills offset[l], the place of the list in the index; returns the end in `out`.
    """
    at = signed64(0)
    for i in range(len(list_start) - 1):
        count = signed64(list_start[i + 1] - list_start[i])
        offset[i] = origin + at
        store_be32(out, at, wrap64(4 * count + 4))
        content = at + 4
        store_be32(out, content, wrap64(count))
        at = content + 4
        for j in range(signed64(list_start[i]), signed64(list_start[i + 1])):
            store_be32(out, at, wrap64(ref[j]))
            at += 4
        store_be32(out, at, crc32c(out, content, at))
        at += 4
    return at


@kernel("int64(octets, int64[::1], int32[::1], int32[::1], int64[::1], uint8[::1])")
def write_postings_table(blob: Bytes, start: Ints, name: Codes, value: Codes, offset: Ints, out: Bytes) -> int:
    """Write the entries (name, value, offset) of the postings offset table; return the end."""
    at = signed64(0)
    for i in range(len(offset)):
        out[at] = 2
        at = put_string(blob, start, name[i], out, at + 1)
        at = put_string(blob, start, value[i], out, at)
        at = put_uvarint(out, at, wrap64(offset[i]))
    return at
