"""info(): series with the labels of the info series that belong to them.

An info series belongs to a series where both have the same instance and job. Which one does can change from time to
time, so rows are cut up by it:

    rows [n]  ──►  pieces [p]: a row and one info series (or none) of each info metric, present while these stand

    group [n]                instance and job of a row
    newest [m][g, k]         of info metric m and group g at a time: the row of `info`, or -1
    state [g, k]             a number for each choice of info series of a group

Source: Prometheus 3.14, promql/info.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.info import find_newest_info
from promontory.model.label_rows import LabelRows, group_pair
from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher
from promontory.model.steps import Steps
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import compact, concat_steps, merge_equal, take_steps
from promontory.promql.plan.nodes import Info

Flags = NDArray[np.bool_]
Groups = NDArray[np.int32]
Index = NDArray[np.int64]

# What makes a series and an info series belong together.
IDENTIFYING = (b"instance", b"job")
# What is held of a piece at one time while it is cut: the state of its group, its value and presence.
PLACE_BYTES = 24


@dataclass(frozen=True, slots=True)
class _Pieces:
    """p pieces: the row of each, int64[p], and the info row of each metric, int64[m][p], -1 for none."""

    row: Index
    chosen: list[Index]


def add_info(run: Run, node: Info, steps: Steps, info: Steps) -> Steps:
    """Return the rows with the labels of their info series; info.values are when those were sampled, in seconds.

    Raises ExecutionError where two info series that belong were sampled at once or disagree on a label.
    """
    count = steps.values.shape[1]
    is_info = matches_all(steps.labels, METRIC_NAME, node.names)
    kept, plain = take_steps(steps, np.flatnonzero(is_info)), take_steps(steps, np.flatnonzero(~is_info))
    info = take_steps(info, _identified(plain.labels, info.labels))
    _refuse_histograms(info)
    group, info_group, groups = group_pair(plain.labels, info.labels, IDENTIFYING, on=True)
    metric, _ = info.labels.keep((METRIC_NAME,)).unique()
    metrics = int(metric.max(initial=-1)) + 1
    newest = [_newest(info, metric, wanted, info_group, groups) for wanted in range(metrics)]
    pieces, present = _cut(run, plain, group, newest, groups)
    labels = _enriched(node, plain.labels, info.labels, pieces)
    pieced = take_steps(plain, pieces.row)
    cells = pieced.histograms.where(present) if pieced.histograms is not None else None
    pieced = replace(pieced, labels=labels, present=present, histograms=cells)
    if any(not matcher.matches_empty for matcher in node.data):
        found = np.any([chosen >= 0 for chosen in pieces.chosen], axis=0) if pieces.chosen else np.zeros(0, np.int64)
        pieced = take_steps(pieced, np.flatnonzero(found))
    return merge_equal(compact(concat_steps([kept, pieced], run.symbols, count)))


def matches_all(labels: LabelRows, name: bytes, matchers: tuple[Matcher, ...]) -> Flags:
    """Return bool[n]: which rows all matchers of one label accept."""
    codes, inverse = np.unique(labels.column(name), return_inverse=True)
    texts = [labels.symbols.text(int(code)) for code in codes]
    accepted = np.array([all(matcher.matches(text) for matcher in matchers) for text in texts], np.bool_)
    chosen: Flags = accepted[inverse]
    return chosen


def _identified(labels: LabelRows, info: LabelRows) -> Index:
    """Return the info rows whose instance and job some row has, each where any row has one at all.

    Prometheus asks for no others, and so meets no disagreement among them.
    """
    kept = np.ones(len(info), np.bool_)
    known = False
    for name in IDENTIFYING:
        values = np.unique(labels.column(name))
        values = values[values > 0]
        if len(values):
            known = True
            kept &= np.isin(info.column(name), values)
    return np.flatnonzero(kept) if known else np.empty(0, np.int64)


def _refuse_histograms(info: Steps) -> None:
    rows = np.flatnonzero(info.held.any(axis=1))
    if len(rows):
        series = info.labels.labels(int(rows[0]))
        raise ExecutionError(f"this should be an info metric, with float samples: {series}")


def _newest(info: Steps, metric: Groups, wanted: int, group: Groups, groups: int) -> NDArray[np.int64]:
    """Return int64[g, k]: the newest row of one info metric in each group at each time, or -1."""
    newest = np.full((groups, info.values.shape[1]), -1, np.int64)
    equal = np.empty(3, np.int64)
    if find_newest_info(info.values, info.present, group, metric, wanted, newest, equal):
        first, second = (info.labels.labels(int(row)) for row in equal[1:])
        at_ms = round(float(info.values[equal[2], equal[0]]) * 1000)
        raise ExecutionError(
            f"found duplicate series for info metric: existing {first} @ {at_ms}, new {second} @ {at_ms}"
        )
    return newest


def _cut(
    run: Run, steps: Steps, group: Groups, newest: list[NDArray[np.int64]], groups: int
) -> tuple[_Pieces, Flags]:  # fmt: skip
    """Return the pieces of all rows that are present at some time, and bool[p, k], when they are."""
    count = steps.values.shape[1]
    state = np.zeros((groups, count), np.int64)
    for found in newest:
        widest = int(found.max(initial=-1)) + 2
        _, dense = np.unique(state * widest + found + 1, return_inverse=True)
        state = dense.reshape(groups, count)
    # Of each group, the states it is in at some time; of each row, those of its group.
    where = (np.arange(groups)[:, None] << 32 | state).reshape(-1)
    choices, first = np.unique(where, return_index=True)
    sizes = np.bincount(choices >> 32, minlength=groups)[group]
    starts = np.searchsorted(choices >> 32, group)
    run.expect_bytes(int(sizes.sum()) * count * PLACE_BYTES)
    row = np.repeat(np.arange(len(steps), dtype=np.int64), sizes)
    within = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    choice = starts[row] + within
    present = steps.present[row] & (state[group[row]] == (choices[choice] & 0xFFFFFFFF)[:, None])
    some = np.flatnonzero(present.any(axis=1))
    row, choice = row[some], choice[some]
    return _Pieces(row, [found.reshape(-1)[first[choice]] for found in newest]), present[some]


def _enriched(node: Info, labels: LabelRows, info: LabelRows, pieces: _Pieces) -> LabelRows:
    """Return the labels of the pieces: the rows' own, and of the info series' those that the row does not have."""
    result = labels.take(pieces.row)
    taken = {matcher.name for matcher in node.data}
    codes = np.unique(info.name)
    names = [info.symbols.text(int(code)) for code in codes]
    for name in names:
        if name == METRIC_NAME or (taken and name not in taken):
            continue
        own = result.column(name)
        column = np.concatenate([info.column(name), np.zeros(1, np.int32)])
        added = np.zeros_like(own)
        for chosen in pieces.chosen:
            given = column[chosen]
            if np.any((own == 0) & (added > 0) & (given > 0) & (added != given)):
                raise ExecutionError(f"conflicting label: {name.decode(errors='surrogateescape')}")
            added = np.where(added > 0, added, given)
        result = result.with_column(name, np.where(own > 0, own, added))
    return result
