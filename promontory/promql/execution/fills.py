"""fill, fill_left and fill_right: rows that stand in for those that are missing on one side of an operator.

For each match group of a side, a row is added to the other side with the labels of the group and the fill value. It
is present at the times at which its own side has no row of the group and the other side has one; the join then needs
to know nothing of it.

    left   a b             left   a b (c)            fill_left(0): c at the times of y
    right  x y    ──►      right  x y                      a, x: group 0 · b: group 1 · y: group 2

With group_right Prometheus fills the "one" side, which is the left there, by fill_right; so the values go by "many"
and "one" and not by where the sides stand. Source: Prometheus 3.14, promql/engine.go, VectorBinop.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.matching import mark_groups
from promontory.model.label_rows import LabelRows, group_pair
from promontory.model.labels import METRIC_NAME
from promontory.model.steps import Steps
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import compact, concat_steps, make_steps
from promontory.promql.nodes import Matching

Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]


def fill_one(run: Run, matching: Matching, many: Steps, one: Steps) -> Steps:
    """Return the "one" side with the rows that stand in for missing ones, by fill_right."""
    if matching.fill_right is None:
        return one
    many_group, one_group, groups = group_pair(many.labels, one.labels, matching.labels, on=matching.on)
    absent = _mark(run, many, many_group, groups) & ~_mark(run, one, one_group, groups)
    rows = _stand_ins(matching, many.labels, many_group, absent, matching.fill_right)
    return concat_steps([one, rows], run.symbols, one.values.shape[1])


def fill_many(run: Run, matching: Matching, many: Steps, one: Steps, refused: Steps | None) -> Steps:
    """Return the "many" side with the rows that stand in for missing ones, by fill_left.

    refused: rows of `many` that have a partner in `one` and no result with it; they count as missing.
    """
    if matching.fill_left is None:
        return many
    seen = many if refused is None else replace(many, present=many.present & ~refused.present)
    many_group, one_group, groups = group_pair(seen.labels, one.labels, matching.labels, on=matching.on)
    absent = _mark(run, one, one_group, groups) & ~_mark(run, seen, many_group, groups)
    rows = _stand_ins(matching, one.labels, one_group, absent, matching.fill_left)
    return concat_steps([many, rows], run.symbols, many.values.shape[1])


def _mark(run: Run, steps: Steps, group: Groups, groups: int) -> Flags:
    """Return bool[groups, k]: when some row of a group is present."""
    count = steps.values.shape[1]
    run.expect(groups, count)
    seen = np.zeros((groups, count), np.bool_)
    mark_groups(steps.present, group, seen)
    return seen


def _stand_ins(matching: Matching, labels: LabelRows, group: Groups, present: Flags, value: float) -> Steps:
    """Return one row a group of the side that `labels` are of, present where `present` bool[g, k] says."""
    first = np.sort(np.unique(group, return_index=True)[1])
    rows = labels.take(first.astype(np.int64))
    signature = rows.keep(matching.labels) if matching.on else rows.without((METRIC_NAME, *matching.labels))
    there = present[group[first]]
    return compact(make_steps(signature, np.full(there.shape, value), there))
