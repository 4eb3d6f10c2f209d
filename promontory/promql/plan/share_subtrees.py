"""Equal parts of a query are computed once.

    /                                   /
      aggregate sum                       aggregate sum
        window rate                         common 1
          read x[5m]              →           window rate
      aggregate count                           read x[5m]
        window rate                       aggregate count
          read x[5m]                        common 1 again

Parts are equal where all that they compute is, at the same times; a position of the one then stands for those of
all, so that what it notes is noted of each place. A window over some of the series that another reads is a Subset of
that one, where parameters are known before anything is read and the labels that tell them are still there behind it.
What is directly below a subquery, function by function, stays: there rows that become equal are an error.

Source: hash-consing (Ershov, 1958): each node gets the number of the first that is equal.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, fields, replace

from promontory.model.labels import METADATA_LABELS
from promontory.model.time_range import TimeGrid
from promontory.promql.nodes import Matching
from promontory.promql.plan.nodes import (
    Clock,
    Common,
    Constant,
    Elementwise,
    Extend,
    Hints,
    InfoTimes,
    Lookup,
    PlanNode,
    Read,
    Resample,
    ScalarOperation,
    Subset,
    Text,
    ToVector,
    VectorScalar,
    Window,
)
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.position import Position
from promontory.promql.plan.selects import inner_grid
from promontory.promql.plan.tree import CHILD_FIELDS, plan_children, with_children
from promontory.promql.plan.walk import walk_tree

# What is no value by itself, or costs less than to keep it.
_UNSHARED = (Clock, Constant, Extend, InfoTimes, Read, Resample, ScalarOperation, Text, ToVector)
# Rows go through these one by one.
_ROW_WISE = (Elementwise, Lookup, VectorScalar, Window)
NO_HINTS = Hints()
Times = tuple[TimeGrid, bool]
Asked = tuple[PlanNode, Times]


@dataclass(slots=True)
class _Class:
    """Nodes that compute the same at the same times; `uses` counts places below different classes.

    `broad` is the class that computes the same of more series.
    """

    nodes: list[PlanNode] = field(default_factory=list)
    shareable: bool = False
    uses: int = 0
    broad: int | None = None

    @property
    def shared(self) -> bool:
        """Whether it is computed once for several places."""
        return self.shareable and self.uses > 1


class _Classes:
    """The classes of the nodes of a plan, found from below; nodes of a tree are objects of their own."""

    def __init__(self, root: PlanNode, grid: TimeGrid) -> None:
        self.all: list[_Class] = []
        self._numbers: dict[int, int] = {}
        self._known: dict[tuple[object, ...], int] = {}
        self._narrow: list[tuple[int, Lookup | Window, Times, list[int]]] = []
        walk_tree(self._visit, (root, (grid, False)))
        self._find_broad()

    def of(self, node: PlanNode) -> _Class:
        """Return the class of a node of the plan."""
        return self.all[self._numbers[id(node)]]

    def _visit(self, asked: Asked) -> Generator[Asked, int, int]:
        node, times = asked
        grid, chained = times
        below: list[int] = []
        grid_below = inner_grid(node, grid)
        for place, (_, child) in enumerate(plan_children(node)):
            # Whether it hands its rows one by one to a subquery.
            rows = isinstance(node, Resample) or (chained and place == 0)
            below.append((yield child, (grid_below, rows and isinstance(child, _ROW_WISE))))
        key = _key(node, times, below)
        number = self._known.setdefault(key, len(self.all))
        if number == len(self.all):
            self.all.append(_Class(shareable=not chained and not isinstance(node, _UNSHARED) and _reads(node)))
            for found in below:
                self.all[found].uses += 1
            if isinstance(node, Lookup | Window) and not chained:
                self._narrow.append((number, node, times, below))
        self.all[number].nodes.append(node)
        self._numbers[id(node)] = number
        return number

    def _find_broad(self) -> None:
        """Find the windows over all series of which others read some."""
        for number, node, times, below in self._narrow:
            read = node.read if isinstance(node, Lookup) else node.source
            if not isinstance(read, Read) or not read.filters or not _can_be_subset(node, read):
                continue
            whole = self._known.get(_key(replace(read, filters=()), (times[0], False), []))
            broad = None if whole is None else self._known.get(_key(node, times, [whole, *below[1:]]))
            if broad is not None:
                self.all[number].broad = broad
                self.all[broad].uses += 1


def share_subtrees(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with equal parts under one Common each."""
    classes = _Classes(root, conditions.grid)
    if not any(found.shared for found in classes.all):
        return Rewrite(root)
    made: dict[int, Common] = {}
    notes: list[Note] = []

    def visit(nodes: list[PlanNode]) -> Generator[list[PlanNode], PlanNode, PlanNode]:
        found = classes.of(nodes[0])
        known = made.get(id(found))
        if known is not None:
            return known
        nodes = found.nodes if found.shared else nodes
        children = []
        for below in zip(*([child for _, child in plan_children(node)] for node in nodes), strict=True):
            children.append((yield list(below)))
        node = with_children(_at_all_places(nodes), children)
        if found.broad is not None:
            broad = yield classes.all[found.broad].nodes
            assert isinstance(broad, Common)
            assert isinstance(node, Lookup | Window)
            node = Subset(broad, node)
            notes.append(Note("{} is a {}", (node.own, node)))
        if found.shared:
            node = made[id(found)] = Common(node, len(made) + 1)
            notes.append(Note("{}: {}, for {} places", (node, node.body, found.uses)))
        return node

    return Rewrite(walk_tree(visit, [root]), tuple(notes))


