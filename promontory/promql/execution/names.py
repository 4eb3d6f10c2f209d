"""Dropping the metric name, and the check that series stay distinct without it.

By default a node that computes something new drops the name at once. With delayed names it only marks the row, and
the name goes when the answer is complete.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.labels import METADATA_LABELS
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import (
    SAME_LABELSET,
    knows_types,
    merge_equal,
    refuse_collisions,
)


def drop_names(steps: Steps, run: Run, dropped: tuple[bytes, ...] = METADATA_LABELS) -> Steps:
    """Return the rows without the labels that describe the metric; where they go late, marked so."""
    if run.delayed_names:
        return replace(steps, drop_name=np.ones(len(steps), np.bool_))
    return replace(steps, labels=steps.labels.without(dropped))


def drop_marked_names(steps: Steps) -> Steps:
    """Return the rows with the marked names gone and equal rows merged."""
    if not steps.drop_name.any():
        return steps
    merged = merge_equal(replace(steps, labels=_without_names(steps.labels, steps.drop_name)))
    return replace(merged, drop_name=np.zeros(len(merged), np.bool_))


def drop_marked_samples_names(samples: Samples) -> Samples:
    """Return the samples with the marked names gone and those of equal rows merged by time.

    Raises ExecutionError where equal rows have samples at one time.
    """
    if samples.drop_name is None:
        return samples
    labels = _without_names(samples.labels, samples.drop_name)
    group, first = labels.unique()
    if len(first) == len(samples):
        return replace(samples, labels=labels, drop_name=None)
    owner = np.repeat(group, np.diff(samples.row_start))
    order = np.lexsort((samples.timestamps_ms, owner))
    owner, times = owner[order], samples.timestamps_ms[order]
    if np.any((owner[1:] == owner[:-1]) & (times[1:] == times[:-1])):
        raise ExecutionError(SAME_LABELSET)
    return Samples(
        labels=labels.take(first),
        row_start=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(first)))]).astype(np.int64),
        timestamps_ms=times,
        values=samples.values[order],
        histograms=samples.histograms.at(order) if samples.histograms is not None else None,
    )


def _without_names(labels: LabelRows, marks: NDArray[np.bool_]) -> LabelRows:
    """Return the rows, the marked ones without the labels that describe the metric."""
    bare = labels.without(METADATA_LABELS)
    if marks.all():
        return bare
    place = np.where(marks, np.arange(len(labels)) + len(labels), np.arange(len(labels)))
    return concat_rows([labels, bare]).take(place)


def merge_names(run: Run, dropped: tuple[bytes, ...], steps: Steps) -> Steps:
    """Return the rows without their names, those that are then equal made one."""
    bare = drop_names(steps, run, dropped)
    return bare if run.delayed_names else merge_equal(bare)


class DropNameStage:
    """A stage that drops names; at the end no two rows of all batches may be equal.

    With `merging` they may where they are not present at one time: whoever keeps the rows makes them one. Where the
    selector fixes the name, rows without it are as distinct as with it and nothing is kept for the check.
    """

    def __init__(
        self, run: Run, dropped: tuple[bytes, ...] = METADATA_LABELS, *, fixed_name: bool, merging: bool = False
    ) -> None:
        self._run = run
        self._dropped = dropped
        self._fixed_name = fixed_name
        self.merging = merging
        self._lock = threading.Lock()
        self._seen: list[tuple[LabelRows, NDArray[np.bool_]]] = []

    def apply(self, batch: Batch) -> Batch:
        """Return the rows without names."""
        assert isinstance(batch, Steps)
        dropped = drop_names(batch, self._run, self._dropped)
        if not (self._run.delayed_names or (self._fixed_name and not knows_types(self._run.symbols))):
            rows = np.flatnonzero(dropped.present.any(axis=1))
            labels, present = dropped.labels.take(rows), dropped.present[rows]
            self._run.charge(labels.resident_bytes + present.nbytes)
            with self._lock:
                self._seen.append((labels, present))
        return dropped

    def finish(self) -> None:
        """Raise ExecutionError where two series have the same labels now."""
        if not self._seen:
            return
        labels, present = zip(*self._seen, strict=True)
        self._seen.clear()
        self._run.give_back(
            sum(rows.resident_bytes + flags.nbytes for rows, flags in zip(labels, present, strict=True))
        )
        group, first = concat_rows(labels).unique()
        if len(first) < len(group) and not self.merging:
            raise ExecutionError(SAME_LABELSET)
        if len(first) < len(group):
            refuse_collisions(np.concatenate(present), group, len(first))
