"""Histograms: native histograms as columns.

    h histograms   schema  hint  bounds  zero_threshold  zero_count  count  sum
    buckets, CSR   bucket_start int64[h + 1]  ──►  bucket_key int32[b]  bucket_count float64[b]

Only populated buckets are kept, in the order of the values they hold: negative ones, then positive ones. The zero
bucket has columns of its own. A bucket's key holds its side and its index, and rises with the values:

    key = POSITIVE + index       positive side: (base^(index - 1), base^index], or custom bucket number `index`
    key = -(POSITIVE + index)    negative side

Reducing the resolution changes indexes and never the order. Custom bounds are interned in the query's SymbolTable as
their bytes (little-endian float64): equal code, equal bounds; code 0 where there are none.

Source: Prometheus 3.14, model/histogram/float_histogram.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import histogram_bounds
from promontory.kernels.spans import take_spans
from promontory.model.symbols import SymbolTable

Index = NDArray[np.int64]
Floats = NDArray[np.float64]

# The place of index 0 on the positive side. Schema 8 has 1074 * 256 indexes below it and as many above.
POSITIVE = histogram_bounds.POSITIVE
CUSTOM_SCHEMA = histogram_bounds.CUSTOM_SCHEMA
LEAST_SCHEMA, MOST_SCHEMA = -4, 8


class ResetHint(IntEnum):
    """What is known of a counter reset between a histogram and the one before it."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


@dataclass(frozen=True, slots=True)
class Histograms:
    """h histograms with b populated buckets in all.

    schema int8[h], -53 for custom bounds · hint uint8[h], a ResetHint · bounds int32[h], codes of custom bounds ·
    zero_threshold, zero_count, count, sum float64[h] · bucket_start int64[h + 1] · bucket_key int32[b] ·
    bucket_count float64[b], absolute
    """

    schema: NDArray[np.int8]
    hint: NDArray[np.uint8]
    bounds: NDArray[np.int32]
    zero_threshold: Floats
    zero_count: Floats
    count: Floats
    sum: Floats
    bucket_start: Index
    bucket_key: NDArray[np.int32]
    bucket_count: Floats
    symbols: SymbolTable

    def __len__(self) -> int:
        return len(self.schema)

    @property
    def resident_bytes(self) -> int:
        """Bytes of the columns."""
        return len(self) * 42 + self.bucket_start.nbytes + self.bucket_key.nbytes + self.bucket_count.nbytes

    @property
    def custom(self) -> NDArray[np.bool_]:
        """bool[h]: which have custom bounds."""
        custom: NDArray[np.bool_] = self.schema == CUSTOM_SCHEMA
        return custom

    @staticmethod
    def empty(symbols: SymbolTable) -> Histograms:
        """Return no histograms."""
        none = np.empty(0)
        return Histograms(
            np.empty(0, np.int8), np.empty(0, np.uint8), np.empty(0, np.int32), none, none, none, none,
            np.zeros(1, np.int64), np.empty(0, np.int32), none, symbols,
        )  # fmt: skip

    def take(self, index: Index) -> Histograms:
        """Return the histograms at `index`, in that order."""
        index = np.ascontiguousarray(index)
        start = np.zeros(len(index) + 1, np.int64)
        np.cumsum(self.bucket_start[index + 1] - self.bucket_start[index], out=start[1:])
        key, count = np.empty(start[-1], np.int32), np.empty(start[-1])
        take_spans(self.bucket_start, self.bucket_key, self.bucket_count, index, start, key, count)
        return Histograms(
            self.schema[index], self.hint[index], self.bounds[index], self.zero_threshold[index],
            self.zero_count[index], self.count[index], self.sum[index], start, key, count, self.symbols,
        )  # fmt: skip

    def bound_values(self) -> tuple[NDArray[np.int32], Index, Floats]:
        """Return the custom bounds as columns: (row int32[h], start int64[r + 1], values float64[…]).

        The bounds of histogram i are values[start[row[i]] : start[row[i] + 1]]; none for an exponential one.
        """
        return bound_columns(self.bounds, self.symbols)


