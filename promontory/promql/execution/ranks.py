"""quantile, topk and bottomk: they need all values of a group at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.aggregations import STEP_BLOCK, choose_top
from promontory.kernels.name_marks import note_marks, settle_marks
from promontory.kernels.quantiles import group_quantiles
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import ignored_in_aggregation
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import compact, empty_steps, make_steps
from promontory.promql.execution.wording import format_general, warn_extreme_quantiles
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]


def aggregate_quantile(run: Run, node: Aggregate, steps: Steps, quantile: Floats) -> Steps:
    """Return the quantile of each group; quantile: float64[k]."""
    warn_extreme_quantiles(run, quantile, node.position)
    steps = leave_out_histograms(run, node, steps)
    group, labels = steps.labels.group(node.grouping, by=not node.without)
    values = np.empty((len(labels), steps.values.shape[1]))
    present = np.zeros(values.shape, np.bool_)
    rows = np.argsort(group, kind="stable").astype(np.int64)
    group_quantiles(
        steps.values, steps.present, rows, group_starts(group, len(labels)), quantile,
        run.stop, np.empty(len(steps)), values, present,
    )  # fmt: skip
    marks = np.zeros(present.shape, np.uint8)
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


def aggregate_top(run: Run, node: Aggregate, steps: Steps, wanted: Floats) -> Steps:
    """Return the k greatest (bottomk: least) rows of each group at each time; wanted: float64[k]."""
    # NaN is not below 1: it is refused even where there is nothing to choose from.
    if not wanted.max(initial=0.0) < 1:
        check_wanted(wanted)
    if not len(steps) or wanted.max(initial=0.0) < 1:
        return empty_steps(run.symbols, len(wanted))
    steps = leave_out_histograms(run, node, steps)
    group, labels = steps.labels.group(node.grouping, by=not node.without)
    sign = 1.0 if node.op == "topk" else -1.0
    starts = group_starts(group, len(labels))
    heaps = np.zeros((STEP_BLOCK, len(steps)), np.int64)
    keys = np.zeros((STEP_BLOCK, len(steps)))
    sizes = np.zeros((STEP_BLOCK, len(labels)), np.int64)
    chosen = np.zeros(steps.present.shape, np.bool_)
    choose_top(
        steps.values, steps.present, group, np.minimum(wanted, len(steps)).astype(np.int64), sign, starts,
        run.stop, heaps, keys, sizes, chosen,
    )  # fmt: skip
    kept = replace(steps, present=chosen, order=None)
    if len(wanted) != 1:
        return compact(kept)
    places = [_heap_order(heaps[0], keys[0], int(starts[g]), int(size)) for g, size in enumerate(sizes[0])]
    index = np.concatenate(places) if places else np.empty(0, np.int64)
    rows = np.flatnonzero(chosen[:, 0])
    order = np.searchsorted(rows, index)
    return replace(compact(kept), order=order)


def _heap_order(heap: NDArray[np.int64], keys: Floats, base: int, size: int) -> NDArray[np.int64]:
    """Return the rows of one heap, greatest first, NaN last."""
    inside = slice(base, base + size)
    return heap[inside][np.argsort(-keys[inside], kind="stable")]


def check_wanted(wanted: Floats) -> None:
    """Refuse numbers of rows that are none or that int64 does not hold."""
    if np.isnan(wanted).any():
        raise ExecutionError("Parameter value is NaN")
    if wanted.min() <= -(2.0**63):
        raise ExecutionError(f"Scalar value {format_general(float(wanted.min()))} underflows int64")
    if wanted.max() >= 2.0**63:
        raise ExecutionError(f"Scalar value {format_general(float(wanted.max()))} overflows int64")
