"""GroupTable: the numbers of label sets, kept while batches come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.groups import assign_groups
from promontory.kernels.symbols import rebuild_slots
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable


class GroupTable:
    """Numbers label rows in order of first appearance; equal rows share a number. Not thread-safe."""

    def __init__(self, symbols: SymbolTable) -> None:
        self._symbols = symbols
        self._start = np.zeros(65, np.int64)
        self._name = np.zeros(512, np.int32)
        self._value = np.zeros(512, np.int32)
        self._hashes = np.zeros(64, np.uint64)
        self._slots = np.zeros(256, np.int32)
        self._count = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return int(self._count[0])

    def assign(self, rows: LabelRows) -> NDArray[np.int32]:
        """Return int32[n]: the number of each row, adding those not seen before."""
        group = np.empty(len(rows), np.int32)
        hashes = rows.hashes()
        done = 0
        while True:
            done = assign_groups(
                rows.row_start, rows.name, rows.value, hashes, done, group,
                self._start, self._name, self._value, self._hashes, self._slots, self._count,
            )  # fmt: skip
            if done == len(group):
                return group
            self._grow(int(rows.row_start[done + 1] - rows.row_start[done]))

    def labels(self) -> LabelRows:
        """Return the rows by number."""
        start = self._start[: len(self) + 1].copy()
        return LabelRows(start, self._name[: start[-1]].copy(), self._value[: start[-1]].copy(), self._symbols)

    def _grow(self, pairs: int) -> None:
        known = len(self)
        used = int(self._start[known])
        if known >= len(self._hashes):
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
            self._start = np.concatenate([self._start, np.zeros_like(self._hashes, np.int64)])
        if 2 * (known + 1) > len(self._slots):
            self._slots = np.zeros(2 * len(self._slots), np.int32)
            rebuild_slots(self._hashes, known, self._slots)
        if used + pairs > len(self._name):
            room = np.zeros(max(len(self._name), pairs), np.int32)
            self._name = np.concatenate([self._name, room])
            self._value = np.concatenate([self._value, room])
