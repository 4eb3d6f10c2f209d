"""quantile, which needs all values of a group at a time; and what all choices by rank share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.group_quantiles import group_quantiles
from promontory.kernels.name_marks import note_marks, settle_marks
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import ignored_in_aggregation
from promontory.promql.execution.run import Run
from promontory.promql.execution.side_by_side import cut_pieces, run_pieces
from promontory.promql.execution.values import compact, make_steps
from promontory.promql.execution.wording import format_general, warn_extreme_quantiles
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]
# Times that a thread takes at once; and of these so many are copied together, a cache line of each row at least.
PIECE_TIMES = 128
LEAST_TIMES, MOST_TIMES = 8, 64
SCRATCH_NUMBERS = 1 << 15
# So few cells are not worth a second thread.
SMALL_CELLS = 1 << 17


def aggregate_quantile(run: Run, node: Aggregate, steps: Steps, quantile: Floats) -> Steps:
    """Return the quantile of each group; quantile: float64[k]."""
    warn_extreme_quantiles(run, quantile, node.position)
    steps = leave_out_histograms(run, node, steps)
    group, labels = steps.labels.group(node.grouping, by=not node.without)
    run.expect(len(labels), len(quantile))
    values = np.empty((len(labels), len(quantile)))
    present = np.zeros(values.shape, np.bool_)
    rows = np.argsort(group, kind="stable").astype(np.int64)
    starts = group_starts(group, len(labels))
    room = int(np.diff(starts).max(initial=0))
    width = max(LEAST_TIMES, min(MOST_TIMES, SCRATCH_NUMBERS // max(1, room)))
    spans = cut_pieces(len(quantile), size=PIECE_TIMES if steps.values.size > SMALL_CELLS else len(quantile))

    def evaluate(piece: int) -> None:
        group_quantiles(
            steps.values, steps.present, rows, starts, quantile, *spans[piece], run.stop,
            np.empty((width, room)), np.empty(room + 2), np.zeros((2, width), np.int64), values, present,
        )  # fmt: skip

    run_pieces(run.context, evaluate, len(spans))
    marks = np.zeros(present.shape if run.delayed_names else (len(labels), 0), np.uint8)
    if run.delayed_names:
        note_marks(steps.present, group, steps.drop_name, marks)
    return compact(replace(make_steps(labels, values, present), drop_name=settle_marks(marks)))


def leave_out_histograms(run: Run, node: Aggregate, steps: Steps) -> Steps:
    """Return the floats alone; where there are others, that is noted."""
    if steps.histograms is None:
        return steps
    if steps.held.any():
        run.inform(ignored_in_aggregation(node.op), node.histograms_position)
    return replace(steps, present=steps.floats, histograms=None)


def group_starts(group: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return int64[count + 1]: where each group begins when rows stand by group."""
    return np.concatenate([[0], np.cumsum(np.bincount(group, minlength=count))]).astype(np.int64)


def check_wanted(wanted: Floats) -> None:
    """Refuse numbers of rows that are none or that int64 does not hold."""
    if np.isnan(wanted).any():
        raise ExecutionError("Parameter value is NaN")
    if wanted.min() <= -(2.0**63):
        raise ExecutionError(f"Scalar value {format_general(float(wanted.min()))} underflows int64")
    if wanted.max() >= 2.0**63:
        raise ExecutionError(f"Scalar value {format_general(float(wanted.max()))} overflows int64")
