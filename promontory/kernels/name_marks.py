"""Whether the metric name of a group goes: where that of any row does, at the last time at which there are rows.

Source: Prometheus 3.14, promql/engine.go, aggregation (dropName).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Flags = NDArray[np.bool_]
States = NDArray[np.uint8]

# States of a group at a time.
UNSEEN, KEPT, DROPPED = 0, 1, 2


@kernel("void(boolean[:, ::1], int32[::1], boolean[::1], uint8[:, ::1])")
def note_marks(present: Flags, group: NDArray[np.int32], drop_name: Flags, states: States) -> None:
    """Note in uint8[g, k] whether any row of a group that is present at a time is marked; UNSEEN before the first."""
    for row in range(present.shape[0]):
        into = group[row]
        state = DROPPED if drop_name[row] else KEPT
        for j in range(present.shape[1]):
            if present[row, j] and states[into, j] < state:
                states[into, j] = state


def settle_marks(states: States) -> Flags:
    """Return bool[g]: the mark that each group has at the last time at which it was seen."""
    if not states.size:
        return np.zeros(len(states), np.bool_)
    last = states.shape[1] - 1 - np.argmax((states != UNSEEN)[:, ::-1], axis=1)
    dropped: Flags = states[np.arange(len(states)), last] == DROPPED
    return dropped
