"""The nodes below a node of a plan, and the same node with others below it."""

from __future__ import annotations

import operator
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeGuard

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
from promontory.promql.plan.walk import walk_tree

_CLASSES = frozenset(PlanNode.__args__)
_NODE_TYPE = re.compile("|".join(rf"\b{found.__name__}\b" for found in _CLASSES) + r"|\bPlanNode\b")
# A query of 5,000 operators asks for its children tens of thousands of times.
CHILD_FIELDS = {
    found: tuple(field.name for field in fields(found) if _NODE_TYPE.search(str(field.type))) for found in _CLASSES
}
_FIELDS = {found: tuple(field.name for field in fields(found)) for found in _CLASSES}


def plan_children(node: PlanNode) -> Iterator[tuple[str, PlanNode]]:
    """Yield the nodes directly below one, each with the name of its field."""
    for name in CHILD_FIELDS[type(node)]:
        value = getattr(node, name)
        if type(value) in _CLASSES:
            yield name, value
        elif value is not None:
            yield from ((name, part) for part in value)


def with_children(node: PlanNode, children: Sequence[PlanNode]) -> PlanNode:
    """Return the node with other nodes below it, in the order of `plan_children`."""
    before = [child for _, child in plan_children(node)]
    assert len(before) == len(children)
    if all(map(operator.is_, before, children)):
        return node
    fresh = iter(children)
    values: dict[str, object] = {}
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if name in CHILD_FIELDS[type(node)]:
            if isinstance(value, tuple):
                value = tuple(next(fresh) for _ in value)
            elif value is not None:
                value = next(fresh)
        values[name] = value
    return type(node)(**values)  # type: ignore[arg-type]


def is_node(value: object) -> TypeGuard[PlanNode]:
    """Say whether a value is a node of a plan."""
    return type(value) in _CLASSES


def replace_reads(root: PlanNode, reads: Mapping[int, Read]) -> PlanNode:
    """Return the plan with other Reads in the places of those whose id() is named."""
    if not reads:
        return root

    def visit(node: PlanNode) -> Generator[PlanNode, PlanNode, PlanNode]:
        if isinstance(node, Read):
            return reads.get(id(node), node)
        children = []
        for _, child in plan_children(node):
            children.append((yield child))
        return with_children(node, children)

    return walk_tree(visit, root)


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
