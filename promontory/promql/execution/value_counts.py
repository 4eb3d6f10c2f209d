"""ValueCounts: how many rows of a group have each value at each time, kept while batches come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.value_counts import count_places, rebuild_pair_slots
from promontory.promql.execution.run import Run

Longs = NDArray[np.int64]
FIRST_PAIRS = 16
# A count at one time; what a pair has besides: group, value and two slots.
COUNT_BYTES = 4
PAIR_BYTES = 20


class ValueCounts:
    """Numbers the pairs of group and value, int64 or the bits of a float64, and counts them at `count` times."""

    def __init__(self, run: Run, *, count: int) -> None:
        self._run = run
        self._known = np.zeros(1, np.int64)
        self._group = np.zeros(0, np.int32)
        self._bits = np.zeros(0, np.int64)
        self._counts = np.zeros((0, count), np.uint32)
        self._slots = np.zeros(1, np.int32)

    def __len__(self) -> int:
        return int(self._known[0])

    @property
    def group(self) -> NDArray[np.int32]:
        """int32[p]: the group of each pair."""
        return self._group[: len(self)]

    @property
    def bits(self) -> Longs:
        """int64[p]: the value of each pair."""
        return self._bits[: len(self)]

    @property
    def counts(self) -> NDArray[np.uint32]:
        """uint32[p, k]: how many rows have it."""
        return self._counts[: len(self)]

    def add(self, bits: Longs, present: NDArray[np.bool_], group: NDArray[np.int32]) -> None:
        """Count the present places of a batch, int64[n, k] and bool[n, k]; group: int32[n].

        Raises LimitError where there are too many pairs.
        """
        done = np.zeros(2, np.int64)
        while True:
            count_places(
                bits, present, group, done, self._run.stop,
                self._group, self._bits, self._counts, self._slots, self._known,
            )  # fmt: skip
            if done[0] == len(bits) or self._run.stop[0]:
                return
            self._grow()

    def release(self) -> None:
        """Give back what was charged."""
        self._run.give_back(self._size_bytes(len(self._bits)))

    def _grow(self) -> None:
        times = self._counts.shape[1]
        self._run.refuse_beyond((len(self) + 1) * times)
        room = max(FIRST_PAIRS, 2 * len(self._bits))
        self._run.charge(self._size_bytes(room) - self._size_bytes(len(self._bits)))
        more = room - len(self._bits)
        self._group = np.concatenate([self._group, np.zeros(more, np.int32)])
        self._bits = np.concatenate([self._bits, np.zeros(more, np.int64)])
        counts = np.zeros((room, times), np.uint32)
        counts[: len(self)] = self.counts
        self._counts = counts
        self._slots = np.zeros(2 * room, np.int32)
        rebuild_pair_slots(self._group, self._bits, len(self), self._slots)

    def _size_bytes(self, room: int) -> int:
        return room * (self._counts.shape[1] * COUNT_BYTES + PAIR_BYTES)
