"""One native histogram as a plain value, and lists of them as columns: for tests, scripts and expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from promontory.model.histograms import CUSTOM_SCHEMA, POSITIVE, Histograms, ResetHint, intern_bounds
from promontory.model.symbols import SymbolTable


@dataclass(frozen=True, slots=True)
class HistogramValue:
    """A native histogram; `positive` and `negative` are absolute counts by bucket index, populated ones only."""

    schema: int = 0
    count: float = 0.0
    sum: float = 0.0
    zero_count: float = 0.0
    zero_threshold: float = 0.0
    positive: Mapping[int, float] = field(default_factory=dict)
    negative: Mapping[int, float] = field(default_factory=dict)
    custom_values: tuple[float, ...] = ()
    hint: ResetHint = ResetHint.UNKNOWN


def histograms_of(values: Sequence[HistogramValue], symbols: SymbolTable) -> Histograms:
    """Return the values as columns; empty buckets are left out."""
    keys: list[int] = []
    counts: list[float] = []
    start = [0]
    for value in values:
        sides = {-(POSITIVE + index): count for index, count in value.negative.items()}
        sides |= {POSITIVE + index: count for index, count in value.positive.items()}
        populated = sorted((key, count) for key, count in sides.items() if count != 0)
        keys += [key for key, _ in populated]
        counts += [count for _, count in populated]
        start.append(len(keys))
    return Histograms(
        schema=np.array([value.schema for value in values], np.int8),
        hint=np.array([value.hint for value in values], np.uint8),
        bounds=np.array([intern_bounds(symbols, value.custom_values) for value in values], np.int32),
        zero_threshold=np.array([value.zero_threshold for value in values], np.float64),
        zero_count=np.array([value.zero_count for value in values], np.float64),
        count=np.array([value.count for value in values], np.float64),
        sum=np.array([value.sum for value in values], np.float64),
        bucket_start=np.array(start, np.int64),
        bucket_key=np.array(keys, np.int32),
        bucket_count=np.array(counts, np.float64),
        symbols=symbols,
    )


def histogram_at(table: Histograms, row: int) -> HistogramValue:
    """Return one row of the columns as a value."""
    span = slice(int(table.bucket_start[row]), int(table.bucket_start[row + 1]))
    buckets = list(zip(table.bucket_key[span].tolist(), table.bucket_count[span].tolist(), strict=True))
    bounds = np.frombuffer(table.symbols.text(int(table.bounds[row])), "<f8")
    return HistogramValue(
        schema=int(table.schema[row]),
        count=float(table.count[row]),
        sum=float(table.sum[row]),
        zero_count=float(table.zero_count[row]),
        zero_threshold=float(table.zero_threshold[row]),
        positive={key - POSITIVE: count for key, count in buckets if key > 0},
        negative={-key - POSITIVE: count for key, count in buckets if key < 0},
        custom_values=tuple(bounds.tolist()) if table.schema[row] == CUSTOM_SCHEMA else (),
        hint=ResetHint(int(table.hint[row])),
    )
