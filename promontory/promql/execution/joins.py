"""Operators between matching series of two vectors.

Rows are matched once, by their labels; then times decide. A pair is one row of the many side (or the left side) with
one row of the one side of its group, and makes one row of the answer.

    left   a b c          group 0 0 1
    right  x y            group 0 1        pairs  (a, x) (b, x) (c, y)

A group with several rows on the one side is fine as long as no two are present at one time; so the rule "one" is
checked on times, and only where labels leave it open. Nothing is checked at times at which a side is empty.

Source: Prometheus 3.14, promql/engine.go, VectorBinop and resultMetric.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.matching import find_collision
from promontory.model.label_rows import LabelRows, group_pair
from promontory.model.labels import METADATA_LABELS, METRIC_NAME, Labels
from promontory.model.steps import Steps
from promontory.promql.execution.fills import fill_many, fill_one
from promontory.promql.execution.mixed_operators import Note, Side, is_mixed, note_pairs, operate_mixed
from promontory.promql.execution.run import Run
from promontory.promql.execution.side_by_side import cut_pieces, run_pieces
from promontory.promql.execution.values import Floats, compact, empty_steps, merge_equal
from promontory.promql.nodes import Cardinality, Matching
from promontory.promql.plan.arithmetic import ARITHMETIC, COMPARISONS, operate
from promontory.promql.plan.nodes import Join

Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]
Index = NDArray[np.int64]
# An array and which of its rows.
_Rows = tuple[Floats, Index]
# Cells that are operated on together.
PIECE_CELLS = 1 << 17

EXPLICIT = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of rows: many int64[p], one int64[p], and the match group of each, int32[p]."""

    many: Index
    one: Index
    group: Groups


def join(run: Run, node: Join, left: Steps, right: Steps) -> Steps:
    """Return `left op right` of matching series. Raises ExecutionError where matches are not unique."""
    count = left.values.shape[1]
    active: Flags = np.any(left.present, axis=0) & np.any(right.present, axis=0)
    matching = node.matching
    fills = matching.fill_left is not None or matching.fill_right is not None
    if fills:
        active = np.any(left.present, axis=0) | np.any(right.present, axis=0)
    if not active.any():
        return empty_steps(run.symbols, count)
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    if fills:
        filled = fill_one(run, matching, many, one)
        many = fill_many(run, matching, many, one, _find_refused(run, node, many, filled, swapped=swapped))
        one = filled
    many_group, one_group, groups = group_pair(many.labels, one.labels, matching.labels, on=matching.on)
    _check_one_side(one, one_group, groups, active, matching)
    partners = np.bincount(one_group, minlength=groups)[many_group]
    run.refuse_beyond(int(partners.sum()) * count)
    pairs = _pair(many_group, one_group, groups)
    return _combine(run, node, many, one, pairs, groups, swapped=swapped)


def _find_refused(run: Run, node: Join, many: Steps, one: Steps, *, swapped: bool) -> Steps | None:
    """Return `many` with just those places present whose pairs the operator refuses; None where it refuses none.

    The operator sees kinds and layouts only, so what comes out is of no interest here and nothing is noted.
    """
    matching = node.matching
    if matching.fill_left is None or not is_mixed(node.op, many.histograms, one.histograms):
        return None
    many_group, one_group, groups = group_pair(many.labels, one.labels, matching.labels, on=matching.on)
    run.refuse_beyond(int(np.bincount(one_group, minlength=groups)[many_group].sum()) * many.values.shape[1])
    pairs = _pair(many_group, one_group, groups)
    left, right = _side(many, pairs.many), _side(one, pairs.one)
    sides = (right, left) if swapped else (left, right)
    notes = note_pairs(node.op, *sides, many.present[pairs.many] & one.present[pairs.one])
    refused = np.zeros_like(many.present)
    np.logical_or.at(refused, pairs.many, notes != Note.NONE)
    return replace(many, present=refused) if refused.any() else None


def _pair(many_group: Groups, one_group: Groups, groups: int) -> _Pairs:
    """Return each many row with each one row of its group, by many row."""
    by_group = np.argsort(one_group, kind="stable").astype(np.int64)
    sizes = np.bincount(one_group, minlength=groups)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    partners = sizes[many_group]
    many = np.repeat(np.arange(len(many_group), dtype=np.int64), partners)
    first = np.concatenate([[0], np.cumsum(partners)])[:-1]
    within = np.arange(len(many)) - first[many]
    one = by_group[starts[many_group[many]] + within]
    return _Pairs(many, one, many_group[many])


