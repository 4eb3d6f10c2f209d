"""Optimizer: one rewriting of plans, and what it says it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from promontory.model.time_range import TimeGrid
from promontory.promql.plan.node_text import describe_node
from promontory.promql.plan.nodes import PlanNode
from promontory.promql.plan.tree import Census, is_node


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds where a plan is made.

    With `downsampled` aggregates of blocks may be read instead of samples: which, the function above a selector says.
    `replica_labels` are taken away where replicas are made one; what is then read depends on where reading begins.
    With `start_timestamps` samples say when their counters began, against the samples before them.
    """

    grid: TimeGrid
    downsampled: bool = False
    replica_labels: tuple[bytes, ...] = ()
    start_timestamps: bool = False

    @property
    def beginning_matters(self) -> bool:
        """Whether samples may differ by where reading begins."""
        return self.downsampled or bool(self.replica_labels) or self.start_timestamps


@dataclass(frozen=True, slots=True)
class Note:
    """A thing that was done, in words with {} for what they are about: written out only where someone reads it."""

    words: str
    about: tuple[object, ...] = ()

    def __str__(self) -> str:
        return self.words.format(*(describe_node(one) if is_node(one) else one for one in self.about))


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A plan rewritten, and what was done."""

    root: PlanNode
    notes: tuple[Note, ...] = ()


def _always(census: Census) -> bool:
    return census.reads > 0


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A named rewriting: the answer, its annotations and its errors stay what they are.

    `concerns` says of a plan's census whether there is anything to do: small plans are made in microseconds.
    """

    name: str
    summary: str
    rewrite: Callable[[PlanNode, Conditions], Rewrite]
    concerns: Callable[[Census], bool] = _always


@dataclass(frozen=True, slots=True)
class Applied:
    """What one optimizer did to a plan; without notes nothing."""

    name: str
    summary: str
    notes: tuple[Note, ...] = ()