def bound_columns(codes: NDArray[np.int32], symbols: SymbolTable) -> tuple[NDArray[np.int32], Index, Floats]:
    """Return the custom bounds of any codes as columns, as `Histograms.bound_values` does."""
    distinct, row = np.unique(codes, return_inverse=True)
    texts = [symbols.text(int(code)) for code in distinct]
    start = np.zeros(len(distinct) + 1, np.int64)
    np.cumsum([len(text) // 8 for text in texts], out=start[1:])
    return row.astype(np.int32), start, np.frombuffer(b"".join(texts), "<f8").astype(np.float64)


def intern_bounds(symbols: SymbolTable, bounds: Sequence[float] | Floats) -> int:
    """Return the code of custom bounds, rising upper bounds without +Inf."""
    return symbols.intern(np.asarray(bounds, "<f8").tobytes())


def concat_histograms(parts: Sequence[Histograms]) -> Histograms:
    """Return the histograms of all parts, one after the other. At least one part; all of one SymbolTable."""
    if len(parts) == 1:
        return parts[0]
    starts = [part.bucket_start[:-1] for part in parts] + [np.zeros(1, np.int64)]
    ends = np.cumsum([0, *(part.bucket_start[-1] for part in parts)])
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Histograms.__slots__ if name not in ("bucket_start", "symbols")
    }  # fmt: skip
    return Histograms(
        **columns,
        bucket_start=np.concatenate([start + end for start, end in zip(starts, ends, strict=True)]).astype(np.int64),
        symbols=parts[0].symbols,
    )


@dataclass(frozen=True, slots=True)
class HistogramCells:
    """Which places of an array of values hold histograms.

    `index` int32 has the array's shape: the row in `table`, -1 where the place holds a float (or nothing). The value
    in a place that holds a histogram means nothing and is no stale marker. `table` may hold rows that no place names.
    """

    index: NDArray[np.int32]
    table: Histograms

    @property
    def held(self) -> NDArray[np.bool_]:
        """bool, the array's shape: where histograms are."""
        return self.index >= 0

    @property
    def resident_bytes(self) -> int:
        """Bytes of index and table."""
        return self.index.nbytes + self.table.resident_bytes

    def at(self, key: NDArray[np.int64] | NDArray[np.bool_] | slice) -> HistogramCells:
        """Return the places that `key` chooses on the first axis; the table is shared."""
        return HistogramCells(self.index[key], self.table)

    def chosen(self) -> Histograms:
        """Return the histograms of all places that hold one, in the places' order."""
        return self.table.take(self.index[self.held].astype(np.int64))

    def where(self, kept: NDArray[np.bool_]) -> HistogramCells | None:
        """Return the cells with those outside `kept` emptied; None where no histogram is left."""
        index = np.where(kept, self.index, np.int32(-1))
        return HistogramCells(index, self.table) if (index >= 0).any() else None

    def compact(self) -> HistogramCells | None:
        """Return the same places over a table of just what they name; None where they name nothing."""
        held = self.held
        if not held.any():
            return None
        used, place = np.unique(self.index[held], return_inverse=True)
        if len(used) == len(self.table):
            return self
        index = np.full(self.index.shape, -1, np.int32)
        index[held] = place
        return HistogramCells(index, self.table.take(used.astype(np.int64)))


def cells_of(places: NDArray[np.bool_], table: Histograms) -> HistogramCells | None:
    """Return the cells in which the places that are set hold the table's rows, in order; None where none is set."""
    if not len(table):
        return None
    index = np.full(places.shape, -1, np.int32)
    index[places] = np.arange(len(table), dtype=np.int32)
    return HistogramCells(index, table)


def concat_cells(
    parts: Sequence[HistogramCells | None], shapes: Sequence[tuple[int, ...]]
) -> HistogramCells | None:  # fmt: skip
    """Return the cells of arrays put one after the other on the first axis; `shapes` are the arrays'."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    shift, indexes = 0, []
    for part, shape in zip(parts, shapes, strict=True):
        if part is None:
            indexes.append(np.full(shape, -1, np.int32))
            continue
        indexes.append(np.where(part.index >= 0, part.index + np.int32(shift), np.int32(-1)))
        shift += len(part.table)
    return HistogramCells(np.concatenate(indexes), concat_histograms([part.table for part in known]))


def with_hint(histograms: Histograms, hint: ResetHint) -> Histograms:
    """Return the histograms, all with one hint."""
    return replace(histograms, hint=np.full(len(histograms), hint, np.uint8))
