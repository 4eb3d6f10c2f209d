"""The nodes below a node of a plan, and the same node with others below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from promontory.promql.plan.nodes import (
    Clock,
    Common,
    Constant,
    PlanNode,
    Read,
    Repeat,
    Resample,
    ScalarOperation,
    ToScalar,
)

_CLASSES = frozenset(PlanNode.__args__)
_NODE_TYPE = re.compile("|".join(rf"\b{found.__name__}\b" for found in _CLASSES) + r"|\bPlanNode\b")
# A query of 5,000 operators asks for its children tens of thousands of times.
CHILD_FIELDS = {
    found: tuple(field.name for field in fields(found) if _NODE_TYPE.search(str(field.type))) for found in _CLASSES
}


def plan_children(node: PlanNode) -> Iterator[tuple[str, PlanNode]]:
    """Yield the nodes directly below one, each with the name of its field."""
    for name in CHILD_FIELDS[type(node)]:
        value = getattr(node, name)
        if type(value) in _CLASSES:
            yield name, value
        elif value is not None:
            yield from ((name, part) for part in value)


def with_children(node: PlanNode, children: list[PlanNode]) -> PlanNode:
    """Return the node with other nodes below it, in the order of `plan_children`."""
    named: dict[str, PlanNode | tuple[PlanNode, ...]] = {}
    changed = False
    for (name, old), child in zip(plan_children(node), children, strict=True):
        changed = changed or child is not old
        if name == "parameters":
            before = named.get(name, ())
            assert isinstance(before, tuple)
            named[name] = (*before, child)
        else:
            named[name] = child
    return replace(node, **named) if changed else node  # type: ignore[arg-type]


def is_scalar(node: PlanNode) -> bool:
    """Say whether the node gives a scalar."""
    if isinstance(node, Repeat | Common):
        return is_scalar(node.body)
    return isinstance(node, Constant | Clock | ScalarOperation | ToScalar)


@dataclass(frozen=True, slots=True)
class Census:
    """What stands in a plan: the classes of its nodes, how many Reads, and whether something looks at a fixed time."""

    kinds: frozenset[type]
    reads: int
    fixed: bool

    def has(self, *kinds: type) -> bool:
        """Say whether a node of one of the classes is there."""
        return not self.kinds.isdisjoint(kinds)


def take_census(root: PlanNode) -> Census:
    """Return what stands in a plan."""
    kinds: set[type] = set()
    reads, fixed = 0, False
    for node in walk_nodes(root):
        kinds.add(type(node))
        if isinstance(node, Read | Resample):
            reads += isinstance(node, Read)
            fixed = fixed or node.timing.at_ms is not None
    return Census(frozenset(kinds), reads, fixed)


def walk_nodes(root: PlanNode) -> Iterator[PlanNode]:
    """Yield all nodes, each before those below it."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend([child for _, child in plan_children(node)])
