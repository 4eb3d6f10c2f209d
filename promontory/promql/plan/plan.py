"""A Plan: what a query reads and computes, before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promontory.model.time_range import TimeGrid
from promontory.promql import nodes as syntax
from promontory.promql.durations import resolve_durations
from promontory.promql.plan.nodes import PlanNode
from promontory.promql.plan.optimizer import Applied, Conditions, Note, Optimizer
from promontory.promql.plan.optimizers import OPTIMIZERS
from promontory.promql.plan.selects import PlannedSelect, collect_selects
from promontory.promql.plan.translate import translate
from promontory.promql.plan.tree import take_census


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a query is read. `text` is the query's, for the places that annotations name.

    With `delayed_names` the metric name is marked where it would be dropped, and dropped at the end. With
    `start_timestamps` rate and its kin ask the samples when their counters began, with `type_and_unit` they ask
    `__type__` instead of the name's ending what is a counter. With `downsampled` aggregates of blocks may be read
    instead of samples; `replica_labels` are those that are taken away where replicas are made one.
    """

    text: bytes = b""
    lookback_ms: int = 300_000
    subquery_step_ms: int = 60_000
    delayed_names: bool = False
    start_timestamps: bool = False
    type_and_unit: bool = False
    downsampled: bool = False
    replica_labels: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The root node over a grid of times, and what it reads; samples of `selects[i]` are fed as number i.

    `trace` says what each optimizer did.
    """

    root: PlanNode
    grid: TimeGrid
    options: PlanOptions
    selects: tuple[PlannedSelect, ...]
    trace: tuple[Applied, ...] = ()


def make_plan(
    node: syntax.Node, grid: TimeGrid, options: PlanOptions, *, optimizers: Sequence[Optimizer] = OPTIMIZERS
) -> Plan:
    """Return the optimized plan of a query. Raises ExecutionError for an extended selector where none may be."""
    root = translate(
        resolve_durations(node, grid),
        grid,
        text=options.text,
        lookback_ms=options.lookback_ms,
        subquery_step_ms=options.subquery_step_ms,
    )
    conditions = Conditions(grid, options.downsampled, options.replica_labels, options.start_timestamps)
    census = take_census(root)
    trace = []
    for optimizer in optimizers:
        notes: tuple[Note, ...] = ()
        if optimizer.concerns(census):
            done = optimizer.rewrite(root, conditions)
            root, notes = done.root, done.notes
        trace.append(Applied(optimizer.name, optimizer.summary, notes))
    return Plan(root, grid, options, collect_selects(root, grid), tuple(trace))
