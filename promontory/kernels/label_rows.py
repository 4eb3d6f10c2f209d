"""Label rows as codes: compare, sort, gather, overlay and group.

A row is the pairs `row_start[i] .. row_start[i + 1]` of the columns `name` and `value` (symbol codes), sorted by
the bytes of the name. Equal code means equal string, so bytes are read only at the first pair that differs:
`blob[start[c] : start[c + 1]]` is the string of code c.

Store order: pair by pair, name then value, bytewise; a row that is the beginning of another comes first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.memory import load_be64, wrap64

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@kernel("int64(octets, int64, int64, int64, int64)")
def compare_bytes(data: Bytes, left: int, left_end: int, right: int, right_end: int) -> int:
    """Return -1, 0 or 1: the order of data[left:left_end] and data[right:right_end]."""
    left_length = left_end - left
    right_length = right_end - right
    shared = min(left_length, right_length)
    offset = 0
    while offset + 8 <= shared:
        left_word = load_be64(data, left + offset)
        right_word = load_be64(data, right + offset)
        if left_word != right_word:
            return -1 if left_word < right_word else 1
        offset += 8
    while offset < shared:
        left_byte = data[left + offset]
        right_byte = data[right + offset]
        if left_byte != right_byte:
            return -1 if left_byte < right_byte else 1
        offset += 1
    if left_length == right_length:
        return 0
    return -1 if left_length < right_length else 1


@kernel("int64(octets, int64[::1], int64, int64)")
def compare_codes(blob: Bytes, start: Offsets, left: int, right: int) -> int:
    """Return -1, 0 or 1: the order of the strings of two codes."""
    if left == right:
        return 0
    return compare_bytes(blob, start[left], start[left + 1], start[right], start[right + 1])


@kernel(
    "int64(int64[::1], int32[::1], int32[::1], int64,"
    " int64[::1], int32[::1], int32[::1], int64, octets, int64[::1])"
)  # fmt: skip
def compare_rows(
    left_start: Offsets, left_name: Codes, left_value: Codes, left_row: int,
    right_start: Offsets, right_name: Codes, right_value: Codes, right_row: int,
    blob: Bytes, start: Offsets,
) -> int:  # fmt: skip
    """Return -1, 0 or 1: the Store order of two rows."""
    left = left_start[left_row]
    left_end = left_start[left_row + 1]
    right = right_start[right_row]
    right_end = right_start[right_row + 1]
    while left < left_end and right < right_end:
        if left_name[left] != right_name[right]:
            return compare_codes(blob, start, left_name[left], right_name[right])
        if left_value[left] != right_value[right]:
            return compare_codes(blob, start, left_value[left], right_value[right])
        left += 1
        right += 1
    if left < left_end:
        return 1
    return -1 if right < right_end else 0


@kernel("int64(int64[::1], int32[::1], int32[::1], octets, int64[::1])")
def find_descent(row_start: Offsets, name: Codes, value: Codes, blob: Bytes, start: Offsets) -> int:
    """Return the first row that comes before its predecessor, or the number of rows."""
    count = len(row_start) - 1
    for row in range(1, count):
        if compare_rows(row_start, name, value, row - 1, row_start, name, value, row, blob, start) > 0:
            return row
    return count


@kernel("int64(int64[::1], int32[::1], int32[::1], octets, int64[::1], int64[::1], int64[::1], int64[::1])")
def sort_rows(
    row_start: Offsets, name: Codes, value: Codes, blob: Bytes, start: Offsets,
    index: Offsets, scratch: Offsets, runs: Offsets,
) -> int:  # fmt: skip
    """Sort stably by merging the runs that are already there; return 0 if the order is in `index`, 1 in `scratch`.

    `index`, `scratch`: int64[n] · `runs`: int64[n + 1], where each run begins. k sorted inputs one after the
    other cost log2(k) passes.
    """
    count = 0
    for row in range(len(row_start) - 1):
        index[row] = row
        if row == 0 or compare_rows(row_start, name, value, row - 1, row_start, name, value, row, blob, start) > 0:
            runs[count] = row
            count += 1
    side = 0
    while count > 1:
        count = merge_run_pairs(row_start, name, value, blob, start, index, scratch, runs, count)
        index, scratch = scratch, index
        side = 1 - side
    return side


@kernel("int64(int64[::1], int32[::1], int32[::1], octets, int64[::1], int64[::1], int64[::1], int64[::1], int64)")
def merge_run_pairs(
    row_start: Offsets, name: Codes, value: Codes, blob: Bytes, start: Offsets,
    index: Offsets, scratch: Offsets, runs: Offsets, count: int,
) -> int:  # fmt: skip
    """Merge each two neighbouring runs of `index` into `scratch`; return how many runs are left."""
    merged = 0
    for run in range(0, count, 2):
        left = runs[run]
        left_end = runs[run + 1] if run + 1 < count else len(index)
        right = left_end
        right_end = runs[run + 2] if run + 2 < count else len(index)
        runs[merged] = left
        merged += 1
        for place in range(left, right_end):
            use_left = right >= right_end
            if left < left_end and right < right_end:
                order = compare_rows(
                    row_start, name, value, index[left], row_start, name, value, index[right], blob, start
                )
                use_left = order <= 0
            if use_left:
                scratch[place] = index[left]
                left += 1
            else:
                scratch[place] = index[right]
                right += 1
    return merged


@kernel("void(int64[::1], int32[::1], int32[::1], int64[::1], int64[::1], int32[::1], int32[::1])")
def take_rows(
    row_start: Offsets, name: Codes, value: Codes, index: Offsets,
    out_start: Offsets, out_name: Codes, out_value: Codes,
) -> None:  # fmt: skip
    """Copy the rows at `index`; `out_start` is already known."""
    for place in range(len(index)):
        position = row_start[index[place]]
        for target in range(out_start[place], out_start[place + 1]):
            out_name[target] = name[position]
            out_value[target] = value[position]
            position += 1


@kernel("void(int64[::1], int32[::1], int32[::1], int64, int32[::1])")
def find_column(row_start: Offsets, name: Codes, value: Codes, code: int, out: Codes) -> None:
    """Write the value code of the label `code` of each row, 0 where it is absent."""
    for row in range(len(out)):
        found = 0
        for position in range(row_start[row], row_start[row + 1]):
            if name[position] == code:
                found = value[position]
                break
        out[row] = found


@kernel(
    "void(int64[::1], int32[::1], int32[::1], int32[::1], int32[:, ::1], octets, int64[::1],"
    " int64[::1], int32[::1], int32[::1])"
)  # fmt: skip
def overlay_rows(
    row_start: Offsets, name: Codes, value: Codes, over_name: Codes, over_value: Codes, blob: Bytes, start: Offsets,
    out_start: Offsets, out_name: Codes, out_value: Codes,
) -> None:  # fmt: skip
    """Set labels on each row, names staying in order; a value of code 0 takes the label away.

    over_name: int32[k] in byte order · over_value: int32[n, k], or [1, k] for the same on every row.
    """
    target = 0
    out_start[0] = 0
    for row in range(len(row_start) - 1):
        over_row = row if len(over_value) > 1 else 0
        position = row_start[row]
        end = row_start[row + 1]
        over = 0
        while position < end or over < len(over_name):
            order = -1
            if position >= end:
                order = 1
            elif over < len(over_name):
                order = compare_codes(blob, start, name[position], over_name[over])
            if order < 0:
                out_name[target] = name[position]
                out_value[target] = value[position]
                target += 1
                position += 1
                continue
            if over_value[over_row, over] != 0:
                out_name[target] = over_name[over]
                out_value[target] = over_value[over_row, over]
                target += 1
            over += 1
            if order == 0:
                position += 1
        out_start[row + 1] = target


@kernel("void(int64[::1], int32[::1], int32[::1], uint64[::1])")
def hash_rows(row_start: Offsets, name: Codes, value: Codes, out: NDArray[np.uint64]) -> None:
    """Write a hash of each row's codes; it holds within one symbol table."""
    for row in range(len(out)):
        state = wrap64(0x9E3779B97F4A7C15)
        for position in range(row_start[row], row_start[row + 1]):
            pair = (wrap64(name[position]) << wrap64(32)) | wrap64(value[position])
            state = wrap64((state ^ pair) * wrap64(0xFF51AFD7ED558CCD))
            state ^= state >> wrap64(32)
        out[row] = state