def _combine(run: Run, node: Join, many: Steps, one: Steps, pairs: _Pairs, groups: int, *, swapped: bool) -> Steps:
    run.expect(len(pairs.many), many.values.shape[1])
    present = many.present[pairs.many] & one.present[pairs.one]
    labels = _result_labels(run, node, many.labels, one.labels, pairs)
    filtering = node.op in COMPARISONS and not node.return_bool
    cells = None
    if is_mixed(node.op, many.histograms, one.histograms):
        left, right = _side(many, pairs.many), _side(one, pairs.one)
        if swapped:
            left, right = right, left
        notes = note_pairs(node.op, left, right, present)
        _check_matches(node.matching, labels, present & (notes == Note.NONE), pairs.group, groups)
        found = operate_mixed(run, node.op, left, right, notes, node.position, filtering=filtering)
        present, values, cells = present & found.present, found.values, found.cells
    else:
        _check_matches(node.matching, labels, present, pairs.group, groups)
        rows = (many.values, pairs.many), (one.values, pairs.one)
        left_rows, right_rows = rows[::-1] if swapped else rows
        values = _operate_rows(run, node.op, left_rows, right_rows, present, filtering=filtering)
    marks = np.full(len(labels), node.return_bool, np.bool_)
    return merge_equal(compact(Steps(labels, values, present, marks, histograms=cells)))


def _operate_rows(run: Run, op: str, left: _Rows, right: _Rows, present: Flags, *, filtering: bool) -> Floats:
    """Return float64[p, k]: the operator between chosen rows of two arrays; a filter takes away from `present`.

    A few rows at a time, so that what is gathered and computed stays in the cache.
    """
    values = np.empty(present.shape)
    spans = cut_pieces(len(values), size=max(1, PIECE_CELLS // max(1, present.shape[1])))

    def evaluate(piece: int) -> None:
        rows = slice(*spans[piece])
        here, there = (_take(array, index[rows]) for array, index in (left, right))
        if filtering:
            values[rows] = here
            present[rows] &= COMPARISONS[op](here, there)
        else:
            values[rows] = operate(op, here, there)

    run_pieces(run.context, evaluate, len(spans))
    return values


def _take(array: Floats, index: Index) -> Floats:
    """Return the rows at `index`: where they follow each other as they are, not copied."""
    if (np.diff(index) == 1).all():
        return array[index[0] : index[-1] + 1]
    return array[index]


def _side(steps: Steps, rows: Index) -> Side:
    return Side(steps.values[rows], steps.histograms.at(rows) if steps.histograms is not None else None)


def _result_labels(run: Run, node: Join, many: LabelRows, one: LabelRows, pairs: _Pairs) -> LabelRows:
    matching = node.matching
    labels = many.take(pairs.many)
    if node.op in ARITHMETIC or (node.return_bool and not run.delayed_names):
        labels = labels.without(METADATA_LABELS)
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return labels.keep(matching.labels) if matching.on else labels.without(matching.labels)
    for name in matching.include:
        labels = labels.with_column(name, one.column(name)[pairs.one])
    return labels


def _check_one_side(one: Steps, group: Groups, groups: int, active: Flags, matching: Matching) -> None:
    if np.bincount(group, minlength=1).max(initial=0) <= 1:
        return
    owner = np.full((groups, len(active)), -1, np.int32)
    collision = np.empty(3, np.int64)
    if not find_collision(one.present, group, active, owner, collision):
        return
    rows = [one.labels.labels(int(row)) for row in collision[1:]]
    shared = rows[1].without((METRIC_NAME, *matching.labels))
    if matching.on:
        shared = Labels(tuple(pair for pair in rows[1].pairs if pair[0] in matching.labels))
    side = "left" if matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    first, second = sorted(format_metric(row) for row in rows)
    raise ExecutionError(
        f"found duplicate series for the match group {shared} on the {side} hand-side of the operation:"
        f" [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
    )


def format_metric(labels: Labels) -> str:
    """Return a series as Prometheus prints it in errors: all labels in braces, the name among them."""
    return str(labels)


def _check_matches(matching: Matching, labels: LabelRows, present: Flags, group: Groups, groups: int) -> None:
    """Refuse two matches of one group at a time; with group_left/right only those that are one series afterwards."""
    one_to_one = matching.cardinality is Cardinality.ONE_TO_ONE
    same = group
    if not one_to_one:
        row_group, first = labels.unique()
        if len(first) == len(labels):
            return
        _, same_wide = np.unique(row_group.astype(np.int64) * groups + group, return_inverse=True)
        same = same_wide.astype(np.int32)
    if np.bincount(same, minlength=1).max(initial=0) <= 1:
        return
    owner = np.full((int(same.max()) + 1, present.shape[1]), -1, np.int32)
    if find_collision(present, same, np.ones(present.shape[1], np.bool_), owner, np.empty(3, np.int64)):
        raise ExecutionError(EXPLICIT if one_to_one else UNIQUE)
