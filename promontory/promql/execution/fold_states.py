"""FoldStates: what groups are folded into, in slabs that are never moved.

    slab 0   groups [0, 64)      flag [64, k]  total [64, k]  lost [64, k]
    slab 1   groups [64, 128)    …
    slab 2   groups [128, 256)   as many as all before, until a slab has SLAB_CELLS

A larger array would have to be copied, and cleared, each time that groups come; pages of so many megabytes are not
found again but got from the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import Kernel
from promontory.promql.execution.run import Run

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]
# Groups by times of the largest slab: 2 MB of numbers.
SLAB_CELLS = 1 << 18


@dataclass(frozen=True, slots=True)
class _Slab:
    """States of the groups [first, end), each [end - first, k]."""

    first: int
    end: int
    states: tuple[NDArray[Any], ...]


class FoldStates:
    """The states of g groups at `count` times; `kinds` are their types."""

    def __init__(self, run: Run, kinds: Sequence[type[np.generic]], *, count: int) -> None:
        self._run = run
        self._kinds = kinds
        self._count = count
        self._cell_bytes = sum(np.dtype(kind).itemsize for kind in kinds)
        self._slabs: list[_Slab] = []

    @property
    def room(self) -> int:
        """How many groups there is room for."""
        return self._slabs[-1].end if self._slabs else 0

    def make_room(self, groups: int) -> None:
        """Have room for so many groups. Raises LimitError where that is too much."""
        while (known := self.room) < groups:
            self._run.refuse_beyond(groups * self._count)
            size = min(max(known, groups - known), max(1, SLAB_CELLS // max(1, self._count)))
            self._run.charge(size * self._count * self._cell_bytes)
            states = tuple(np.zeros((size, self._count), kind) for kind in self._kinds)
            self._slabs.append(_Slab(known, known + size, states))

    def fold(self, kernel: Kernel[..., int], values: Floats, present: Flags, group: Groups) -> None:
        """Fold the rows of a batch, in order, into groups for which there is room."""
        if not len(group):
            return
        least, most = int(group.min()), int(group.max())
        for slab in self._slabs:
            if slab.first <= least and most < slab.end:
                kernel(values, present, group - np.int32(slab.first), self._run.stop, *slab.states)
            elif slab.first <= most and least < slab.end:
                rows = np.flatnonzero((group >= slab.first) & (group < slab.end))
                local = group[rows] - np.int32(slab.first)
                kernel(values[rows], present[rows], local, self._run.stop, *slab.states)

    def seen(self, groups: int) -> Flags:
        """Return bool[groups, k]: who was there."""
        parts = [slab.states[0] > 0 for slab in self._slabs]
        return np.concatenate([np.zeros((0, self._count), np.bool_), *parts])[:groups]

    def finish(self, evaluate: Callable[..., Floats], groups: int) -> tuple[Floats, Flags]:
        """Return what `evaluate` makes of the states, float64[groups, k] and present; hold nothing any more."""
        values, present = np.empty((groups, self._count)), np.empty((groups, self._count), np.bool_)
        for slab in self._slabs:
            states = [state[: groups - slab.first] for state in slab.states]
            with np.errstate(all="ignore"):
                values[slab.first : slab.end] = evaluate(*states)
            np.greater(states[0], 0, out=present[slab.first : slab.end])
        self._run.give_back(self.room * self._count * self._cell_bytes)
        self._slabs.clear()
        return values, present
