"""histogram_quantile and histogram_quantiles, over native and classic histograms.

Several quantiles of one histogram are rows of their own, told apart by a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from promontory.kernels.histogram_places import LOST, SKEWED
from promontory.kernels.quantiles import histogram_quantiles
from promontory.model.histograms import Histograms
from promontory.model.labels import METRIC_NAME
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.annotations import FORCED, NANS_LOST, NANS_SKEW, of_metric
from promontory.promql.execution.classic_histograms import ClassicHistograms, shown_names, split_histograms
from promontory.promql.execution.corrections import summed_correction
from promontory.promql.execution.histogram_cells import evaluate_cells
from promontory.promql.execution.histogram_statistics import Notes, Rows, quantiles
from promontory.promql.execution.names import drop_names
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats, compact, concat_steps, merge_equal
from promontory.promql.execution.wording import format_general, warn_quantiles
from promontory.promql.plan.nodes import HistogramQuantile

# By the code of a metric's name, of classic histograms whose counts fell: kernels/quantiles.py, float64[k, 4]. They are
# mended for the first quantile that asks, so no other one finds them so.
Forced = dict[int, Floats]


def quantile_of_histograms(run: Run, grid: TimeGrid, node: HistogramQuantile, steps: Steps, *wanted: Floats) -> Steps:
    """Return the quantiles of each histogram, one row for all labels but `le`; wanted: float64[k] each."""
    for quantile, position in zip(wanted, node.quantile_positions, strict=True):
        warn_quantiles(run, quantile, position)
    native, classic = split_histograms(run, steps, node.position)
    forced: Forced = {}
    parts: list[Steps] = []
    for quantile in wanted:
        found = [_native_quantiles(run, node, native, quantile), _classic_quantiles(run, classic, quantile, forced)]
        rows = concat_steps([drop_names(part, run) for part in found], run.symbols, grid.count)
        parts += [rows] if node.label is None else _labelled(run, rows, node.label, quantile)
    for code, corrected in forced.items():
        correction = summed_correction(grid, corrected)
        if correction is not None:
            run.inform_joined(FORCED + of_metric(run.symbols.text(code)), node.position, correction)
    return merge_equal(concat_steps(parts, run.symbols, grid.count))


def _native_quantiles(run: Run, node: HistogramQuantile, native: Steps, quantile: Floats) -> Steps:
    def evaluate(table: Histograms, rows: Rows, wanted: Floats) -> tuple[Floats, Notes]:
        return quantiles(table, rows, wanted, run.stop)

    answer, notes = evaluate_cells(native, evaluate, quantile)
    for note, text in ((LOST, NANS_LOST), (SKEWED, NANS_SKEW)):
        for name in shown_names(run, native.labels, (notes == note).any(axis=1)):
            run.inform(text + name, node.position)
    return answer


def _classic_quantiles(run: Run, classic: ClassicHistograms, quantile: Floats, forced: Forced) -> Steps:
    """Return the quantiles of classic histograms; corrections are noted metric by metric where the name is known."""
    values = np.zeros((len(classic), len(quantile)))
    present = np.zeros(values.shape, np.bool_)
    names = classic.labels.column(METRIC_NAME) if run.delayed_names else np.zeros(len(classic), np.int32)
    codes = np.unique(names)
    for code in codes.tolist():
        chosen = np.flatnonzero(names == code)
        part = classic if len(codes) == 1 else classic.take(chosen)
        rows, start = part.order()
        out, out_present = np.zeros((len(part), len(quantile))), np.zeros((len(part), len(quantile)), np.bool_)
        corrected = np.zeros((len(quantile), 4))
        histogram_quantiles(
            part.buckets.values, part.buckets.present, part.bounds, rows, start, quantile, run.stop,
            np.empty(len(rows)), np.empty(len(rows)), out, out_present, corrected,
        )  # fmt: skip
        known = forced.setdefault(code, corrected)
        np.copyto(known, corrected, where=known[:, :1] == 0)
        values[chosen], present[chosen] = out, out_present
    return Steps(classic.labels, values, present, classic.drop_name)


def _labelled(run: Run, rows: Steps, label: str, quantile: Floats) -> Iterator[Steps]:
    """Yield the rows with the quantile in a label: once for each that is asked for at some time."""
    name = label.encode(errors="surrogateescape")
    wanted = np.unique(quantile)
    run.refuse_beyond(int(np.count_nonzero(rows.present)) * len(wanted))
    for value in wanted.tolist():
        code = run.symbols.intern(_format_open_metrics(value).encode())
        labels = rows.labels.with_column(name, np.full(len(rows), code, np.int32))
        at = np.isnan(quantile) if np.isnan(value) else quantile == value
        yield compact(replace(rows, labels=labels, present=rows.present & at))


def _format_open_metrics(value: float) -> str:
    """Return a number as OpenMetrics writes it: 1.0, not 1; but +Inf and NaN. There is one zero."""
    text = format_general(value or 0.0)
    return text if not np.isfinite(value) or "." in text or "e" in text else f"{text}.0"
