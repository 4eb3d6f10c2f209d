"""topk and bottomk: for each group and time a heap of the rows that are greatest so far, kept while batches come.

    heap of group g at time j     values[base[g] + i, j] and rows[base[g] + i, j] for i below sizes[g, j], root first

The root is the row that leaves first: the least, and NaN before all. Times lie side by side, so a row is compared with
the roots of its group as one array with another. A row that only equals the root stays outside: earlier rows win.

Source: Prometheus 3.14, promql/engine.go, aggregationK.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]


@kernel("boolean(float64, float64, float64)")
def leaves_first(left: float, right: float, sign: float) -> bool:
    """Say whether `left` leaves before `right`: NaN does, then the lesser, with sign -1 the greater."""
    return math.isnan(left) or sign * left < sign * right


@kernel("void(float64[:, ::1], int32[:, ::1], int64, int64, int64)")
def swap_places(values: Floats, rows: Codes, left: int, right: int, j: int) -> None:
    """Swap two places of one time."""
    value = values[left, j]
    row = rows[left, j]
    values[left, j] = values[right, j]
    rows[left, j] = rows[right, j]
    values[right, j] = value
    rows[right, j] = row


@kernel("void(float64[:, ::1], int32[:, ::1], int64, int64, int64, float64)")
def raise_last(values: Floats, rows: Codes, base: int, size: int, j: int, sign: float) -> None:
    """Put a heap of `size` in order after its last place was filled."""
    place = size - 1
    while place > 0:
        parent = (place - 1) // 2
        if not leaves_first(values[base + place, j], values[base + parent, j], sign):
            return
        swap_places(values, rows, base + place, base + parent, j)
        place = parent


@kernel("void(float64[:, ::1], int32[:, ::1], int64, int64, int64, float64)")
def sink_root(values: Floats, rows: Codes, base: int, size: int, j: int, sign: float) -> None:
    """Put a heap of `size` in order after its root was replaced."""
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and leaves_first(values[base + child + 1, j], values[base + child, j], sign):
            child += 1
        if not leaves_first(values[base + child, j], values[base + place, j], sign):
            return
        swap_places(values, rows, base + child, base + place, j)
        place = child


@kernel(
    "int64(float64[:, ::1], boolean[:, ::1], int32[::1], int64[::1], float64, int64, uint8[::1],"
    " int64[::1], int32[:, ::1], float64[:, ::1], int32[:, ::1], boolean[::1])"
)
def fold_top(
    batch: Floats, present: Flags, group: Codes, wanted: Longs, sign: float, first: int, stop: NDArray[np.uint8],
    base: Longs, sizes: Codes, values: Floats, rows: Codes, entered: Flags,
) -> int:  # fmt: skip
    """Put the rows of a batch, numbered from `first`, into the heaps; return how many were done before `stop`.

    wanted: int64[k], rows a heap may hold at a time · base: int64[g] · sizes: int32[g, k] ·
    values, rows: [places, k] · entered: bool[n], set for rows that were in a heap at some time
    """
    for row in range(batch.shape[0]):
        if stop[0] != 0:
            return row
        into = group[row]
        root = base[into]
        for j in range(batch.shape[1]):
            if not present[row, j]:
                continue
            value = batch[row, j]
            size = sizes[into, j]
            if size < wanted[j]:
                values[root + size, j] = value
                rows[root + size, j] = first + row
                sizes[into, j] = size + 1
                raise_last(values, rows, root, size + 1, j, sign)
                entered[row] = True
            elif size > 0:
                worst = values[root, j]
                if sign * worst < sign * value or (math.isnan(worst) and not math.isnan(value)):
                    values[root, j] = value
                    rows[root, j] = first + row
                    sink_root(values, rows, root, size, j, sign)
                    entered[row] = True
    return len(batch)


@kernel("void(int64[::1], int32[:, ::1], int32[:, ::1], boolean[::1])")
def mark_top(base: Longs, sizes: Codes, rows: Codes, chosen: Flags) -> None:
    """Set chosen[row] of each row that is in a heap."""
    for into in range(sizes.shape[0]):
        for j in range(sizes.shape[1]):
            for place in range(sizes[into, j]):
                chosen[rows[base[into] + place, j]] = True


@kernel("void(int64[::1], int32[:, ::1], int32[:, ::1], float64[:, ::1], int64[::1], float64[:, ::1], boolean[:, ::1])")
def place_top(
    base: Longs, sizes: Codes, rows: Codes, values: Floats, place_of: Longs, out: Floats, out_present: Flags
) -> None:
    """Write what the heaps hold to the rows of an answer: out[place_of[row], j]."""
    for into in range(sizes.shape[0]):
        for j in range(sizes.shape[1]):
            for place in range(sizes[into, j]):
                row = place_of[rows[base[into] + place, j]]
                out[row, j] = values[base[into] + place, j]
                out_present[row, j] = True
