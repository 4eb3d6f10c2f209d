"""Operator and Stage: the two shapes of everything that computes.

    samples ──► stage ──► stage ──► sink ──┐
    samples ──► stage ──► sink ────────────┴─► operator ──► operator ──► answer

A Stage works on rows one by one and so on any batch of series; stages are applied to batches as these arrive, on
several threads. An Operator needs its inputs whole and runs when everything was fed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.promql.execution.values import Value

Batch = Samples | Steps


class Stage(Protocol):
    """Turns a batch of rows into the same rows of another shape or with other values."""

    def apply(self, batch: Batch) -> Batch:
        """Return the rows evaluated; called from several threads."""

    def finish(self) -> None:
        """All batches were seen: raise what only the whole shows."""


class Operator(Protocol):
    """Computes one value from the values of its inputs."""

    @property
    def inputs(self) -> Sequence[Operator]:
        """The operators whose values are needed, in order."""

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return the value; called once, after everything was fed."""
