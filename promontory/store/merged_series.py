"""The series of many blocks as one list: each label set once, in Store order.

    block 0   a b c d        labels  a b c d e        row of block 0   0 1 2 3
    block 1   a c e                                   row of block 1   0 2 4

Blocks of one bucket mostly hold the same series. Labels that equal those of another block are dropped when they
come; only lists that differ are hashed and sorted, and a block whose list is the whole keeps no rows of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.symbols import SymbolTable
from promontory.store.block_series import BlockSeries

Rows = NDArray[np.int32]

NO_LIST = -1


@dataclass(frozen=True, slots=True)
class MemberSeries:
    """The series of one block, less their labels, and int32[n], rising: the merged row of each; None where row is i."""

    series: BlockSeries
    row: Rows | None

    def find(self, first: int, last: int) -> tuple[int, int]:
        """Return the range of series that belong to the merged rows [first, last)."""
        if self.row is None:
            return first, last
        start, end = np.searchsorted(self.row, np.array([first, last], np.int32)).tolist()
        return start, end


@dataclass(frozen=True, slots=True)
class MergedSeries:
    """n label sets, the blocks' series under them, and int64[n + 1]: chunks before each row."""

    labels: LabelRows
    members: tuple[MemberSeries, ...]
    chunks_before: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def held_bytes(self) -> int:
        """Bytes of the labels, of the entries and of the columns."""
        rows = sum(0 if member.row is None else member.row.nbytes for member in self.members)
        series = sum(member.series.held_bytes for member in self.members)
        return self.labels.resident_bytes + rows + series + self.chunks_before.nbytes


class SeriesMerger:
    """Takes the series of blocks as they come, from any thread; `merge` makes one list of all."""

    def __init__(self, symbols: SymbolTable) -> None:
        self.symbols = symbols
        self._lock = threading.Lock()
        self._lists: list[LabelRows] = []

    def add(self, series: BlockSeries) -> tuple[BlockSeries, int]:
        """Return the series without their labels, and the number of the list that holds these."""
        labels = series.rows.labels
        bare = replace(series, rows=series.rows.with_labels(LabelRows.empty(self.symbols)))
        if not len(labels):
            return bare, NO_LIST
        with self._lock:
            number = next((n for n, known in enumerate(self._lists) if _are_equal(known, labels)), len(self._lists))
            if number == len(self._lists):
                self._lists.append(labels)
        return bare, number

    @property
    def held_bytes(self) -> int:
        """Bytes of the lists kept."""
        return sum(labels.resident_bytes for labels in self._lists)

    def merge(self, added: Sequence[tuple[BlockSeries, int]], *, limit: int = 0) -> MergedSeries:
        """Return the series of the blocks in the order given, at most `limit` label sets where that is not 0."""
        labels, rows = self._unite()
        self._lists.clear()
        members = tuple(MemberSeries(series, rows[number]) for series, number in added if len(series))
        counts = np.zeros(len(labels), np.int64)
        for member in members:
            if member.row is None:
                counts += member.series.rows.chunk_count
            else:
                np.add.at(counts, member.row, member.series.rows.chunk_count)
        kept = min(len(labels), limit or len(labels))
        before = np.zeros(kept + 1, np.int64)
        np.cumsum(counts[:kept], out=before[1:])
        return MergedSeries(labels.slice(0, kept), members, before)

    def _unite(self) -> tuple[LabelRows, list[Rows | None]]:
        """Return all label sets once, in order, and of each list the rows of its own."""
        lists = self._lists
        if not lists:
            return LabelRows.empty(self.symbols), []
        if len(lists) == 1 and not lists[0].equal_neighbours().any():
            return lists[0], [None]
        joined = concat_rows(lists)
        group, first = joined.unique()
        distinct = joined.take(first)
        index = distinct.sort_index()
        rank = np.empty(len(index), np.int32)
        rank[index] = np.arange(len(index), dtype=np.int32)
        ends = np.cumsum([len(labels) for labels in lists])
        return distinct.take(index), [rank[part] for part in np.split(group, ends[:-1])]


def _are_equal(left: LabelRows, right: LabelRows) -> bool:
    return all(
        np.array_equal(getattr(left, column), getattr(right, column)) for column in ("row_start", "value", "name")
    )
