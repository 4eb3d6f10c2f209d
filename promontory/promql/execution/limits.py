"""limitk and limit_ratio: sinks that keep some rows of each group, floats and histograms alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.limits import choose_first, hash_prefixed, measure_prefixed
from promontory.model.label_rows import LabelRows
from promontory.model.steps import Steps
from promontory.promql.execution.groups import GroupTable
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.pipeline import CollectSteps
from promontory.promql.execution.ranks import check_wanted
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value, compact
from promontory.promql.execution.wording import format_general
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]

# Prometheus divides by the greatest uint64 as a float, which is this.
HASH_RANGE = 2.0**64


class LimitSink:
    """limitk: keeps the first k rows of each group at each time; wanted: float64[k], how many."""

    def __init__(self, run: Run, node: Aggregate, count: int, wanted: Floats) -> None:
        self._run = run
        self._node = node
        self._asked = wanted
        self._is_empty = wanted.max(initial=0.0) < 1
        self._wanted = np.clip(np.nan_to_num(wanted), 0, 2**62).astype(np.int64)
        self._table = GroupTable(run.symbols)
        self._taken = np.zeros((0, count), np.int64)
        self._kept = CollectSteps(run, count)

    def absorb(self, batch: Batch) -> None:
        """Keep the rows of a batch that are still wanted."""
        assert isinstance(batch, Steps)
        if self._is_empty:
            return
        steps = compact(batch)
        local, labels = steps.labels.group(self._node.grouping, by=not self._node.without)
        group = self._table.assign(labels)[local]
        self._make_room()
        chosen = np.zeros(steps.present.shape, np.bool_)
        choose_first(steps.present, group, self._wanted, self._run.stop, self._taken, chosen)
        self._kept.absorb(choose_present(steps, chosen))

    def finish(self) -> Value:
        """Return the rows."""
        if not self._is_empty:
            check_wanted(self._asked)
        self._run.give_back(self._taken.nbytes)
        return self._kept.finish()

    def _make_room(self) -> None:
        missing = len(self._table) - len(self._taken)
        if missing > 0:
            room = np.zeros((max(missing, len(self._taken)), self._taken.shape[1]), np.int64)
            self._run.charge(room.nbytes)
            self._taken = np.concatenate([self._taken, room])


class RatioSink:
    """limit_ratio: keeps the rows whose hash is within the ratio, or with a negative one those it would leave out."""

    def __init__(self, run: Run, node: Aggregate, count: int, ratio: Floats) -> None:
        self._run = run
        self._position = node.position
        self._ratio = ratio
        self._kept = CollectSteps(run, count)

    def absorb(self, batch: Batch) -> None:
        """Keep the chosen rows of a batch."""
        assert isinstance(batch, Steps)
        if not self._ratio.any():
            return
        capped = np.clip(self._ratio, -1.0, 1.0)
        place = sample_offsets(batch.labels)[:, None]
        within = np.where(capped >= 0, place < capped, place >= 1.0 + capped)
        self._kept.absorb(choose_present(batch, batch.present & within))

    def finish(self) -> Value:
        """Return the rows."""
        ratio = self._ratio if self._ratio.any() else np.zeros(1)
        if np.isnan(ratio).any():
            raise ExecutionError("Ratio value is NaN")
        for found, bound in ((float(ratio.max()), 1.0), (float(ratio.min()), -1.0)):
            if found * bound > 1:
                self._run.warn(
                    f"ratio value should be between -1 and 1, got {format_general(found)}, capping to"
                    f" {format_general(bound)}",
                    self._position,
                )
        return self._kept.finish()


def sample_offsets(labels: LabelRows) -> Floats:
    """Return float64[n]: where the hash of each row lies between 0 and 1."""
    blob, start = labels.symbols.arrays()
    size = measure_prefixed(labels.row_start, labels.name, labels.value, start)
    hashes = np.empty(len(labels), np.uint64)
    hash_prefixed(
        labels.row_start, labels.name, labels.value, blob, start, np.empty(size, np.uint8), hashes
    )  # fmt: skip
    return hashes.astype(np.float64) / HASH_RANGE


def choose_present(steps: Steps, present: NDArray[np.bool_]) -> Steps:
    """Return the rows with only the chosen places present."""
    cells = steps.histograms.where(present) if steps.histograms is not None else None
    return compact(replace(steps, present=present, order=None, histograms=cells))
