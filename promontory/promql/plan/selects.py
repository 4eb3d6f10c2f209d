"""What a plan reads: one Selector for each selector of the query, equal ones once.

The time range holds every sample that a look-up or window at any time can see; both reach back to just after
`time - range`, because windows are open on the left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promontory.errors import ExecutionError
from promontory.model.selector import Selector
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS, TimeGrid, TimeRange
from promontory.promql.plan.nodes import PlanNode, Read, Repeat, Resample
from promontory.promql.plan.tree import plan_children


@dataclass(frozen=True, slots=True)
class PlannedSelect:
    """One read of the Store; its place in `Plan.selects` is the number by which samples are fed."""

    selector: Selector


def selector_of(read: Read, grid: TimeGrid) -> Selector:
    """Return what to read so that `read` can be evaluated at the times of the grid."""
    if read.fed is not None:
        return read.fed
    ends = read.timing.apply(grid)
    return Selector(
        matchers=read.matchers,
        time_range=TimeRange(
            ends.start_ms - read.range_ms - read.before_ms + 1,
            ends.start_ms + max(ends.count - 1, 0) * ends.step_ms + read.after_ms,
        ),
        function=read.hints.function,
        step_ms=grid.step_ms,
        range_ms=read.hints.range_ms,
        grouping=read.hints.grouping,
        grouping_by=read.hints.by,
        projection=read.projection,
    )


def _check_times(node: Read | Resample, grid: TimeGrid) -> None:
    """Refuse times that int64 milliseconds cannot hold: kernels would wrap them round to others."""
    beyond_ms = 0
    reach_ms, grid = node.range_ms, node.timing.apply(grid)
    if isinstance(node, Read):
        reach_ms, beyond_ms = reach_ms + node.before_ms, node.after_ms
    last_ms = grid.start_ms + max(grid.count - 1, 0) * grid.step_ms + beyond_ms
    if grid.start_ms - reach_ms < MIN_TIME_MS or last_ms > MAX_TIME_MS:
        raise ExecutionError(
            f"the query looks at times from {grid.start_ms - reach_ms} to {last_ms} ms, beyond what int64 can hold"
        )


def first_only(grid: TimeGrid) -> TimeGrid:
    """Return the grid of the first time alone."""
    return TimeGrid(grid.start_ms, grid.start_ms, 0)


def inner_grid(node: PlanNode, grid: TimeGrid) -> TimeGrid:
    """Return the times at which the nodes below one are evaluated: none where it is evaluated at none itself."""
    if not grid.count:
        return grid
    if isinstance(node, Resample):
        return node.grid(grid)
    return first_only(grid) if isinstance(node, Repeat) else grid


def walk_times(root: PlanNode, grid: TimeGrid) -> Iterator[tuple[PlanNode, TimeGrid]]:
    """Yield all nodes in the order in which they stand, each before those below it, with their times."""
    waiting = [(root, grid)]
    while waiting:
        node, times = waiting.pop()
        yield node, times
        children = [child for _, child in plan_children(node)]
        if children:
            below = inner_grid(node, times)
            waiting += [(child, below) for child in reversed(children)]


def collect_selects(root: PlanNode, grid: TimeGrid) -> tuple[PlannedSelect, ...]:
    """Return the selects of a plan in the order in which they stand."""
    selects: dict[Selector, None] = {}
    for node, times in walk_times(root, grid):
        if isinstance(node, Read | Resample):
            _check_times(node, times)
        if isinstance(node, Read) and not node.never:
            selects.setdefault(selector_of(node, times))
    return tuple(PlannedSelect(selector) for selector in selects)
