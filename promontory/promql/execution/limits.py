"""limitk and limit_ratio: some rows of each group, floats and histograms alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.kernels.limits import choose_first, hash_prefixed, measure_prefixed
from promontory.model.label_rows import LabelRows
from promontory.model.steps import Steps
from promontory.promql.execution.ranks import check_wanted
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import compact, empty_steps
from promontory.promql.execution.wording import format_general
from promontory.promql.plan.nodes import Aggregate

Floats = NDArray[np.float64]

# Prometheus divides by the greatest uint64 as a float, which is this.
HASH_RANGE = 2.0**64


def limit_rows(run: Run, node: Aggregate, steps: Steps, wanted: Floats) -> Steps:
    """Return the first k rows of each group at each time; wanted: float64[k]."""
    if wanted.max(initial=0.0) < 1:
        return empty_steps(run.symbols, len(wanted))
    check_wanted(wanted)
    group, labels = steps.labels.group(node.grouping, by=not node.without)
    taken = np.zeros((len(labels), len(wanted)), np.int64)
    chosen = np.zeros(steps.present.shape, np.bool_)
    choose_first(steps.present, group, np.minimum(wanted, len(steps)).astype(np.int64), run.stop, taken, chosen)
    return choose_present(steps, chosen)


def limit_ratio(run: Run, node: Aggregate, steps: Steps, ratio: Floats) -> Steps:
    """Return the rows whose hash is within the ratio, or with a negative one those that the rest would leave out."""
    if not ratio.any():
        return empty_steps(run.symbols, len(ratio))
    if np.isnan(ratio).any():
        raise ExecutionError("Ratio value is NaN")
    for found, bound in ((float(ratio.max()), 1.0), (float(ratio.min()), -1.0)):
        if found * bound > 1:
            run.warn(
                f"ratio value should be between -1 and 1, got {format_general(found)}, capping to"
                f" {format_general(bound)}",
                node.position,
            )
    capped = np.clip(ratio, -1.0, 1.0)
    place = sample_offsets(steps.labels)[:, None]
    within = np.where(capped >= 0, place < capped, place >= 1.0 + capped)
    return choose_present(steps, steps.present & within)


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
