"""Prometheus' remote-read answers to columns.

Streamed (`application/x-streamed-protobuf`): frames of

    uvarint length · CRC32 Castagnoli of the payload, big-endian · payload

whose payload is ChunkedReadResponse { 1: ChunkedSeries { 1: Label {1 name, 2 value}, 2: Chunk {1 min, 2 max,
3 type, 4 data} } }. Sampled (`application/x-protobuf`): ReadResponse { 1: QueryResult { 1: TimeSeries
{ 1: Label, 2: Sample {1 double, 2 ms}, 4: Histogram } } }. Histograms of sampled answers are counted, not read.

Each reader runs twice: with empty output arrays it counts, then it fills arrays of that size. A position of -1
stands for bytes that break the format. Source: prompb/remote.proto and types.proto, storage/remote/chunked.go.
Format: docs/formats/remote-read.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import kernel
from promontory.kernels.crc32c import crc32c
from promontory.kernels.label_rows import compare_bytes
from promontory.kernels.memory import load_be32, load_le64, wrap64

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
BAD = -1
LONGEST_VARINT = 10
LARGEST_ENCODING = 255
# What Prometheus' own reader takes (DefaultChunkedReadLimit); its writer makes frames of about 1 MB.
LARGEST_FRAME_BYTES = 50_000_000


@kernel("UniTuple(int64, 2)(octets, int64, int64)")
def read_varint(data: Bytes, position: int, end: int) -> tuple[int, int]:
    """Return (value as int64, next position), or (0, -1)."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            return 0, BAD
        byte = int(data[position])
        position += 1
        if shift == 63:
            if byte > 1:
                return 0, BAD
            if byte == 1:
                value |= -9223372036854775808
        else:
            value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    return 0, BAD


@kernel("UniTuple(int64, 4)(octets, int64, int64)")
def read_field(data: Bytes, position: int, end: int) -> tuple[int, int, int, int]:
    """Return (field number, value or payload start, payload end, next position); the position is -1 on bad bytes.

    A field that is not length-delimited has payload end -1 and its value (raw bits) in the second place.
    """
    key, position = read_varint(data, position, end)
    if position < 0 or key <= 0:
        return 0, 0, -1, BAD
    number = key >> 3
    wire_type = key & 7
    if wire_type == LENGTH:
        size, position = read_varint(data, position, end)
        if position >= 0 and 0 <= size <= end - position:
            return number, position, position + size, position + size
    elif wire_type == VARINT:
        value, position = read_varint(data, position, end)
        if position >= 0:
            return number, value, -1, position
    elif wire_type == FIXED64 and position + 8 <= end:
        return number, signed64(load_le64(data, position)), -1, position + 8
    elif wire_type == FIXED32 and position + 4 <= end:
        return number, 0, -1, position + 4
    return 0, 0, -1, BAD


@kernel("UniTuple(int64, 2)(octets, int64, int64[::1], int64[::1])")
def scan_frames(data: Bytes, end: int, start: Ints, stop: Ints) -> tuple[int, int]:
    """Find whole frames: payload spans into `start`/`stop`; return (count, bytes consumed).

    The count is -1 where a frame has a bad CRC or claims more than LARGEST_FRAME_BYTES.
    """
    count = 0
    consumed = 0
    while count < len(start):
        size, position = read_varint(data, consumed, end)
        if position < 0 and end - consumed < LONGEST_VARINT:
            break
        if position < 0 or size < 0 or size > LARGEST_FRAME_BYTES:
            return BAD, consumed
        if size > end - position - 4:
            break
        checksum = load_be32(data, position)
        position += 4
        if crc32c(data, position, position + size) != checksum:
            return BAD, consumed
        start[count] = position
        stop[count] = position + size
        count += 1
        consumed = position + size
    return count, consumed


@kernel("int64(octets, int64, int64, int64[:, ::1], int64)")
def read_label(data: Bytes, start: int, end: int, spans: Ints, at: int) -> int:
    """Write one Label's [name start, name end, value start, value end] to spans[at]; return 0, or -1 on bad bytes."""
    name_start = name_end = value_start = value_end = start
    position = start
    while position < end:
        number, low, high, position = read_field(data, position, end)
        if position < 0:
            return BAD
        if high >= 0 and number == 1:
            name_start, name_end = low, high
        elif high >= 0 and number == 2:
            value_start, value_end = low, high
    if len(spans) > at:
        spans[at, 0] = name_start
        spans[at, 1] = name_end
        spans[at, 2] = value_start
        spans[at, 3] = value_end
    return 0


