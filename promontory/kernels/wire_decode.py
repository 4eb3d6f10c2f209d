"""SeriesResponse messages to columns: spans of distinct strings, label codes and chunk columns.

    SeriesResponse  1 series · 2 warning · 3 hints · 4 batch { 1 series }
    Series          1 labels { 1 name · 2 value } · 2 chunks
    AggrChunk       1 min_time · 2 max_time · 3 raw … 8 counter { 1 type · 2 data · 3 hash } · 1001 source

Several messages laid end to end parse as one. `count_message` counts, the caller allocates, `read_message` fills.
Strings are interned locally: a row mostly repeats the strings of the row before, which costs a comparison; others go
through a hash index that grows inside its array. A row with the labels of the row before goes on with that row.
Unknown fields are skipped; a label with an empty value is no label.

`state` int64[STATES] is where the kernels are; STOPPED is the offset of the bytes that a status other than OK is about.
Source: Thanos' pkg/store/storepb/{rpc,types}.proto.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import signed64
from promontory.kernels.compile import inlined, kernel
from promontory.kernels.memory import load_le64, wrap64
from promontory.kernels.symbols import hash_bytes, rebuild_slots
from promontory.kernels.wire import read_field

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

OK, MALFORMED, LABELS_OUT_OF_ORDER, UNKNOWN_ENCODING = range(4)
STATES = 7
ROW, PAIR, CHUNK, WARNING, DISTINCT, SLOTS, STOPPED = range(STATES)
CHUNK_FIELDS = 8
CHUNK_ROW, CHUNK_MIN, CHUNK_MAX, CHUNK_AGGREGATE, CHUNK_ENCODING, CHUNK_START, CHUNK_LENGTH, CHUNK_SOURCE = range(
    CHUNK_FIELDS
)
# Tags of length-delimited fields 1 to 8, of varint fields 1 and 2, and of the extension field 1001.
BYTES_1, BYTES_2, BYTES_3, BYTES_4, BYTES_8 = 0x0A, 0x12, 0x1A, 0x22, 0x42
VARINT_1, VARINT_2 = 0x08, 0x10
BYTES_1001 = 1001 << 3 | 2
MAX_ENCODING = 254
FIRST_SLOTS = 256


@kernel("int64(octets, int64[::1])")
def count_message(data: Bytes, state: Ints) -> int:
    """Count rows, pairs, chunks and warnings (an upper bound of what is filled) into `state`; return a status."""
    position = 0
    while position < len(data):
        tag, value, after = read_field(data, position, len(data))
        state[STOPPED] = position
        if after < 0:
            return MALFORMED
        if tag == BYTES_1:
            if count_series(data, value, after, state) != OK:
                return MALFORMED
        elif tag == BYTES_2:
            state[WARNING] += 1
        elif tag == BYTES_4:
            while value < after:
                tag, inner, next_ = read_field(data, value, after)
                state[STOPPED] = value
                if next_ < 0:
                    return MALFORMED
                if tag == BYTES_1 and count_series(data, inner, next_, state) != OK:
                    return MALFORMED
                value = next_
        position = after
    return OK


@kernel("int64(octets, int64, int64, int64[::1])")
def count_series(data: Bytes, position: int, end: int, state: Ints) -> int:
    """Count one series; return a status."""
    state[ROW] += 1
    while position < end:
        tag, value, after = read_field(data, position, end)
        state[STOPPED] = position
        if after < 0:
            return MALFORMED
        if tag == BYTES_1:
            state[PAIR] += 1
        elif tag == BYTES_2:
            while value < after:
                tag, _, next_ = read_field(data, value, after)
                state[STOPPED] = value
                if next_ < 0:
                    return MALFORMED
                if tag >= BYTES_3 and tag <= BYTES_8 and tag & 7 == 2:
                    state[CHUNK] += 1
                value = next_
        position = after
    return OK


@kernel(
    "int64(octets, int64[::1], int64[::1], int32[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int32[::1], uint64[::1])"
)
def read_message(
    data: Bytes,
    state: Ints,
    row_start: Ints,
    pairs: Codes,
    chunks: Ints,
    spans: Ints,
    warnings: Ints,
    slots: Codes,
    hashes: NDArray[np.uint64],
) -> int:
    """Fill the columns; return a status. `state` starts at zero but for DISTINCT 1 and SLOTS FIRST_SLOTS.

    row_start int64[rows + 1] · pairs int32[2, pairs] name and value · chunks int64[CHUNK_FIELDS, chunks] ·
    spans int64[2, distinct] start and end of each distinct string, 0 the empty one · warnings int64[2, warnings] ·
    slots int32[power of two >= 4 distinct], zeros · hashes uint64[distinct].
    """
    position = 0
    while position < len(data):
        tag, value, after = read_field(data, position, len(data))
        status = OK
        if tag == BYTES_1:
            status = read_series(data, value, after, state, row_start, pairs, chunks, spans, slots, hashes)
        elif tag == BYTES_2:
            warnings[0, state[WARNING]] = value
            warnings[1, state[WARNING]] = after
            state[WARNING] += 1
        elif tag == BYTES_4:
            while value < after and status == OK:
                tag, inner, next_ = read_field(data, value, after)
                if tag == BYTES_1:
                    status = read_series(data, inner, next_, state, row_start, pairs, chunks, spans, slots, hashes)
                value = next_
        if status != OK:
            return status
        position = after
    return OK


@kernel(
    "int64(octets, int64, int64, int64[::1], int64[::1], int32[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int32[::1], uint64[::1])"
)
def read_series(
    data: Bytes,
    position: int,
    end: int,
    state: Ints,
    row_start: Ints,
    pairs: Codes,
    chunks: Ints,
    spans: Ints,
    slots: Codes,
    hashes: NDArray[np.uint64],
) -> int:
    """Read one series; return a status."""
    row = state[ROW]
    first = state[PAIR]
    first_chunk = state[CHUNK]
    state[STOPPED] = position
    row_start[row + 1] = first
    while position < end:
        tag, value, after = read_field(data, position, end)
        status = OK
        if tag == BYTES_1:
            status = read_label(data, value, after, state, row_start, pairs, spans, slots, hashes)
        elif tag == BYTES_2:
            status = read_chunk(data, value, after, state, chunks, spans, slots, hashes)
        if status != OK:
            state[STOPPED] = position
            return status
        position = after
    count = state[PAIR] - first
    is_same = row > 0 and count == first - row_start[row - 1]
    i = 0
    while is_same and i < count:
        is_same = (
            pairs[0, first + i] == pairs[0, first + i - count] and pairs[1, first + i] == pairs[1, first + i - count]
        )
        i += 1
    if is_same:
        state[PAIR] = first
        row -= 1
    else:
        row_start[row + 1] = state[PAIR]
        state[ROW] = row + 1
    for chunk in range(first_chunk, state[CHUNK]):
        chunks[CHUNK_ROW, chunk] = row
    return OK


@kernel("int64(octets, int64, int64, int64[::1], int64[::1], int32[:, ::1], int64[:, ::1], int32[::1], uint64[::1])")
def read_label(
    data: Bytes,
    position: int,
    end: int,
    state: Ints,
    row_start: Ints,
    pairs: Codes,
    spans: Ints,
    slots: Codes,
    hashes: NDArray[np.uint64],
) -> int:
    """Read one label as a pair of codes; return a status."""
    name_start, name_end, value_start, value_end = 0, 0, 0, 0
    while position < end:
        tag, value, after = read_field(data, position, end)
        if after < 0:
            return MALFORMED
        if tag == BYTES_1:
            name_start, name_end = value, after
        elif tag == BYTES_2:
            value_start, value_end = value, after
        position = after
    if value_start == value_end:
        return OK
    row = state[ROW]
    first = row_start[row]
    pair = state[PAIR]
    # The pair at the same place of the row before, where there is one.
    likely = row_start[row - 1] + pair - first if row > 0 else first
    name_code, value_code = -1, -1
    if likely < first:
        if is_span(data, spans, pairs[0, likely], name_start, name_end):
            name_code = signed64(pairs[0, likely])
        if is_span(data, spans, pairs[1, likely], value_start, value_end):
            value_code = signed64(pairs[1, likely])
    # Where this name and the one before repeat the row before, their order was seen there.
    is_known = name_code >= 0 and (pair == first or pairs[0, pair - 1] == pairs[0, likely - 1])
    if name_code < 0:
        name_code = intern_span(data, name_start, name_end, state, spans, slots, hashes)
    if value_code < 0:
        value_code = intern_span(data, value_start, value_end, state, spans, slots, hashes)
    if not is_known:
        if name_code == 0:
            return LABELS_OUT_OF_ORDER
        if pair > first:
            before = pairs[0, pair - 1]
            if not precedes(data, spans[0, before], spans[1, before], name_start, name_end):
                return LABELS_OUT_OF_ORDER
    pairs[0, pair] = name_code
    pairs[1, pair] = value_code
    state[PAIR] = pair + 1
    return OK


@kernel("int64(octets, int64, int64, int64[::1], int64[:, ::1], int64[:, ::1], int32[::1], uint64[::1])")
def read_chunk(
    data: Bytes,
    position: int,
    end: int,
    state: Ints,
    chunks: Ints,
    spans: Ints,
    slots: Codes,
    hashes: NDArray[np.uint64],
) -> int:
    """Read an AggrChunk as one chunk column for each aggregate in it; return a status."""
    first = state[CHUNK]
    min_ms, max_ms, source_start, source_end = 0, 0, 0, 0
    seen = 0
    while position < end:
        tag, value, after = read_field(data, position, end)
        if tag == VARINT_1:
            min_ms = value
        elif tag == VARINT_2:
            max_ms = value
        elif tag == BYTES_1001:
            source_start, source_end = value, after
        elif tag >= BYTES_3 and tag <= BYTES_8 and tag & 7 == 2:
            aggregate = (tag >> 3) - 3
            if seen >> aggregate & 1:
                return MALFORMED
            seen |= 1 << aggregate
            column = state[CHUNK]
            chunks[CHUNK_AGGREGATE, column] = aggregate
            status = read_payload(data, value, after, chunks, column)
            if status != OK:
                return status
            state[CHUNK] = column + 1
        position = after
    if state[CHUNK] == first:  # nothing was counted, so there is no room for the source either
        return OK
    source = intern_span(data, source_start, source_end, state, spans, slots, hashes)
    for column in range(first, state[CHUNK]):
        chunks[CHUNK_MIN, column] = min_ms
        chunks[CHUNK_MAX, column] = max_ms
        chunks[CHUNK_SOURCE, column] = source
    return OK


@kernel("int64(octets, int64, int64, int64[:, ::1], int64)")
def read_payload(data: Bytes, position: int, end: int, chunks: Ints, column: int) -> int:
    """Read encoding and place of a Chunk's payload; return a status."""
    encoding, start, stop = 1, end, end
    while position < end:
        tag, value, after = read_field(data, position, end)
        if after < 0:
            return MALFORMED
        if tag == VARINT_1:
            if value < 0 or value >= MAX_ENCODING:
                return UNKNOWN_ENCODING
            encoding = value + 1
        elif tag == BYTES_2:
            start, stop = value, after
        position = after
    chunks[CHUNK_ENCODING, column] = encoding
    chunks[CHUNK_START, column] = start
    chunks[CHUNK_LENGTH, column] = stop - start
    return OK


