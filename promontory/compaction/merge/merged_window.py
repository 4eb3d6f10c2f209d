"""The series of several blocks in one order, some at a time: each once, with the chunks of all blocks.

One round: the bound is the smallest last row of the batches in hand of blocks that go on. Rows up to it cannot come
again from any block, so they are merged and go out. In hand at any time: about two pieces of each index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.compaction.reading.series_batch import SeriesBatch, concat_batches
from promontory.kernels.merge import count_until
from promontory.model.label_rows import LabelRows, concat_rows

# A block that has fewer rows in hand is read on: else a round would end where its few rows end.
FEW_ROWS = 512

Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]

COLUMNS = ("row", "block", "series_ref", "min_ms", "max_ms", "ref", "record_bytes")


@dataclass(frozen=True, slots=True)
class MergedWindow:
    """n distinct series in order and c chunks, by row, within a row by block, within a block as its index has them.

    row, block int32[c] · series_ref int64[c], that of the chunk's series in its block · min_ms, max_ms, ref,
    record_bytes int64[c], as in SeriesBatch
    """

    labels: LabelRows
    row: Codes
    block: Codes
    series_ref: Offsets
    min_ms: Offsets
    max_ms: Offsets
    ref: Offsets
    record_bytes: Offsets

    def slice(self, first: int, last: int) -> MergedWindow:
        """Return the rows [first, last)."""
        start, end = np.searchsorted(self.row, [first, last]).tolist()
        columns = {name: getattr(self, name)[start:end] for name in COLUMNS}
        columns["row"] = columns["row"] - np.int32(first)
        return MergedWindow(self.labels.slice(first, last), **columns)


def merge_series(streams: Sequence[Iterator[SeriesBatch]]) -> Iterator[MergedWindow]:
    """Yield the series of all streams, whose labels rise and share one SymbolTable."""
    inputs = [_Input(number, stream) for number, stream in enumerate(streams)]
    while True:
        for each in inputs:
            each.fill()
        inputs = [each for each in inputs if each.batch is not None]
        if not inputs:
            return
        bound = _find_bound(inputs)
        yield _unite([each.take(bound) for each in inputs])


class _Input:
    """A stream and what of it is in hand."""

    def __init__(self, number: int, stream: Iterator[SeriesBatch]) -> None:
        self.number = number
        self._stream: Iterator[SeriesBatch] | None = stream
        self.batch: SeriesBatch | None = None

    @property
    def goes_on(self) -> bool:
        """Whether rows may come after those in hand."""
        return self._stream is not None

    def fill(self) -> None:
        """Read on where little is in hand; no batch afterwards says that the stream is at its end."""
        parts = [self.batch] if self.batch is not None and len(self.batch) else []
        while self._stream is not None and sum(len(part) for part in parts) < FEW_ROWS:
            following = next(self._stream, None)
            if following is None:
                self._stream = None
            elif len(following):
                parts.append(following)
        self.batch = concat_batches(parts) if parts else None

    def take(self, bound: LabelRows | None) -> tuple[int, SeriesBatch]:
        """Return the number of the stream and the rows up to the bound, which are no longer in hand."""
        assert self.batch is not None
        batch, count = self.batch, len(self.batch)
        if bound is not None:
            rows = batch.labels
            count = count_until(
                rows.row_start, rows.name, rows.value, 0,
                bound.row_start, bound.name, bound.value, 0, *rows.symbols.arrays(),
            )  # fmt: skip
        self.batch = batch.slice(count, len(batch))
        return self.number, batch.slice(0, count)


def _find_bound(inputs: Sequence[_Input]) -> LabelRows | None:
    """Return the smallest last row of what goes on, None where nothing does."""
    bound: LabelRows | None = None
    for each in inputs:
        if each.goes_on and each.batch is not None:
            last = each.batch.labels.slice(len(each.batch) - 1, len(each.batch))
            if bound is None or last.compare(0, bound, 0) < 0:
                bound = last
    return bound


def _unite(parts: Sequence[tuple[int, SeriesBatch]]) -> MergedWindow:
    """Return the rows of all parts, equal ones as one."""
    together = concat_rows([batch.labels for _, batch in parts])
    order = together.sort_index()
    ordered = together.take(order)
    begins = ~ordered.equal_neighbours()
    number = np.empty(len(order), np.int32)
    number[order] = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    row, block, series_ref, first = [], [], [], 0
    for index, batch in parts:
        local = batch.rows_of_chunks()
        row.append(number[first + local])
        block.append(np.full(len(local), index, np.int32))
        series_ref.append(batch.series_ref[local])
        first += len(batch)
    columns = {
        name: np.concatenate([getattr(batch, name) for _, batch in parts])
        for name in ("min_ms", "max_ms", "ref", "record_bytes")
    }
    columns |= {"row": np.concatenate(row), "block": np.concatenate(block), "series_ref": np.concatenate(series_ref)}
    place = np.argsort(columns["row"], kind="stable")
    return MergedWindow(ordered.take(np.flatnonzero(begins)), **{name: columns[name][place] for name in COLUMNS})
