"""Frames to SeriesResponse messages: sizes first, then bytes.

    single  0A len Series                      batch  22 len { 0A len Series }*
    Series  { 0A len Label }* { 12 len AggrChunk }*
    Label   0A len name · 12 len value
    AggrChunk  08 min_time · 10 max_time · { 1A..42 len Chunk }* · CA3E len source
    Chunk   08 type · 12 len data              zeros and empty payloads are left out, as protobuf does

A group is the chunks that share an AggrChunk: neighbours of equal row, time range and source with rising aggregates.
A piece is a Series message: a row, or as many groups of it as stay below the limit. `plan_messages` cuts rows into
pieces and packs pieces into messages; `write_messages` writes them without the chunks' data, whose places it notes
for `copy_payloads`. Source: as in wire_decode.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import octets_at, put_uvarint, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.memory import wrap64
from promontory.kernels.wire import size_bytes_field, size_varint

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

PIECE_FIELDS = 5
PIECE_ROW, PIECE_FIRST, PIECE_LAST, PIECE_SIZE, PIECE_MESSAGE = range(PIECE_FIELDS)
BATCH_HEAD_BYTES = 11
SOURCE_TAG_BYTES = 2


@kernel("int64(int64[::1], int32[::1], int32[::1], int64[::1], int64)")
def size_labels(row_start: Ints, name: Codes, value: Codes, start: Ints, row: int) -> int:
    """Return the bytes of a row's label fields."""
    size = 0
    for pair in range(row_start[row], row_start[row + 1]):
        label = size_bytes_field(start[name[pair] + 1] - start[name[pair]])
        label += size_bytes_field(start[value[pair] + 1] - start[value[pair]])
        size += size_bytes_field(label)
    return size


@kernel("int64(uint8, int64)")
def size_chunk(encoding: int, length: int) -> int:
    """Return the bytes of a Chunk message."""
    size = size_bytes_field(length) if length > 0 else 0
    return size + 2 if encoding != 1 else size


@kernel(
    "void(int64[::1], int64[::1], uint8[::1], uint8[::1], int64[::1], int32[::1], int32[::1], int64[::1], int64[::1])"
)
def size_groups(
    min_ms: Ints,
    max_ms: Ints,
    aggregate: Bytes,
    encoding: Bytes,
    length: Ints,
    source: Codes,
    row: Codes,
    start: Ints,
    group_bytes: Ints,
) -> None:
    """Fill int64[chunks] with the bytes of the AggrChunk at the first chunk of each group, 0 at the others."""
    head = 0
    for chunk in range(len(row)):
        is_new = (
            chunk == 0
            or row[chunk] != row[head]
            or min_ms[chunk] != min_ms[head]
            or max_ms[chunk] != max_ms[head]
            or source[chunk] != source[head]
            or aggregate[chunk] <= aggregate[chunk - 1]
        )
        group_bytes[chunk] = 0
        if is_new:
            head = chunk
            size = 1 + size_varint(min_ms[chunk]) if min_ms[chunk] != 0 else 0
            size += 1 + size_varint(max_ms[chunk]) if max_ms[chunk] != 0 else 0
            text = start[source[chunk] + 1] - start[source[chunk]]
            if text > 0:
                size += SOURCE_TAG_BYTES + size_varint(text) + text
            group_bytes[chunk] = size
        group_bytes[head] += size_bytes_field(size_chunk(encoding[chunk], length[chunk]))


@kernel(
    "UniTuple(int64, 2)(int64[::1], int32[::1], int32[::1], int64[::1], int64[::1], int64[::1], int64, int64,"
    " int64[:, ::1], int64[::1])"
)
def plan_messages(
    row_start: Ints,
    name: Codes,
    value: Codes,
    start: Ints,
    chunk_start: Ints,
    group_bytes: Ints,
    batch_size: int,
    limit_bytes: int,
    pieces: Ints,
    body_bytes: Ints,
) -> tuple[int, int]:
    """Fill pieces int64[PIECE_FIELDS, rows + chunks] and the bytes of message bodies int64[rows + chunks].

    A message holds at most `batch_size` pieces and, unless one group alone is larger, `limit_bytes` bytes.
    chunk_start int64[rows + 1]: the chunks of each row. Returns how many pieces and messages there are.
    """
    room = limit_bytes - BATCH_HEAD_BYTES
    piece = 0
    message = -1
    held = 0
    for row in range(len(row_start) - 1):
        label_bytes = size_labels(row_start, name, value, start, row)
        chunk = chunk_start[row]
        end = chunk_start[row + 1]
        is_first = True
        while is_first or chunk < end:
            is_first = False
            first = chunk
            size = label_bytes
            while chunk < end:
                field = size_bytes_field(group_bytes[chunk]) if group_bytes[chunk] > 0 else 0
                if size_bytes_field(size + field) > room and chunk > first and field > 0:
                    break
                size += field
                chunk += 1
            framed = size_bytes_field(size)
            if message < 0 or held >= batch_size or body_bytes[message] + framed > room:
                message += 1
                body_bytes[message] = 0
                held = 0
            body_bytes[message] += framed
            held += 1
            pieces[PIECE_ROW, piece] = row
            pieces[PIECE_FIRST, piece] = first
            pieces[PIECE_LAST, piece] = chunk
            pieces[PIECE_SIZE, piece] = size
            pieces[PIECE_MESSAGE, piece] = message
            piece += 1
    return piece, message + 1


