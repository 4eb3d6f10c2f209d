"""Dropping the metric name, and the check that series stay distinct without it.

By default a node that computes something new drops the name at once. With delayed names it only marks the row, and
the name goes when the answer is complete.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from promontory.errors import ExecutionError
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.steps import Steps
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import METADATA_LABELS, SAME_LABELSET, merge_equal


def drop_names(steps: Steps, run: Run) -> Steps:
    """Return the rows without the labels that describe the metric, or marked so."""
    if run.delayed_names:
        return replace(steps, drop_name=np.ones(len(steps), np.bool_))
    return replace(steps, labels=steps.labels.without(METADATA_LABELS))


def drop_marked_names(steps: Steps) -> Steps:
    """Return the rows with the marked names gone and equal rows merged."""
    if not steps.drop_name.any():
        return steps
    bare = steps.labels.without(METADATA_LABELS)
    if not steps.drop_name.all():
        place = np.where(steps.drop_name, np.arange(len(steps)) + len(steps), np.arange(len(steps)))
        bare = concat_rows([steps.labels, bare]).take(place)
    merged = merge_equal(replace(steps, labels=bare))
    return replace(merged, drop_name=np.zeros(len(merged), np.bool_))


def merge_names(run: Run, steps: Steps) -> Steps:
    """Return the rows without their names, those that are then equal made one."""
    dropped = drop_names(steps, run)
    return dropped if run.delayed_names else merge_equal(dropped)


class DropNameStage:
    """A stage that drops names; at the end no two rows of all batches may be equal.

    Where the selector fixes the name, rows without it are as distinct as with it and nothing is kept for the check.
    """

    def __init__(self, run: Run, *, fixed_name: bool) -> None:
        self._run = run
        self._fixed_name = fixed_name
        self._lock = threading.Lock()
        self._seen: list[LabelRows] = []

    def apply(self, batch: Batch) -> Batch:
        """Return the rows without names."""
        assert isinstance(batch, Steps)
        dropped = drop_names(batch, self._run)
        symbols = self._run.symbols
        plain = symbols.find(b"__type__") is None and symbols.find(b"__unit__") is None
        if not (self._run.delayed_names or (self._fixed_name and plain)):
            rows = dropped.labels.take(np.flatnonzero(dropped.present.any(axis=1)))
            with self._lock:
                self._seen.append(rows)
        return dropped

    def finish(self) -> None:
        """Raise ExecutionError where two series have the same labels now."""
        if not self._seen:
            return
        rows = concat_rows(self._seen)
        self._seen.clear()
        if len(rows.unique()[1]) < len(rows):
            raise ExecutionError(SAME_LABELSET)
