"""A Plan: what a query reads and computes, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.time_range import TimeGrid
from promontory.promql import nodes as syntax
from promontory.promql.durations import resolve_durations
from promontory.promql.plan.nodes import PlanNode
from promontory.promql.plan.optimizers import OPTIMIZERS
from promontory.promql.plan.selects import PlannedSelect, collect_selects
from promontory.promql.plan.translate import translate


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a query is read. `text` is the query's, for the places that annotations name.

    With `delayed_names` the metric name is marked where it would be dropped, and dropped at the end. With
    `start_timestamps` rate and its kin ask the samples when their counters began, with `type_and_unit` they ask
    `__type__` instead of the name's ending what is a counter.
    """

    text: bytes = b""
    lookback_ms: int = 300_000
    subquery_step_ms: int = 60_000
    delayed_names: bool = False
    start_timestamps: bool = False
    type_and_unit: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The root node over a grid of times, and what it reads; samples of `selects[i]` are fed as number i."""

    root: PlanNode
    grid: TimeGrid
    options: PlanOptions
    selects: tuple[PlannedSelect, ...]


def make_plan(node: syntax.Node, grid: TimeGrid, options: PlanOptions) -> Plan:
    """Return the optimized plan of a query. Raises ExecutionError for an extended selector where none may be."""
    root = translate(
        resolve_durations(node, grid),
        grid,
        text=options.text,
        lookback_ms=options.lookback_ms,
        subquery_step_ms=options.subquery_step_ms,
    )
    for optimize in OPTIMIZERS:
        root = optimize(root)
    return Plan(root, grid, options, collect_selects(root, grid))
