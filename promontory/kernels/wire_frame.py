"""Frames on the wire: symbol codes to the numbers of one answer, and whether rows of pairs are label sets.

A symbol gets its number when it is first sent: 1, 2, 3 …; 0 is the empty string. Source: docs/formats/wire.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel
from promontory.kernels.wire_decode import precedes

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@kernel("int64(int32[::1], int32[::1], int64, int32[::1], int64, int32[::1])")
def number_symbols(codes: Codes, numbers: Codes, known: int, fresh: Codes, fresh_count: int, out: Codes) -> int:
    """Fill `out` with the number of each code, giving the next one to those without; return the count of `fresh`.

    numbers int32[symbols]: by code, 0 for none yet · known: numbers given before this Frame · fresh int32: the codes
    that got theirs in this Frame, `fresh_count` so far.
    """
    for i in range(len(codes)):
        code = codes[i]
        if code != 0 and numbers[code] == 0:
            fresh[fresh_count] = code
            fresh_count += 1
            numbers[code] = known + fresh_count
        out[i] = numbers[code]
    return fresh_count


@kernel("int64(int64[::1], int32[::1], int32[::1], octets, int64[::1])")
def find_bad_row(row_start: Ints, name: Codes, value: Codes, blob: Bytes, start: Ints) -> int:
    """Return the first row that is no label set: an empty name or value, names that do not rise; or how many rows.

    blob, start: the symbols. Rows mostly repeat the names of the row before, which need not be read again.
    """
    rows = len(row_start) - 1
    for row in range(rows):
        first = row_start[row]
        count = row_start[row + 1] - first
        shift = first - row_start[row - 1] if row > 0 else 0
        for i in range(count):
            pair = first + i
            code = name[pair]
            if code == 0 or value[pair] == 0:
                return row
            if i == 0:
                continue
            before = name[pair - 1]
            if i < shift and name[pair - shift] == code and name[pair - shift - 1] == before:
                continue
            if not precedes(blob, start[before], start[before + 1], start[code], start[code + 1]):
                return row
    return rows
