"""Small queries: answered at once, on the event loop, where all that they read is at hand.

    seen before (SmallPlans) ─ each select: few samples, now ─► Execution ─► QueryResult        no hop, no task

A text goes the long way the first time: that loads the kernels it needs, and tells the Stores what their indexes say
of its series. A plan that does not depend on the time at which it was made is kept for the next time. The answer is
that of the long way, by the same operators; None sends a query there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.durations import is_timeless
from promontory.promql.execution.execution import Execution
from promontory.promql.nodes import Node
from promontory.promql.plan.nodes import PlanNode, Read, Resample
from promontory.promql.plan.plan import Plan
from promontory.promql.plan.selects import PlannedSelect
from promontory.promql.plan.tree import walk_nodes

MOST_KEPT = 1_000
LONGEST_TEXT = 2_000
MOST_NODES = 32
MOST_SELECTS = 4
MOST_SAMPLES = 20_000
MOST_CELLS = 4_000
FARTHEST_MS = 1 << 52
"""Beyond such times the plan says whether int64 can hold what is looked at."""

ReadNow = Callable[[Selector], Samples | None]
Key = tuple[str, int, int, QueryOptions]


class SmallPlans:
    """The plans of small queries by their texts and options, those used last; for one thread."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._plans: OrderedDict[Key, Plan] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def find(self, text: str, grid: TimeGrid, options: QueryOptions) -> Plan | None:
        """Return the plan of a text over a grid, where one like it was kept."""
        key = (text, grid.end_ms - grid.start_ms, grid.step_ms, options)
        kept = self._plans.get(key)
        if kept is None:
            return None
        self._plans.move_to_end(key)
        shift_ms = grid.start_ms - kept.grid.start_ms
        if max(abs(shift_ms), abs(grid.start_ms)) > FARTHEST_MS:
            return None
        selects = kept.selects if shift_ms == 0 else tuple(_shifted(one, shift_ms) for one in kept.selects)
        return Plan(kept.root, grid, kept.options, selects, kept.trace)

    def keep(self, text: str, node: Node, plan: Plan, options: QueryOptions) -> None:
        """Keep a plan that was carried out, where it is small and another grid would not change it."""
        grid = plan.grid
        if len(text) > LONGEST_TEXT or len(plan.selects) > MOST_SELECTS or grid.count > MOST_CELLS:
            return
        if not is_timeless(node) or not _is_small(plan.root):
            return
        self._plans[text, grid.end_ms - grid.start_ms, grid.step_ms, options] = plan
        if len(self._plans) > self._most:
            self._plans.popitem(last=False)


def _shifted(planned: PlannedSelect, shift_ms: int) -> PlannedSelect:
    span = planned.selector.time_range
    moved = TimeRange(span.min_time_ms + shift_ms, span.max_time_ms + shift_ms)
    return PlannedSelect(replace(planned.selector, time_range=moved))


def answer_small(plan: Plan, context: QueryContext, read_now: ReadNow, *, max_samples: int) -> Execution | None:
    """Return the execution of a plan with all that it reads absorbed, None where that is not little or not at hand.

    Raises what the long way raises of limits and in evaluation.
    """
    context.check()
    fed: list[Samples] = []
    count = rows = 0
    for planned in plan.selects:
        samples = read_now(planned.selector)
        if samples is None:
            return None
        fed.append(samples)
        count += len(samples.timestamps_ms)
        rows += len(samples)
        if count > MOST_SAMPLES or rows * plan.grid.count > MOST_CELLS:
            return None
    execution = Execution(plan, context, max_samples=max_samples)
    with execution:
        for index, samples in enumerate(fed):
            _feed(execution, index, samples, context)
    return execution


def _feed(execution: Execution, index: int, samples: Samples, context: QueryContext) -> None:
    if not len(samples):
        return
    size_bytes = samples.resident_bytes
    try:
        context.budget.charge(size_bytes)
        for part in execution.split(index, samples):
            execution.absorb(index, execution.prepare(index, part))
    finally:
        context.budget.release(size_bytes)


def _is_small(root: PlanNode) -> bool:
    """Say whether a plan has few nodes, none of which has times of its own or those of the grid it was made for."""
    nodes = list(islice(walk_nodes(root), MOST_NODES + 1))
    return len(nodes) <= MOST_NODES and not any(
        isinstance(node, Resample)
        or (isinstance(node, Read) and (node.fed is not None or node.timing.at_ms is not None))
        for node in nodes
    )