@kernel("int64(uint8[::1], int64, int64, int64)")
def put_head(out: Bytes, position: int, tag: int, number: int) -> int:
    """Write a tag of one byte and a varint; return the position after them."""
    out[position] = tag
    return put_uvarint(out, position + 1, wrap64(number))


@kernel("int64(uint8[::1], int64, int64, octets, int64, int64)")
def put_text(out: Bytes, position: int, tag: int, blob: Bytes, start: int, end: int) -> int:
    """Write a bytes field; return the position after it."""
    position = put_head(out, position, tag, end - start)
    copy_bytes(out, position, blob, start, end - start)
    return position + end - start


@kernel("int64(uint8[::1], int64, int64[::1], int32[::1], int32[::1], octets, int64[::1], int64)")
def put_labels(
    out: Bytes, position: int, row_start: Ints, name: Codes, value: Codes, blob: Bytes, start: Ints, row: int
) -> int:
    """Write a row's label fields; return the position after them."""
    for pair in range(row_start[row], row_start[row + 1]):
        name_start, name_end = start[name[pair]], start[name[pair] + 1]
        value_start, value_end = start[value[pair]], start[value[pair] + 1]
        size = size_bytes_field(name_end - name_start) + size_bytes_field(value_end - value_start)
        position = put_head(out, position, 0x0A, size)
        position = put_text(out, position, 0x0A, blob, name_start, name_end)
        position = put_text(out, position, 0x12, blob, value_start, value_end)
    return position


@kernel(
    "void(uint8[::1], int64[:, ::1], int64[::1], int64, int64[::1], int32[::1], int32[::1], octets, int64[::1],"
    " int64[::1], int64[::1], uint8[::1], uint8[::1], int64[::1], int32[::1], int64[::1], int64[::1])"
)
def write_messages(
    out: Bytes,
    pieces: Ints,
    body_bytes: Ints,
    is_batch: int,
    row_start: Ints,
    name: Codes,
    value: Codes,
    blob: Bytes,
    start: Ints,
    min_ms: Ints,
    max_ms: Ints,
    aggregate: Bytes,
    encoding: Bytes,
    length: Ints,
    source: Codes,
    group_bytes: Ints,
    payload_at: Ints,
) -> None:
    """Write every message, one after the other, into `out`; note where each chunk's data goes in `payload_at`."""
    position = 0
    before = -1
    for piece in range(pieces.shape[1]):
        message = pieces[PIECE_MESSAGE, piece]
        if is_batch != 0 and message != before:
            position = put_head(out, position, 0x22, body_bytes[message])
        before = message
        position = put_head(out, position, 0x0A, pieces[PIECE_SIZE, piece])
        position = put_labels(out, position, row_start, name, value, blob, start, pieces[PIECE_ROW, piece])
        first, last = pieces[PIECE_FIRST, piece], pieces[PIECE_LAST, piece]
        chunk = first
        while chunk < last:
            head = chunk
            position = put_head(out, position, 0x12, group_bytes[head])
            if min_ms[head] != 0:
                position = put_head(out, position, 0x08, min_ms[head])
            if max_ms[head] != 0:
                position = put_head(out, position, 0x10, max_ms[head])
            while chunk < last and (chunk == head or group_bytes[chunk] == 0):
                tag = (signed64(aggregate[chunk]) + 3) << 3 | 2
                position = put_head(out, position, tag, size_chunk(encoding[chunk], length[chunk]))
                if encoding[chunk] != 1:
                    position = put_head(out, position, 0x08, signed64(encoding[chunk]) - 1)
                if length[chunk] > 0:
                    position = put_head(out, position, 0x12, length[chunk])
                payload_at[chunk] = position
                position += length[chunk]
                chunk += 1
            text_start, text_end = start[source[head]], start[source[head] + 1]
            if text_end > text_start:
                out[position] = 0xCA
                position = put_text(out, position + 1, 0x3E, blob, text_start, text_end)


@kernel("void(uint8[::1], int64[::1], int64[::1], int64[::1], int32[::1], int64[::1], int64[::1])")
def copy_payloads(
    out: Bytes,
    payload_at: Ints,
    start: Ints,
    length: Ints,
    buffer: Codes,
    addresses: Ints,
    sizes: Ints,
) -> None:
    """Copy each chunk's data from its buffer to its place. The caller has checked starts and lengths by `sizes`."""
    for chunk in range(len(start)):
        data = octets_at(signed64(addresses[buffer[chunk]]), signed64(sizes[buffer[chunk]]))
        copy_bytes(out, payload_at[chunk], data, start[chunk], length[chunk])