@kernel("int64(octets, int64[::1], int64[:, ::1])")
def find_disorder(data: Bytes, label_end: Ints, labels: Ints) -> int:
    """Return the first label whose name is empty or does not rise within its row, or whose value is empty, or -1.

    label_end: int64[n], the end of each row's labels · labels: int64[·, 4] as of read_label
    """
    first = 0
    for row in range(len(label_end)):
        for at in range(first, label_end[row]):
            if labels[at, 0] >= labels[at, 1] or labels[at, 2] >= labels[at, 3]:
                return at
            if (
                at > first
                and compare_bytes(data, labels[at - 1, 0], labels[at - 1, 1], labels[at, 0], labels[at, 1]) >= 0
            ):
                return at
        first = label_end[row]
    return -1


@kernel("int64(octets, int64, int64, int64[:, ::1], int64, int64)")
def read_chunk(data: Bytes, start: int, end: int, chunks: Ints, at: int, row: int) -> int:
    """Write one Chunk's [row, min, max, type, data start, data size] to chunks[at]; return 0, or -1 on bad bytes."""
    minimum = maximum = kind = data_start = size = 0
    position = start
    while position < end:
        number, low, high, position = read_field(data, position, end)
        if position < 0:
            return BAD
        if number == 1:
            minimum = low
        elif number == 2:
            maximum = low
        elif number == 3:
            kind = low
        elif number == 4 and high >= 0:
            data_start = low
            size = high - low
    if kind < 0 or kind > LARGEST_ENCODING:
        return BAD
    if len(chunks) > at:
        chunks[at, 0] = row
        chunks[at, 1] = minimum
        chunks[at, 2] = maximum
        chunks[at, 3] = kind
        chunks[at, 4] = data_start
        chunks[at, 5] = size
    return 0


@kernel("int64(octets, int64[::1], int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[::1])")
def read_chunked_series(
    data: Bytes, start: Ints, stop: Ints, label_end: Ints, labels: Ints, chunks: Ints, counts: Ints
) -> int:
    """Read payloads of ChunkedReadResponse; return 0, or -1 on bad bytes.

    label_end[row] is the end of the row's labels in `labels` int64[·, 4]; chunks int64[·, 6]; counts becomes
    [rows, labels, chunks]. Empty output arrays only count.
    """
    rows = label_count = chunk_count = 0
    for frame in range(len(start)):
        position = start[frame]
        while position < stop[frame]:
            number, low, high, position = read_field(data, position, stop[frame])
            if position < 0:
                return BAD
            if number != 1 or high < 0:
                continue
            inner = low
            while inner < high:
                field, from_, to, inner = read_field(data, inner, high)
                if inner < 0:
                    return BAD
                status = 0
                if field == 1 and to >= 0:
                    status = read_label(data, from_, to, labels, label_count)
                    label_count += 1
                elif field == 2 and to >= 0:
                    status = read_chunk(data, from_, to, chunks, chunk_count, rows)
                    chunk_count += 1
                if status < 0:
                    return status
            if len(label_end) > rows:
                label_end[rows] = label_count
            rows += 1
    counts[0] = rows
    counts[1] = label_count
    counts[2] = chunk_count
    return 0


@kernel("int64(octets, int64, int64, int64[::1], uint64[::1], int64)")
def read_sample(data: Bytes, start: int, end: int, times: Ints, bits: NDArray[np.uint64], at: int) -> int:
    """Write one Sample's time and value bits at `at`; return 0, or -1 on bad bytes."""
    value = time = 0
    position = start
    while position < end:
        number, low, _, position = read_field(data, position, end)
        if position < 0:
            return BAD
        if number == 1:
            value = low
        elif number == 2:
            time = low
    if len(times) > at:
        times[at] = time
        bits[at] = wrap64(value)
    return 0


@kernel("int64(octets, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1], uint64[::1], int64[::1])")
def read_sampled_series(
    data: Bytes, start: int, end: int, ends: Ints, labels: Ints, times: Ints, bits: NDArray[np.uint64], counts: Ints
) -> int:
    """Read the TimeSeries of one QueryResult span; return 0, or -1 on bad bytes.

    ends[row] is [end of the row's labels, end of its samples]; counts becomes [rows, labels, samples, histograms].
    Empty output arrays only count.
    """
    rows = label_count = sample_count = histogram_count = 0
    position = start
    while position < end:
        number, low, high, position = read_field(data, position, end)
        if position < 0:
            return BAD
        if number != 1 or high < 0:
            continue
        inner = low
        while inner < high:
            field, from_, to, inner = read_field(data, inner, high)
            if inner < 0:
                return BAD
            status = 0
            if field == 1 and to >= 0:
                status = read_label(data, from_, to, labels, label_count)
                label_count += 1
            elif field == 2 and to >= 0:
                status = read_sample(data, from_, to, times, bits, sample_count)
                sample_count += 1
            elif field == 4:
                histogram_count += 1
            if status < 0:
                return status
        if len(ends) > rows:
            ends[rows, 0] = label_count
            ends[rows, 1] = sample_count
        rows += 1
    counts[0] = rows
    counts[1] = label_count
    counts[2] = sample_count
    counts[3] = histogram_count
    return 0
