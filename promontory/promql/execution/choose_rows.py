"""A stage that keeps the series that matchers choose: those of a select that was asked for more than one read needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows
from promontory.model.matcher import Matcher
from promontory.model.samples import Samples
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.values import take_steps


class ChooseRowsStage:
    """Keeps the rows whose labels all matchers match; thread-safe.

    A matcher is asked once a distinct value: labels are codes, and what each comes to is kept.
    """

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self._known: list[tuple[Matcher, dict[int, bool]]] = [(matcher, {}) for matcher in matchers]

    def apply(self, batch: Batch) -> Batch:
        """Return the rows chosen; the batch itself where these are all."""
        chosen = self._choose(batch.labels)
        if chosen.all():
            return batch
        index = np.flatnonzero(chosen)
        return batch.take(index) if isinstance(batch, Samples) else take_steps(batch, index)

    def _choose(self, labels: LabelRows) -> NDArray[np.bool_]:
        chosen = np.ones(len(labels), np.bool_)
        for matcher, known in self._known:
            codes, place = np.unique(labels.column(matcher.name), return_inverse=True)
            for code in codes.tolist():
                if code not in known:
                    known[code] = matcher.matches(labels.symbols.text(code) if code else b"")
            chosen &= np.array([known[code] for code in codes.tolist()], np.bool_)[place]
        return chosen

    def finish(self) -> None:
        """Nothing is left."""
