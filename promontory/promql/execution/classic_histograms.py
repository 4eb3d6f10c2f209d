"""Classic histograms: one series a bucket, its upper bound in `le`; and native ones beside them in one vector.

    buckets      rows by histogram and rising bound          histogram g: rows[group_start[g] : group_start[g + 1]]
    histograms   one for all labels but `le`, the metric's name among them

A native histogram with the labels of a classic one that has buckets at the same time leaves both without an answer.

Source: Prometheus 3.14, promql/engine.go (resetHistograms).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.labels import METRIC_NAME
from promontory.model.steps import Steps
from promontory.promql.execution.annotations import MIXED_KINDS, bad_bucket, of_metric
from promontory.promql.execution.ranks import group_starts
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Floats, compact, take_steps
from promontory.promql.numbers import parse_float
from promontory.promql.plan.position import Position

BUCKET = b"le"
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassicHistograms:
    """g histograms of n buckets.

    buckets Steps of n, all floats · bounds float64[n] · group int32[n] · labels LabelRows of g · drop_name bool[g]
    """

    buckets: Steps
    bounds: Floats
    group: NDArray[np.int32]
    labels: LabelRows
    drop_name: Flags

    def __len__(self) -> int:
        return len(self.labels)

    def order(self) -> tuple[Index, Index]:
        """Return (rows int64[n], group_start int64[g + 1])."""
        rows = np.lexsort((self.bounds, self.group)).astype(np.int64)
        return rows, group_starts(self.group, len(self))

    def present(self) -> Flags:
        """Return bool[g, k]: where a histogram has a bucket."""
        rows, start = self.order()
        some: Flags = np.logical_or.reduceat(self.buckets.present[rows], start[:-1], axis=0)
        return some

    def take(self, chosen: Index) -> ClassicHistograms:
        """Return the histograms at `chosen`, rising."""
        place = np.full(len(self), -1, np.int32)
        place[chosen] = np.arange(len(chosen))
        rows = np.flatnonzero(place[self.group] >= 0)
        return ClassicHistograms(
            take_steps(self.buckets, rows), self.bounds[rows], place[self.group[rows]], self.labels.take(chosen),
            self.drop_name[chosen],
        )  # fmt: skip


def split_histograms(run: Run, steps: Steps, position: Position) -> tuple[Steps, ClassicHistograms]:
    """Return the native histograms of a vector and the classic ones, without those that are in each other's way."""
    if steps.histograms is None:
        return take_steps(steps, np.empty(0, np.int64)), read_classic(run, steps, position)
    native = compact(replace(steps, present=steps.held, order=None))
    floats = compact(replace(steps, present=steps.floats, order=None, histograms=None))
    return _part_equal(run, native, read_classic(run, floats, position), position)


def read_classic(run: Run, steps: Steps, position: Position) -> ClassicHistograms:
    """Return the classic histograms of a vector of floats; series without a number in `le` are left with a warning."""
    codes, inverse = np.unique(steps.labels.column(BUCKET), return_inverse=True)
    bounds, known = np.zeros(len(codes)), np.ones(len(codes), np.bool_)
    for place, code in enumerate(codes):
        text = run.symbols.text(int(code))
        try:
            bounds[place] = parse_float(text)
        except ValueError:
            known[place] = False
            bad = (inverse == place) & np.any(steps.present, axis=1)
            for name in shown_names(run, steps.labels, bad):
                run.warn(bad_bucket(text) + name, position)
    if not known.all():
        rows = np.flatnonzero(known[inverse])
        steps, inverse = take_steps(steps, rows), inverse[rows]
    bare = steps.labels.without((BUCKET,))
    group, first = bare.unique()
    return ClassicHistograms(steps, bounds[inverse], group, bare.take(first), steps.drop_name[first])


def shown_names(run: Run, labels: LabelRows, chosen: Flags) -> list[str]:
    """Return how annotations name the metrics of the chosen rows; no names where they are dropped at once."""
    if not chosen.any():
        return []
    if not run.delayed_names:
        return [""]
    codes = np.unique(labels.column(METRIC_NAME)[chosen])
    return [of_metric(run.symbols.text(int(code))) for code in codes]


def _part_equal(
    run: Run, native: Steps, classic: ClassicHistograms, position: Position
) -> tuple[Steps, ClassicHistograms]:  # fmt: skip
    """Take out of both what stands for one histogram at one time."""
    if not len(native) or not len(classic):
        return native, classic
    number, _ = concat_rows([classic.labels, native.labels]).unique()
    place = np.full(int(number.max()) + 1, -1, np.int64)
    place[number[: len(classic)]] = np.arange(len(classic))
    twin = place[number[len(classic) :]]
    both: Flags = np.zeros_like(native.present)
    both[twin >= 0] = native.present[twin >= 0] & classic.present()[twin[twin >= 0]]
    if not both.any():
        return native, classic
    for name in shown_names(run, native.labels, np.any(both, axis=1)):
        run.warn(MIXED_KINDS + name, position)
    gone = np.zeros((len(classic), both.shape[1]), np.bool_)
    np.logical_or.at(gone, twin[twin >= 0], both[twin >= 0])
    buckets = replace(classic.buckets, present=classic.buckets.present & ~gone[classic.group])
    return replace(native, present=native.present & ~both), replace(classic, buckets=buckets)
