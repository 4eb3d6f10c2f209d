"""Rows that share a group: who is there at each time, and do two collide.

    present [n, k] -- group int32[n] --> owner int32[g, k]: the row that stands for a group at a time, or -1

Source: Prometheus 3.14, promql/engine.go, VectorBinop and mergeSeriesWithSameLabelset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]


@kernel("int64(boolean[:, ::1], int32[::1], boolean[::1], int32[:, ::1], int64[::1])")
def find_collision(present: Flags, group: Groups, active: Flags, owner: Groups, collision: NDArray[np.int64]) -> int:
    """Find two rows of one group that are present at the same active time; return 1 if there are, else 0.

    owner: int32[g, k], -1 on entry · collision: int64[3], set to (time index, earlier row, later row), the earliest
    time first
    """
    found = 0
    for row in range(present.shape[0]):
        into = group[row]
        for j in range(present.shape[1]):
            if not present[row, j] or not active[j]:
                continue
            if owner[into, j] < 0:
                owner[into, j] = row
            elif found == 0 or j < collision[0]:
                found = 1
                collision[0] = j
                collision[1] = owner[into, j]
                collision[2] = row
    return found


@kernel("void(float64[:, ::1], boolean[:, ::1], int32[::1], float64[:, ::1], boolean[:, ::1])")
def merge_rows(values: Floats, present: Flags, group: Groups, out: Floats, out_present: Flags) -> None:
    """Copy the present values of each row to its group; rows of a group do not collide."""
    for row in range(present.shape[0]):
        into = group[row]
        for j in range(present.shape[1]):
            if present[row, j]:
                out[into, j] = values[row, j]
                out_present[into, j] = True


@kernel("void(boolean[:, ::1], int32[::1], boolean[:, ::1])")
def mark_groups(present: Flags, group: Groups, out: Flags) -> None:
    """Set out[g, j] where any row of the group is present."""
    for row in range(present.shape[0]):
        into = group[row]
        for j in range(present.shape[1]):
            out[into, j] = out[into, j] or present[row, j]
