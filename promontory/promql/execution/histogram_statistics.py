"""What native histograms say of their observations, for chosen rows of a table; and trimming a table.

`rows` are int64[p], rows of the table; what goes with each of them, and the answer, is float64[p].

Source: Prometheus 3.14, promql/quantile.go, promql/functions.go, model/histogram/float_histogram.go.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.histogram_bounds import bound_fractions
from promontory.kernels.histogram_fractions import find_fractions
from promontory.kernels.histogram_quantiles import find_quantiles
from promontory.kernels.histogram_spread import add_squares
from promontory.kernels.histogram_trim import trim_histograms
from promontory.model.histograms import Histograms

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Notes = NDArray[np.uint8]
Stop = NDArray[np.uint8]
Columns = tuple[
    NDArray[np.int8], Floats, Floats, Rows, NDArray[np.int32], Floats, NDArray[np.int32], Rows, Floats, Floats
]


def columns_of(table: Histograms) -> Columns:
    """Return the columns in the order of kernels/histogram_places.py."""
    if table.custom.any():
        bounds_row, bounds_start, bounds = table.bound_values()
    else:
        bounds_row, bounds_start, bounds = np.zeros(len(table), np.int32), np.zeros(2, np.int64), np.empty(0)
    return (
        table.schema, table.zero_threshold, table.zero_count, table.bucket_start, table.bucket_key,
        table.bucket_count, bounds_row, bounds_start, bounds, bound_fractions(),
    )  # fmt: skip


def quantiles(table: Histograms, rows: Rows, quantile: Floats, stop: Stop) -> tuple[Floats, Notes]:
    """Return a quantile of each row, and notes of NaN observations (LOST, SKEWED)."""
    out, notes = np.empty(len(rows)), np.zeros(len(rows), np.uint8)
    find_quantiles(rows, quantile, stop, out, notes, table.count, table.sum, *columns_of(table))
    return out, notes


def fractions(table: Histograms, rows: Rows, least: Floats, most: Floats, stop: Stop) -> tuple[Floats, Notes]:
    """Return the part of each row's observations between two values, and notes of NaN observations (SKEWED)."""
    out, notes = np.empty(len(rows)), np.zeros(len(rows), np.uint8)
    find_fractions(rows, least, most, stop, out, notes, table.count, table.sum, *columns_of(table))
    return out, notes


def averages(table: Histograms, rows: Rows) -> Floats:
    """Return the mean observation of each row."""
    with np.errstate(all="ignore"):
        return np.asarray(table.sum[rows] / table.count[rows])


def variances(table: Histograms, rows: Rows, stop: Stop) -> Floats:
    """Return the variance of each row's observations, each standing in the middle of its bucket."""
    squares = np.empty(len(rows))
    add_squares(rows, averages(table, rows), stop, squares, *columns_of(table))
    with np.errstate(all="ignore"):
        return squares / table.count[rows]


def deviations(table: Histograms, rows: Rows, stop: Stop) -> Floats:
    """Return the standard deviation of each row's observations."""
    with np.errstate(all="ignore"):
        return np.sqrt(variances(table, rows, stop))


def trim(table: Histograms, value: Floats, stop: Stop, *, below: bool) -> Histograms:
    """Return the observations of each histogram below (or else above) its value; value: float64[h]."""
    kept, zero_count = np.empty(len(table.bucket_key)), np.empty(len(table))
    count, total = table.count.copy(), table.sum.copy()
    trim_histograms(value, below, stop, kept, zero_count, count, total, *columns_of(table))
    populated = kept != 0
    start = np.concatenate([[0], np.cumsum(populated)]).astype(np.int64)[table.bucket_start]
    return replace(
        table, zero_count=zero_count, count=count, sum=total,
        bucket_start=start, bucket_key=table.bucket_key[populated], bucket_count=kept[populated],
    )  # fmt: skip