def _can_be_subset(node: Lookup | Window, read: Read) -> bool:
    """Say whether its rows come one by one, and with the labels that the filters ask for."""
    known = all(child is read or isinstance(child, Clock | Constant) for _, child in plan_children(node))
    return known and not any(found.name in METADATA_LABELS for found in read.filters)


def _reads(node: PlanNode) -> bool:
    return any(not isinstance(child, Text | Constant | Clock) for _, child in plan_children(node))


def _key(node: PlanNode, times: Times, below: list[int]) -> tuple[object, ...]:
    """Return what is equal for nodes that compute the same; below: the classes of the nodes below."""
    if isinstance(node, Read) and node.fed is not None:
        node = replace(node, matchers=node.fed.matchers, hints=NO_HINTS, projection=None)
    values = (getattr(node, name) for name in _VALUES[type(node)])
    # Of numbers 0 equals -0 and NaN nothing; their texts tell.
    told = [repr(value) if isinstance(value, float | Matching) else value for value in values]
    return (type(node), times, *below, *told)


def _at_all_places(nodes: list[PlanNode]) -> PlanNode:
    """Return the first of equal nodes, its positions standing for those of all."""
    first, *others = nodes
    if not others:
        return first
    merged: dict[str, object] = {}
    for name in _POSITIONS[type(first)]:
        mine, *theirs = (getattr(node, name) for node in nodes)
        if isinstance(mine, Position):
            merged[name] = replace(mine, others=tuple(theirs))
        else:
            merged[name] = tuple(replace(place, others=tuple(rest)) for place, *rest in zip(mine, *theirs, strict=True))
    return replace(first, **merged) if merged else first  # type: ignore[arg-type]


_CLASSES = tuple(CHILD_FIELDS)
_POSITIONS = {
    found: tuple(part.name for part in fields(found) if part.name.endswith(("position", "positions")))
    for found in _CLASSES
}
_VALUES = {
    found: tuple(
        part.name
        for part in fields(found)
        if part.name not in CHILD_FIELDS[found] and part.name not in _POSITIONS[found]
    )
    for found in _CLASSES
}

SHARE_SUBTREES = Optimizer(
    "share subtrees", "Equal parts of a query are computed once.", share_subtrees, lambda census: census.reads > 1
)
