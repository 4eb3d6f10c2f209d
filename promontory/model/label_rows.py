"""LabelRows: the label sets of many series as codes, CSR.

    row_start int64[n + 1] · name int32[p] · value int32[p]     pairs of a row sorted by the bytes of the name

No pair has an empty value. All operations work on codes; strings are read only to put rows in order. Rows of two
LabelRows can be compared where both live in the same SymbolTable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.label_rows import (
    compare_rows,
    find_column,
    find_descent,
    group_rows,
    hash_rows,
    mark_equal_neighbours,
    overlay_rows,
    sort_rows,
    take_rows,
)
from promontory.model.labels import METRIC_NAME, Labels
from promontory.model.starts import find_starts
from promontory.model.symbols import SymbolTable


@dataclass(frozen=True, slots=True)
class LabelRows:
    """n label sets whose codes live in `symbols`."""

    row_start: NDArray[np.int64]
    name: NDArray[np.int32]
    value: NDArray[np.int32]
    symbols: SymbolTable

    def __len__(self) -> int:
        return len(self.row_start) - 1

    @property
    def resident_bytes(self) -> int:
        """Bytes of the columns, without the symbols."""
        return self.row_start.nbytes + self.name.nbytes + self.value.nbytes

    @staticmethod
    def empty(symbols: SymbolTable) -> LabelRows:
        """Return no rows."""
        return LabelRows(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), symbols)

    @staticmethod
    def from_labels(labels: Sequence[Labels], symbols: SymbolTable) -> LabelRows:
        """Return rows of label values; for small inputs and tests."""
        pairs = [pair for row in labels for pair in row.pairs]
        counts = [len(row.pairs) for row in labels]
        return LabelRows(
            row_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            name=np.array([symbols.intern(name) for name, _ in pairs], np.int32),
            value=np.array([symbols.intern(value) for _, value in pairs], np.int32),
            symbols=symbols,
        )

    def labels(self, row: int) -> Labels:
        """Return one row as a value; for the rim and tests."""
        span = slice(int(self.row_start[row]), int(self.row_start[row + 1]))
        return Labels(
            tuple(
                (self.symbols.text(int(name)), self.symbols.text(int(value)))
                for name, value in zip(self.name[span], self.value[span], strict=True)
            )
        )

    def slice(self, start: int, end: int) -> LabelRows:
        """Return the rows [start, end); the codes are shared, not copied."""
        row_start = self.row_start[start : end + 1]
        first, last = int(row_start[0]), int(row_start[-1])
        return LabelRows(row_start - first, self.name[first:last], self.value[first:last], self.symbols)

    def take(self, index: NDArray[np.int64]) -> LabelRows:
        """Return the rows at `index` (int64), in that order."""
        row_start = find_starts(self.row_start[index + 1] - self.row_start[index])
        name = np.empty(row_start[-1], np.int32)
        value = np.empty(row_start[-1], np.int32)
        take_rows(self.row_start, self.name, self.value, index, row_start, name, value)
        return LabelRows(row_start, name, value, self.symbols)

    def without_empty(self) -> LabelRows:
        """Return the rows less pairs of an empty value, which say what an absent label says."""
        if self.value.all():
            return self
        keep = self.value != 0
        return LabelRows(find_starts(keep)[self.row_start], self.name[keep], self.value[keep], self.symbols)

    def sort_index(self) -> NDArray[np.int64]:
        """Return int64[n]: the rows in Store order, stable. Cheap where the rows are a few sorted runs."""
        index = np.empty(len(self), np.int64)
        scratch = np.empty(len(self), np.int64)
        runs = np.empty(len(self) + 1, np.int64)
        columns = (self.row_start, self.name, self.value, *self.symbols.arrays())
        return scratch if sort_rows(*columns, index, scratch, runs) else index

    def is_sorted(self) -> bool:
        """Say whether the rows are in Store order; equal neighbours are."""
        return self.find_descent() == len(self)

    def find_descent(self) -> int:
        """Return the first row that belongs before its predecessor, or n where there is none."""
        return find_descent(self.row_start, self.name, self.value, *self.symbols.arrays())

    def compare(self, row: int, other: LabelRows, other_row: int) -> int:
        """Return -1, 0 or 1: the Store order of a row here and a row there."""
        return compare_rows(
            self.row_start, self.name, self.value, row,
            other.row_start, other.name, other.value, other_row, *self.symbols.arrays(),
        )  # fmt: skip

    def equal_neighbours(self) -> NDArray[np.bool_]:
        """Return bool[n]: which rows equal the one before them."""
        marks = np.empty(len(self), np.uint8)
        mark_equal_neighbours(self.row_start, self.name, self.value, marks)
        return marks.view(np.bool_)

    def column(self, name: bytes) -> NDArray[np.int32]:
        """Return int32[n]: the value codes of one label, 0 where it is absent."""
        code = self.symbols.find(name)
        values = np.zeros(len(self), np.int32)
        if code is not None and len(self):
            find_column(self.row_start, self.name, self.value, code, values)
        return values

    def keep(self, names: Collection[bytes]) -> LabelRows:
        """Return the rows with only the labels named."""
        return self._filter(self._named(names))

    def without(self, names: Collection[bytes]) -> LabelRows:
        """Return the rows less the labels named. The order of rows may break."""
        named = self._named(names)
        return self._filter(~named) if named.any() else self

    def with_labels(self, labels: Labels) -> LabelRows:
        """Return the rows with the labels set on each, replacing those of the same name. Order may break."""
        if not labels.pairs:
            return self
        names = [name for name, _ in labels.pairs]
        values = [self.symbols.intern(value) for _, value in labels.pairs]
        return self._overlay(names, np.array([values], np.int32))

    def with_column(self, name: bytes, values: NDArray[np.int32]) -> LabelRows:
        """Return the rows with one label set to `values` (int32[n] codes); code 0 takes the label away."""
        if not len(self):
            return self
        return self._overlay([name], np.ascontiguousarray(values, np.int32).reshape(-1, 1))

    def hashes(self) -> NDArray[np.uint64]:
        """Return uint64[n]: a hash of each row that holds within this symbol table."""
        out = np.empty(len(self), np.uint64)
        hash_rows(self.row_start, self.name, self.value, out)
        return out

    def unique(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return (group int32[n], first int64[g]): equal rows share a number, given in order of first appearance."""
        count = len(self)
        group = np.empty(count, np.int32)
        first = np.empty(count, np.int64)
        slots = np.zeros(1 << max(1, 2 * count - 1).bit_length(), np.int32)
        groups = group_rows(self.row_start, self.name, self.value, self.hashes(), slots, group, first)
        return group, first[:groups]

    def group(self, names: Collection[bytes], *, by: bool) -> tuple[NDArray[np.int32], LabelRows]:
        """Group as `by (names)`, or else `without (names)`, which also drops the metric name.

        Returns (group int32[n], the labels of each group); groups are numbered in order of their first row.
        """
        signatures = self.keep(names) if by else self.without((METRIC_NAME, *names))
        group, first = signatures.unique()
        return group, signatures.take(first)

    def _named(self, names: Collection[bytes]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.name), np.bool_)
        for name in names:
            code = self.symbols.find(name)
            if code is not None:
                mask |= self.name == code
        return mask

    def _filter(self, keep: NDArray[np.bool_]) -> LabelRows:
        row_start = find_starts(keep)[self.row_start]
        return LabelRows(row_start, self.name[keep], self.value[keep], self.symbols)

    def _overlay(self, names: Sequence[bytes], values: NDArray[np.int32]) -> LabelRows:
        codes = np.array([self.symbols.intern(name) for name in names], np.int32)
        row_start = np.empty(len(self) + 1, np.int64)
        size = len(self.name) + len(self) * len(codes)
        name, value = np.empty(size, np.int32), np.empty(size, np.int32)
        overlay_rows(
            self.row_start, self.name, self.value, codes, values, *self.symbols.arrays(), row_start, name, value
        )
        return LabelRows(row_start, name[: row_start[-1]], value[: row_start[-1]], self.symbols)


def concat_rows(parts: Sequence[LabelRows]) -> LabelRows:
    """Return the rows of all parts, one after the other. At least one part; all of one SymbolTable."""
    if len(parts) == 1:
        return parts[0]
    assert all(part.symbols is parts[0].symbols for part in parts), "label rows of different symbol tables"
    return LabelRows(
        row_start=find_starts(np.concatenate([np.diff(part.row_start) for part in parts])),
        name=np.concatenate([part.name for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        symbols=parts[0].symbols,
    )


def group_pair(
    left: LabelRows, right: LabelRows, names: Collection[bytes], *, on: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Match rows as `on (names)`, or else `ignoring (names)`, which also ignores the metric name.

    Returns (left_group, right_group, count): rows whose matching labels are equal share a number below `count`.
    """
    dropped = (METRIC_NAME, *names)
    sides = [side.keep(names) if on else side.without(dropped) for side in (left, right)]
    group, first = concat_rows(sides).unique()
    return group[: len(left)], group[len(left) :], len(first)
