"""What the kernel that sums lists of histograms writes: a row a list, and buckets and bounds in chunks.

A chunk is made when the one before is full, so nothing has the size of all members together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Keys = NDArray[np.int32]
Chunk = tuple[Keys, Floats, Floats, Floats]


class SumColumns:
    """Sums of `count` lists.

    kinds int32[l, 3]: schema, hint, row of bounds or OWN · facts float64[l, 7]: threshold, then zero count, count and
    sum, each with what it lost · sizes, bound_sizes int64[l] · members float64[l] · flags uint8[l] · failed_at
    int64[l]
    """

    def __init__(self, count: int, room: int, bounds_room: int) -> None:
        self.count = count
        self._room, self._bounds_room = room, bounds_room
        self.kinds = np.zeros((count, 3), np.int32)
        self.facts = np.zeros((count, 7))
        self.sizes = np.zeros(count, np.int64)
        self.members = np.zeros(count)
        self.flags = np.zeros(count, np.uint8)
        self.bound_sizes = np.zeros(count, np.int64)
        self.failed_at = np.full(count, -1, np.int64)
        self._chunk: Chunk | None = None
        self._parts: list[Chunk] = []

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays to write to: those of rows, and a new chunk."""
        chunk = (
            np.empty(self._room, np.int32), np.empty(self._room), np.empty(self._room), np.empty(self._bounds_room),
        )  # fmt: skip
        self._chunk = chunk
        key, total, lost, bounds = chunk
        return (
            self.kinds, self.facts, self.sizes, key, total, lost, self.members, self.flags, bounds,
            self.bound_sizes, self.failed_at,
        )  # fmt: skip

    def keep(self, first: int, reached: int) -> int:
        """Keep of the chunk what the lists from `first` up to `reached` filled; return `reached`."""
        assert self._chunk is not None
        buckets = int(self.sizes[first:reached].sum())
        bounds = int(self.bound_sizes[first:reached].sum())
        key, total, lost, values = self._chunk
        self._parts.append(
            (key[:buckets].copy(), total[:buckets].copy(), lost[:buckets].copy(), values[:bounds].copy())
        )  # fmt: skip
        return reached

    def buckets(self) -> tuple[Keys, Floats, Floats]:
        """Return the (keys, totals, lost) of all lists."""
        keys, totals, losts, _ = zip(*self._parts, strict=True) if self._parts else ((), (), (), ())
        return (
            np.concatenate([np.empty(0, np.int32), *keys]),
            np.concatenate([np.empty(0), *totals]),
            np.concatenate([np.empty(0), *losts]),
        )

    def bounds(self) -> Floats:
        """Return the bounds of all lists that have bounds of their own."""
        return np.concatenate([np.empty(0), *(part[3] for part in self._parts)])
