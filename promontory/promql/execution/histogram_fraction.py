"""histogram_fraction: the part of each histogram's observations between two values, native and classic ones."""

from __future__ import annotations

import numpy as np

from promontory.kernels.bucket_fractions import bucket_fractions
from promontory.kernels.histogram_places import SKEWED
from promontory.model.histograms import Histograms
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import NANS_EXCLUDED
from promontory.promql.execution.classic_histograms import ClassicHistograms, shown_names, split_histograms
from promontory.promql.execution.histogram_cells import evaluate_cells
from promontory.promql.execution.histogram_statistics import Notes, Rows, fractions
from promontory.promql.execution.names import drop_names
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats, concat_steps, merge_equal
from promontory.promql.plan.nodes import HistogramFraction


def fraction_of_histograms(run: Run, node: HistogramFraction, steps: Steps, least: Floats, most: Floats) -> Steps:
    """Return the fraction of each histogram, one row for all labels but `le`; least, most: float64[k]."""
    native, classic = split_histograms(run, steps, node.position)

    def evaluate(table: Histograms, rows: Rows, lower: Floats, upper: Floats) -> tuple[Floats, Notes]:
        return fractions(table, rows, lower, upper, run.stop)

    answer, notes = evaluate_cells(native, evaluate, least, most)
    for name in shown_names(run, native.labels, (notes == SKEWED).any(axis=1)):
        run.inform(NANS_EXCLUDED + name, node.position)
    parts = [drop_names(answer, run), drop_names(_classic_fractions(run, classic, least, most), run)]
    return merge_equal(concat_steps(parts, run.symbols, len(least)))


def _classic_fractions(run: Run, classic: ClassicHistograms, least: Floats, most: Floats) -> Steps:
    rows, start = classic.order()
    buckets = classic.buckets
    values = np.zeros((len(classic), len(least)))
    present = np.zeros(values.shape, np.bool_)
    bucket_fractions(
        buckets.values, buckets.present, classic.bounds, rows, start, least, most, run.stop,
        np.empty(len(rows)), np.empty(len(rows)), values, present,
    )  # fmt: skip
    return Steps(classic.labels, values, present, classic.drop_name)
