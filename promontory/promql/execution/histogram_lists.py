"""Windows of samples some of which are histograms, and the lists of histograms they make.

Windows are columns: w spans of samples [low, high), row by row. What a rule finds for them is Found: numbers at some
windows, histograms at others.

Source: Prometheus 3.14, promql/functions.go, funcSumOverTime and funcAvgOverTime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.model.histograms import HistogramCells, Histograms, concat_histograms
from promontory.model.samples import Samples
from promontory.promql.execution import annotations as texts
from promontory.promql.execution.histogram_algebra import add_lists, detect_resets
from promontory.promql.execution.run import Run
from promontory.promql.plan.position import Position

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Item = TypeVar("Item", bound=np.generic)

# Members of lists that are written down together; windows overlap, so they can be far more than the samples.
BLOCK_MEMBERS = 1 << 21


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found: values float64[w], present bool[w] for numbers; `table` at the windows int64[h] `where`."""

    values: Floats
    present: Flags
    where: Index
    table: Histograms


@dataclass(frozen=True, slots=True)
class Windows:
    """n rows of k windows, w = n * k.

    samples: of the rows · low, high, end_ms int64[w] · histograms, floats int64[w], how many of each are inside ·
    values float64[w], present bool[w]: what the function of floats gave for the samples that are floats
    """

    samples: Samples
    low: Index
    high: Index
    end_ms: Index
    range_ms: int
    histograms: Index
    floats: Index
    values: Floats
    present: Flags

    @staticmethod
    def over(
        samples: Samples, low: Index, high: Index, end_ms: Index, range_ms: int, values: Floats, present: Flags
    ) -> Windows:  # fmt: skip
        """Return the windows; low, high, values and present are [n, k], end_ms is int64[k]."""
        assert samples.histograms is not None
        before = np.concatenate([[0], np.cumsum(samples.histograms.held)])
        low, high = low.ravel(), high.ravel()
        histograms = before[high] - before[low]
        return Windows(
            samples, low, high, np.tile(end_ms, len(samples)), range_ms,
            histograms, high - low - histograms, values.ravel(), present.ravel(),
        )  # fmt: skip

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.low)

    @property
    def cells(self) -> HistogramCells:
        """The histograms of the samples."""
        assert self.samples.histograms is not None
        return self.samples.histograms

    @property
    def held(self) -> Flags:
        """bool[m]: which samples are histograms."""
        return self.cells.held

    @property
    def table_row(self) -> Index:
        """int64[m]: each sample's histogram in the table; what stands for a float means nothing."""
        return self.cells.index.astype(np.int64)

    @property
    def mixed(self) -> Flags:
        """bool[w]: which windows hold floats and histograms."""
        return (self.floats > 0) & (self.histograms > 0)

    @property
    def neighbours(self) -> Flags:
        """bool[m - 1]: whether the samples i and i + 1 are of one row."""
        row_start = self.samples.row_start
        same = np.ones(max(len(self.samples.values) - 1, 0), np.bool_)
        borders = row_start[(row_start > 0) & (row_start < len(self.samples.values))]
        same[borders - 1] = False
        return same

    @property
    def nothing(self) -> tuple[Index, Histograms]:
        """No histograms: the end of a Found."""
        return np.empty(0, np.int64), Histograms.empty(self.cells.table.symbols)

    def shaped(self, column: NDArray[Item]) -> NDArray[Item]:
        """Return a column of the windows as [n, k]."""
        return column.reshape(len(self.samples), -1)

    def note(
        self,
        say: Callable[[str, Position], None],
        text: Callable[[bytes], str],
        windows: Flags | Index,
        position: Position,
    ) -> None:
        """Say `text` once for each metric name that has one of the windows, given by a mask or as indexes."""
        marked = np.zeros(self.count, np.bool_)
        marked[windows] = True
        rows = self.shaped(marked).any(axis=1)
        labels = self.samples.labels
        for code in np.unique(labels.column(b"__name__")[rows]) if rows.any() else ():
            say(text(labels.symbols.text(int(code)) if code else b""), position)


def find_histogram_resets(windows: Windows) -> Flags:
    """Return bool[m]: which histograms are after a counter reset, seen from the histogram before in the row."""
    found = np.zeros(len(windows.samples.values), np.bool_)
    held = windows.held
    pairs = np.flatnonzero(windows.neighbours & held[1:] & held[:-1])
    row = windows.table_row
    found[pairs + 1] = detect_resets(windows.cells.table, row[pairs + 1], row[pairs])
    return found


def sum_windows(run: Run, windows: Windows, position: Position) -> Found:
    """Sum the windows of histograms."""
    return _fold_windows(run, windows, position, mean=False)


def average_windows(run: Run, windows: Windows, position: Position) -> Found:
    """Average the windows of histograms."""
    return _fold_windows(run, windows, position, mean=True)


def _fold_windows(run: Run, windows: Windows, position: Position, *, mean: bool) -> Found:
    chosen = np.flatnonzero((windows.histograms > 0) & (windows.floats == 0))
    row = windows.table_row
    where, tables = [np.empty(0, np.int64)], [Histograms.empty(windows.cells.table.symbols)]
    for block in _blocks(chosen, windows.histograms):
        start = np.concatenate([[0], np.cumsum(windows.histograms[block])]).astype(np.int64)
        member = row[spread(windows.low[block], start)]
        combined = add_lists(windows.cells.table, start, member, run.stop, mean=mean)
        windows.note(run.warn, texts.mixed_schemas, block[combined.failed], position)
        if (combined.collided & ~combined.failed).any():
            run.warn(texts.conflicting_resets("aggregation"), position)
        if (combined.reconciled & ~combined.failed).any():
            run.inform(texts.reconciled_bounds("aggregation"), position)
        good = np.flatnonzero(~combined.failed)
        where.append(block[good])
        tables.append((combined.means() if mean else combined.histograms).take(good))
        run.expect_bytes(sum(table.resident_bytes for table in tables))
    return Found(windows.values, windows.present, np.concatenate(where), concat_histograms(tables))


def _blocks(chosen: Index, members: Index) -> Iterator[Index]:
    """Yield the chosen windows so many at a time that their lists stay bounded, one at least."""
    block = np.cumsum(members[chosen]) // BLOCK_MEMBERS
    yield from np.split(chosen, np.flatnonzero(np.diff(block)) + 1) if len(chosen) else ()


def spread(first: Index, start: Index) -> Index:
    """Return first[i], first[i] + 1, … for each list i of the places start[i] : start[i + 1]."""
    return np.repeat(first - start[:-1], np.diff(start)) + np.arange(start[-1])
