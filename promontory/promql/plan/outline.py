"""Outline: the nodes of a plan one after the other, each before those below it, with their depth.

One order for all who number places of a plan: what prints it, what builds its operators, what counts what they did.
What stands at several places (Common) has its body below the first of them alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.time_range import TimeGrid
from promontory.promql.plan.nodes import Common, PlanNode, Subset
from promontory.promql.plan.selects import inner_grid
from promontory.promql.plan.tree import plan_children


@dataclass(frozen=True, slots=True)
class Place:
    """A node where it stands, and the times at which it is evaluated there.

    `again`: it stood before, with what is below it; `implied`: the line above says it.
    """

    node: PlanNode
    grid: TimeGrid
    level: int
    again: bool = False
    implied: bool = False


def outline_plan(root: PlanNode, grid: TimeGrid) -> list[Place]:
    """Return the places of a plan."""
    places: list[Place] = []
    waiting: list[tuple[PlanNode, TimeGrid, int, PlanNode | None]] = [(root, grid, 0, None)]
    known: set[int] = set()
    while waiting:
        node, grid, level, above = waiting.pop()
        again = isinstance(node, Common) and node.number in known
        places.append(Place(node, grid, level, again, implied=again and isinstance(above, Subset)))
        if again:
            continue
        if isinstance(node, Common):
            known.add(node.number)
        below = inner_grid(node, grid)
        waiting.extend((child, below, level + 1, node) for _, child in reversed(list(plan_children(node))))
    return places
