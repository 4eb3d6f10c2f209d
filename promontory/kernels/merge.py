"""Merging sorted rows: how far a batch may go, which chunks belong to which merged row, and which are there twice.

Chunks of one merged row are ordered by (source, min_ms, max_ms, aggregate, length); two neighbours equal in all of
these and in encoding may be copies of one chunk: `drop_copies` compares their bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.label_rows import compare_rows

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@kernel(
    "int64(int64[::1], int32[::1], int32[::1], int64, int64[::1], int32[::1], int32[::1], int64, octets, int64[::1])"
)
def count_until(
    row_start: Offsets, name: Codes, value: Codes, first: int,
    bound_start: Offsets, bound_name: Codes, bound_value: Codes, bound_row: int,
    blob: Bytes, start: Offsets,
) -> int:  # fmt: skip
    """Return the end of the rows from `first` on that do not come after the bound; the rows are sorted."""
    low = first
    high = len(row_start) - 1
    while low < high:
        middle = (low + high) // 2
        order = compare_rows(
            row_start, name, value, middle, bound_start, bound_name, bound_value, bound_row, blob, start
        )
        if order <= 0:
            low = middle + 1
        else:
            high = middle
    return low


@kernel("int64(int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64, int64)")
def compare_chunks(
    source: Codes, min_ms: Offsets, max_ms: Offsets, aggregate: Bytes, length: Offsets, left: int, right: int
) -> int:
    """Return -1, 0 or 1: the order of two chunks of one row."""
    if source[left] != source[right]:
        return -1 if source[left] < source[right] else 1
    if min_ms[left] != min_ms[right]:
        return -1 if min_ms[left] < min_ms[right] else 1
    if max_ms[left] != max_ms[right]:
        return -1 if max_ms[left] < max_ms[right] else 1
    if aggregate[left] != aggregate[right]:
        return -1 if aggregate[left] < aggregate[right] else 1
    if length[left] != length[right]:
        return -1 if length[left] < length[right] else 1
    return 0


@kernel(
    "void(int64[::1], uint8[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1],"
    " int64[::1], int32[::1], int64[::1], int64[::1])"
)
def arrange_chunks(
    index: Offsets, equal: Bytes, chunk_start: Offsets,
    source: Codes, min_ms: Offsets, max_ms: Offsets, aggregate: Bytes, length: Offsets,
    order: Offsets, row: Codes, scratch: Offsets, runs: Offsets,
) -> None:  # fmt: skip
    """Put the chunks of merged rows in order.

    index: int64[n], the rows in order · equal: uint8[n], 1 where row index[i] has the labels of index[i - 1] ·
    chunk_start: int64[n + 1], the chunks of each row · order: int64[c] out, the chunks · row: int32[c] out, the
    merged row of each · scratch: int64[c] · runs: int64[c + 1]
    """
    rows = len(index)
    place = 0
    begin = 0
    merged = 0
    for position in range(rows):
        for chunk in range(chunk_start[index[position]], chunk_start[index[position] + 1]):
            order[place] = chunk
            row[place] = merged
            place += 1
        if position + 1 == rows or equal[position + 1] == 0:
            sort_chunks(begin, place, source, min_ms, max_ms, aggregate, length, order, scratch, runs)
            begin = place
            merged += 1


@kernel(
    "void(int64, int64, int32[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64[::1])"
)
def sort_chunks(
    begin: int, end: int, source: Codes, min_ms: Offsets, max_ms: Offsets, aggregate: Bytes, length: Offsets,
    order: Offsets, scratch: Offsets, runs: Offsets,
) -> None:  # fmt: skip
    """Sort order[begin:end] stably by merging the runs that are already there; a sorted row costs one pass."""
    count = 0
    for place in range(begin, end):
        breaks = place == begin
        if not breaks:
            breaks = compare_chunks(source, min_ms, max_ms, aggregate, length, order[place - 1], order[place]) > 0
        if breaks:
            runs[count] = place
            count += 1
    while count > 1:
        merged = 0
        for run in range(0, count, 2):
            left_place = runs[run]
            left_end = runs[run + 1] if run + 1 < count else end
            right_place = left_end
            right_end = runs[run + 2] if run + 2 < count else end
            runs[merged] = left_place
            merged += 1
            for target in range(left_place, right_end):
                use_left = right_place >= right_end
                if left_place < left_end and right_place < right_end:
                    before = compare_chunks(
                        source, min_ms, max_ms, aggregate, length, order[left_place], order[right_place]
                    )
                    use_left = before <= 0
                if use_left:
                    scratch[target] = order[left_place]
                    left_place += 1
                else:
                    scratch[target] = order[right_place]
                    right_place += 1
        for place in range(begin, end):
            order[place] = scratch[place]
        count = merged


@kernel("void(octets, octets, int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1])")
def drop_copies(
    left: Bytes, right: Bytes, candidates: Offsets, left_start: Offsets, right_start: Offsets, length: Offsets,
    keep: Bytes,
) -> None:  # fmt: skip
    """Write 0 to `keep` for the candidates whose bytes are the same on both sides.

    candidates: int64[p], where in `keep` · left_start, right_start, length: int64[p]
    """
    for pair in range(len(candidates)):
        same = left_start[pair] + length[pair] <= len(left) and right_start[pair] + length[pair] <= len(right)
        if same:
            for offset in range(length[pair]):
                if left[left_start[pair] + offset] != right[right_start[pair] + offset]:
                    same = False
                    break
        if same:
            keep[candidates[pair]] = 0
