"""and, or, unless: which rows stand at each time, by the presence of their match group on the other side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from promontory.kernels.matching import mark_groups
from promontory.model.label_rows import group_pair
from promontory.model.steps import Steps
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import compact, concat_steps, merge_equal
from promontory.promql.plan.nodes import SetOperation


def combine_sets(run: Run, node: SetOperation, left: Steps, right: Steps) -> Steps:
    """Return `left op right`. Series of `or` with equal labels, one from each side, become one row."""
    count = left.values.shape[1]
    matching = node.matching
    left_group, right_group, groups = group_pair(left.labels, right.labels, matching.labels, on=matching.on)
    seen = np.zeros((groups, count), np.bool_)
    if node.op == "or":
        mark_groups(left.present, left_group, seen)
        rest = compact(replace(right, present=right.present & ~seen[right_group], order=None))
        return merge_equal(concat_steps([replace(left, order=None), rest], run.symbols, count))
    mark_groups(right.present, right_group, seen)
    there = seen[left_group]
    present = left.present & (there if node.op == "and" else ~there)
    return compact(replace(left, present=present, order=None))
