"""Heaps: room for the heaps of many groups at many times, which grows as groups and rows come.

    place      0    1    2    3    4    5    6          group 0 has places 0-1, group 1 places 4-6
    values   [ g0   g0   .    .    g1   g1   g1 ]       (2-3 were its own before it outgrew them)

Each place is a row of k times. A group that outgrows its places gets twice as many at the end.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.promql.execution.run import Run

Longs = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)
# A value and a row.
PLACE_BYTES = 12


class Heaps:
    """base, room int64[g] · sizes int32[g, k] · values float64[p, k] · rows int32[p, k]."""

    def __init__(self, run: Run, *, count: int) -> None:
        self._run = run
        self._count = count
        self._used = 0
        self._charged_bytes = 0
        self.base = np.empty(0, np.int64)
        self.room = np.empty(0, np.int64)
        self.values = np.empty((0, count))
        self.rows = np.empty((0, count), np.int32)
        self._sizes = np.empty((0, count), np.int32)

    @property
    def sizes(self) -> NDArray[np.int32]:
        """int32[g, k]: the places taken of each heap."""
        return self._sizes[: len(self.base)]

    def make_room(self, needed: Longs, most: int) -> None:
        """Give each group int64[g] places at least, `most` at most. Raises LimitError where that is too much."""
        room = np.zeros(len(needed), np.int64)
        room[: len(self.room)] = self.room
        short = np.flatnonzero(needed > room)
        base = np.zeros(len(needed), np.int64)
        base[: len(self.base)] = self.base
        wider = np.minimum(most, np.maximum(needed[short], 2 * room[short]))
        moved, kept = base[short], room[short]
        base[short] = self._used + np.cumsum(wider) - wider
        room[short] = wider
        self._used += int(wider.sum())
        self._grow(len(needed))
        before, after = _spans(moved, kept), _spans(base[short], kept)
        self.values[after] = self.values[before]
        self.rows[after] = self.rows[before]
        self.base, self.room = base, room

    def release(self) -> None:
        """Give back what was charged."""
        self._run.give_back(self._charged_bytes)
        self._charged_bytes = 0

    def _grow(self, groups: int) -> None:
        self._run.refuse_beyond(self._used * self._count)
        if groups > len(self._sizes):
            self._charge((max(groups, 2 * len(self._sizes)) - len(self._sizes)) * self._count * 4)
            self._sizes = _widened(self._sizes, max(groups, 2 * len(self._sizes)))
        if self._used > len(self.values):
            places = max(self._used, 2 * len(self.values))
            self._charge((places - len(self.values)) * self._count * PLACE_BYTES)
            self.values, self.rows = _widened(self.values, places), _widened(self.rows, places)

    def _charge(self, size_bytes: int) -> None:
        self._charged_bytes += size_bytes
        self._run.charge(size_bytes)


def _widened(array: NDArray[Scalar], size: int) -> NDArray[Scalar]:
    """Return the rows with zeros behind them, `size` in all."""
    wider = np.zeros((size, array.shape[1]), array.dtype)
    wider[: len(array)] = array
    return wider


def _spans(starts: Longs, lengths: Longs) -> Longs:
    """Return the places of all spans, one after the other."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