@kernel("int64(int64[::1], int32[::1], int32[::1], uint64[::1], int32[::1], int32[::1], int64[::1])")
def group_rows(
    row_start: Offsets, name: Codes, value: Codes, hashes: NDArray[np.uint64],
    slots: Codes, group: Codes, first: Offsets,
) -> int:  # fmt: skip
    """Number equal rows in order of first appearance; return how many groups there are.

    slots: int32[power of two >= 2 n], zeros (group + 1) · group: int32[n] · first: int64[n], a row of each group.
    """
    mask = len(slots) - 1
    count = 0
    for row in range(len(group)):
        slot = np.int64(wrap64(hashes[row]) & wrap64(mask))
        length = row_start[row + 1] - row_start[row]
        while True:
            found = np.int64(slots[slot]) - 1
            if found < 0:
                slots[slot] = count + 1
                first[count] = row
                group[row] = count
                count += 1
                break
            other = first[found]
            same = hashes[other] == hashes[row] and row_start[other + 1] - row_start[other] == length
            if same:
                for offset in range(length):
                    left = row_start[row] + offset
                    right = row_start[other] + offset
                    if name[left] != name[right] or value[left] != value[right]:
                        same = False
                        break
            if same:
                group[row] = found
                break
            slot = (slot + 1) & mask
    return count


@kernel("void(int64[::1], int32[::1], int32[::1], uint8[::1])")
def mark_equal_neighbours(row_start: Offsets, name: Codes, value: Codes, out: Bytes) -> None:
    """Write 1 where a row equals the one before it."""
    for row in range(len(out)):
        same = row > 0 and row_start[row] - row_start[row - 1] == row_start[row + 1] - row_start[row]
        if same:
            distance = row_start[row] - row_start[row - 1]
            for position in range(row_start[row], row_start[row + 1]):
                before = position - distance
                if name[position] != name[before] or value[position] != value[before]:
                    same = False
                    break
        out[row] = 1 if same else 0