@kernel("int64(octets, int64, int64, int64[::1], int64[:, ::1], int32[::1], uint64[::1])")
def intern_span(
    data: Bytes, start: int, end: int, state: Ints, spans: Ints, slots: Codes, hashes: NDArray[np.uint64]
) -> int:
    """Return the local code of data[start:end], adding it if it is new."""
    if start == end:
        return 0
    digest = hash_bytes(data, start, end)
    mask = state[SLOTS] - 1
    slot = signed64(digest & wrap64(mask))
    while slots[slot] != 0:
        code = signed64(slots[slot]) - 1
        if hashes[code] == digest and is_span(data, spans, code, start, end):
            return code
        slot = (slot + 1) & mask
    code = signed64(state[DISTINCT])
    spans[0, code] = start
    spans[1, code] = end
    hashes[code] = digest
    slots[slot] = code + 1
    state[DISTINCT] = code + 1
    if 2 * (code + 1) > state[SLOTS]:
        state[SLOTS] *= 2
        slots[: state[SLOTS]] = 0
        rebuild_slots(hashes, code + 1, slots[: state[SLOTS]])
    return code


@inlined
def is_span(data: Bytes, spans: Ints, code: int, start: int, end: int) -> bool:
    """Say whether the string of a local code equals data[start:end]."""
    other = spans[0, code]
    length = end - start
    if spans[1, code] - other != length:
        return False
    i = 0
    while i + 8 <= length:
        if load_le64(data, other + i) != load_le64(data, start + i):
            return False
        i += 8
    while i < length:
        if data[other + i] != data[start + i]:
            return False
        i += 1
    return True


@kernel("boolean(octets, int64, int64, int64, int64)")
def precedes(data: Bytes, start: int, end: int, other_start: int, other_end: int) -> bool:
    """Say whether data[start:end] sorts strictly before data[other_start:other_end], bytewise."""
    length = min(end - start, other_end - other_start)
    for i in range(length):
        if data[start + i] != data[other_start + i]:
            return bool(data[start + i] < data[other_start + i])
    return end - start < other_end - other_start
