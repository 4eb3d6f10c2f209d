"""Rows that hold native histograms, as JSON: the numbers of all histograms are laid out, then the rows written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.api.rows import Points
from promontory.kernels.histogram_bounds import bound_fractions
from promontory.kernels.histogram_json import (
    BUCKET_BYTES,
    HISTOGRAM_BYTES,
    WORD_START,
    WORDS,
    lay_out_histograms,
    write_mixed_rows,
)
from promontory.kernels.shortest import powers_of_ten
from promontory.model.histograms import HistogramCells, Histograms

# Texts one after the other, uint8[…], and where each begins, int64[n + 1].
Texts = tuple[NDArray[np.uint8], NDArray[np.int64]]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

KEYS = {
    False: (np.frombuffer(b',"value":', np.uint8), np.frombuffer(b',"histogram":', np.uint8)),
    True: (np.frombuffer(b',"values":', np.uint8), np.frombuffer(b',"histograms":', np.uint8)),
}
_WORDS = np.frombuffer(WORDS, np.uint8)


def write_mixed(
    points: Points, cells: HistogramCells, labels: Texts, row_start: Longs, room: int, *, is_matrix: bool
) -> NDArray[np.uint8]:
    """Return the rows' JSON, a comma after each.

    `cells` name all that `cells.table` holds; `room` is that of the same rows if they held floats.
    """
    start, numbers = _lay_out(cells.table)
    named = cells.index[cells.held].astype(np.int64)
    buckets = int(np.sum((start[named + 1] - start[named]) // 4))
    float_key, histogram_key = KEYS[is_matrix]
    room += len(named) * HISTOGRAM_BYTES + buckets * BUCKET_BYTES
    room += (len(row_start) - 1) * (len(float_key) + len(histogram_key) + 4)
    out = np.empty(room, np.uint8)
    size = write_mixed_rows(
        float_key, histogram_key, _WORDS, WORD_START, *labels, row_start, points.times_ms, points.values,
        points.values.view(np.uint64), np.ascontiguousarray(cells.index), start, numbers, numbers.view(np.uint64),
        powers_of_ten(), int(is_matrix), out,
    )  # fmt: skip
    return out[:size]


def _lay_out(table: Histograms) -> tuple[Longs, Floats]:
    """Return where the numbers of each histogram begin, int64[h + 1], and the numbers."""
    buckets = np.diff(table.bucket_start) + (table.zero_count > 0)
    start = np.concatenate([[0], np.cumsum(2 + 4 * buckets)]).astype(np.int64)
    numbers = np.empty(int(start[-1]))
    lay_out_histograms(
        table.schema, table.zero_threshold, table.zero_count, table.count, table.sum, table.bucket_start,
        table.bucket_key, table.bucket_count, bound_fractions(), *table.bound_values(), start, numbers,
    )  # fmt: skip
    return start, numbers
