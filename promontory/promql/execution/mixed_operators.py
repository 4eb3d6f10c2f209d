"""Operators between elements of which some are native histograms.

What an operator makes of two elements depends on which of them are histograms:

    float, float          arithmetic and comparison as ever; no trim
    histogram, histogram  + - == !=
    histogram, float      * / and the trims </ >/          float, histogram   *

All else is refused: the element is dropped, and an annotation says why. At each time only the last one is noted.

Source: Prometheus 3.14, promql/engine.go, vectorElemBinop and handleVectorBinopError.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells, Histograms, ResetHint, concat_histograms, with_hint
from promontory.promql.execution.annotations import conflicting_resets, reconciled_bounds
from promontory.promql.execution.histogram_algebra import add_pairs, divide, equal_pairs, scale, subtract_pairs
from promontory.promql.execution.histogram_statistics import trim
from promontory.promql.execution.run import Run
from promontory.promql.plan.arithmetic import ARITHMETIC, COMPARISONS, TRIMS, operate
from promontory.promql.plan.position import Position

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]

WORD = {False: "float", True: "histogram"}
SUMS = {"+": "addition", "-": "subtraction"}


class Note(IntEnum):
    """What is said of a pair of elements."""

    NONE = 0
    FLOATS = 1
    FLOAT_HISTOGRAM = 2
    HISTOGRAM_FLOAT = 3
    HISTOGRAMS = 4
    LAYOUT = 5
    COLLISION = 6
    RECONCILED = 7


@dataclass(frozen=True, slots=True)
class Side:
    """One side: values float64[p, k], and which of them are histograms."""

    values: Floats
    cells: HistogramCells | None

    @property
    def held(self) -> Flags:
        """bool[p, k]: where histograms are."""
        return self.cells.held if self.cells is not None else np.zeros(self.values.shape, np.bool_)

    def rows(self, chosen: Flags) -> Index:
        """Return the rows in the table of the chosen places, all of which hold a histogram."""
        assert self.cells is not None
        return self.cells.index[chosen].astype(np.int64)

    def take(self, chosen: Flags) -> Histograms:
        """Return the histograms of the chosen places."""
        assert self.cells is not None
        return self.cells.table.take(self.rows(chosen))


@dataclass(frozen=True, slots=True)
class Mixed:
    """What came out: values float64[p, k], present bool[p, k], cells."""

    values: Floats
    present: Flags
    cells: HistogramCells | None


def is_mixed(op: str, *cells: HistogramCells | None) -> bool:
    """Say whether an operator needs this file: for a trim always, else where histograms are."""
    return op in TRIMS or any(one is not None for one in cells)


def note_pairs(op: str, left: Side, right: Side, present: Flags) -> NDArray[np.int8]:
    """Return int8[p, k]: a Note for each pair that is refused, NONE for those that the operator works on."""
    notes = np.zeros(present.shape, np.int8)
    both = left.held & right.held
    notes[left.held & ~right.held] = Note.NONE if op in ("*", "/", *TRIMS) else Note.HISTOGRAM_FLOAT
    notes[right.held & ~left.held] = Note.NONE if op == "*" else Note.FLOAT_HISTOGRAM
    if op in TRIMS:
        notes[~left.held & ~right.held] = Note.FLOATS
    if op not in (*SUMS, "==", "!="):
        notes[both] = Note.HISTOGRAMS
    elif op in SUMS and (both & present).any():
        assert left.cells is not None
        assert right.cells is not None
        notes[both] = _note_sums(left.cells.table, left.rows(both), right.cells.table, right.rows(both))
    return np.where(present, notes, np.int8(Note.NONE))


def _note_sums(left: Histograms, left_rows: Index, right: Histograms, right_rows: Index) -> NDArray[np.int8]:
    one, other = left.hint[left_rows], right.hint[right_rows]
    collide = (one == ResetHint.RESET) & (other == ResetHint.NOT_RESET)
    collide |= (one == ResetHint.NOT_RESET) & (other == ResetHint.RESET)
    notes = np.where(collide, np.int8(Note.COLLISION), np.int8(Note.NONE))
    return np.where(left.custom[left_rows] != right.custom[right_rows], np.int8(Note.LAYOUT), notes)


def operate_mixed(
    run: Run, op: str, left: Side, right: Side, notes: NDArray[np.int8], position: Position, *, filtering: bool
) -> Mixed:
    """Return `left op right` where `notes` refuses nothing; a filter keeps the left side.

    Annotations are noted with `position`. What comes out where a pair is not present means nothing.
    """
    accepted: Flags = notes == Note.NONE
    both = accepted & left.held & right.held
    if op in COMPARISONS:
        result = _compare(op, left, right, accepted, both, filtering=filtering)
    elif op in SUMS:
        result = _add(run, op, left, right, both, notes)
    else:
        result = _scale(run, op, left, right, accepted & (left.held ^ right.held))
    _note(run, op, notes, position)
    return Mixed(result.values, result.present & accepted, result.cells)


def _compare(op: str, left: Side, right: Side, accepted: Flags, both: Flags, *, filtering: bool) -> Mixed:
    holds: Flags = COMPARISONS[op](left.values, right.values)
    if both.any():
        assert left.cells is not None
        assert right.cells is not None
        equal = equal_pairs(left.cells.table, left.rows(both), right.cells.table, right.rows(both))
        holds[both] = equal if op == "==" else ~equal
    if not filtering:
        return Mixed(holds.astype(np.float64), accepted, None)
    kept = accepted & holds
    return Mixed(left.values, kept, left.cells.where(kept) if left.cells is not None else None)


def _add(run: Run, op: str, left: Side, right: Side, both: Flags, notes: NDArray[np.int8]) -> Mixed:
    """Add or subtract; `notes` gains where bounds were reconciled."""
    values = operate(op, left.values, right.values)
    if not both.any():
        return Mixed(values, np.ones_like(both), None)
    table = concat_histograms([left.take(both), right.take(both)])
    pairs = np.arange(len(table) // 2, dtype=np.int64)
    combined = (add_pairs if op == "+" else subtract_pairs)(table, pairs, pairs + len(pairs), run.stop)
    found = combined.plain if op == "+" else with_hint(combined.plain, ResetHint.GAUGE)
    notes[both] = np.where(combined.reconciled | combined.reconciled_less, Note.RECONCILED, Note.NONE)
    return Mixed(values, np.ones_like(both), _placed(both, found))


def _scale(run: Run, op: str, left: Side, right: Side, chosen: Flags) -> Mixed:
    values = operate(op, left.values, right.values) if op in ARITHMETIC else np.zeros(chosen.shape)
    if not chosen.any():
        return Mixed(values, np.ones_like(chosen), None)
    parts: list[Histograms] = []
    places = np.full(chosen.shape, -1, np.int32)
    size = 0
    for histograms, numbers in ((left, right), (right, left)):
        where = chosen & histograms.held
        if where.any():
            parts.append(_scale_one(run, op, histograms.take(where), numbers.values[where]))
            places[where] = np.arange(size, size + len(parts[-1]))
            size += len(parts[-1])
    return Mixed(values, np.ones_like(chosen), HistogramCells(places, concat_histograms(parts)))


def _scale_one(run: Run, op: str, table: Histograms, number: Floats) -> Histograms:
    if op in TRIMS:
        return trim(table, number, run.stop, below=op == "</")
    return scale(table, number) if op == "*" else divide(table, number)


def _placed(where: Flags, table: Histograms) -> HistogramCells:
    index = np.full(where.shape, -1, np.int32)
    index[where] = np.arange(len(table), dtype=np.int32)
    return HistogramCells(index, table)


def _note(run: Run, op: str, notes: NDArray[np.int8], position: Position) -> None:
    """Note what happened last at each time."""
    noted = notes != Note.NONE
    times = np.flatnonzero(noted.any(axis=0))
    last = len(notes) - 1 - np.argmax(noted[::-1][:, times], axis=0) if len(times) else times
    for kind in np.unique(notes[last, times]).tolist():
        if kind == Note.LAYOUT:
            run.warn(f"incompatible bucket layout encountered for binary operator {op}", position)
        elif kind == Note.COLLISION:
            run.warn(conflicting_resets(SUMS[op]), position)
        elif kind == Note.RECONCILED:
            run.inform(reconciled_bounds(SUMS[op]), position)
        else:
            one = WORD[kind in (Note.HISTOGRAM_FLOAT, Note.HISTOGRAMS)]
            other = WORD[kind in (Note.FLOAT_HISTOGRAM, Note.HISTOGRAMS)]
            run.inform(
                f'incompatible sample types encountered for binary operator "{op}": {one} {op} {other}', position
            )
