"""A matcher on one side of an operator holds for the other side where both must have the label alike.

    / on all labels                     / on all labels
      lookup                              lookup
        read {__name__="a",x="1"}   →       read {__name__="a",x="1"}
      lookup                              lookup
        read {__name__="b"}                 read {__name__="b",x="1"}

Only into look-ups: a function notes things of series that would then not be read. And only where the "one" side
of the operator holds each group once whatever is read: duplicates are an error even where nothing matches them, and
none at times at which the other side is empty. `or` and fills keep what does not match, `unless` keeps it on its left.
Labels that describe the metric stay out of it, as functions drop them, and so do those of replicas: they choose
samples of a series, not series.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from promontory.model.labels import METADATA_LABELS
from promontory.model.matcher import Matcher, fixes_name
from promontory.promql.nodes import Cardinality, Matching
from promontory.promql.plan.nodes import (
    Aggregate,
    Elementwise,
    Extension,
    Join,
    Lookup,
    PlanNode,
    Read,
    SetOperation,
    Sort,
    VectorScalar,
    Window,
)
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import plan_children, with_children
from promontory.promql.plan.walk import walk_tree

# Each group gives one row with the labels of the grouping.
_GROUPED = frozenset(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"])


def propagate_matchers(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with matchers of one side put on the look-ups of the other."""
    notes: list[Note] = []
    kept_out = frozenset([*METADATA_LABELS, *conditions.replica_labels])

    def narrow(node: PlanNode, other: PlanNode, matching: Matching) -> PlanNode:
        fresh = [
            matcher for matcher in _known(other)
            if matcher.name not in kept_out and (matcher.name in matching.labels) is matching.on
        ]  # fmt: skip
        done = _narrow(node, fresh)
        if isinstance(done, Lookup) and done is not node:
            notes.append(Note("{}", (done.read,)))
        return done

    def visit(node: PlanNode) -> Generator[PlanNode, PlanNode, PlanNode]:
        children = []
        for _, child in plan_children(node):
            children.append((yield child))
        node = with_children(node, children)
        if not isinstance(node, Join | SetOperation):
            return node
        to_left, to_right = _directions(node)
        left = narrow(node.left, node.right, node.matching) if to_left else node.left
        right = narrow(node.right, node.left, node.matching) if to_right else node.right
        return with_children(node, [left, right])

    return Rewrite(walk_tree(visit, root), tuple(notes))


def _directions(node: Join | SetOperation) -> tuple[bool, bool]:
    """Say whether the left side may be narrowed, and the right one."""
    if isinstance(node, SetOperation):
        return node.op == "and", node.op in ("and", "unless")
    matching = node.matching
    if matching.fill_left is not None or matching.fill_right is not None:
        return False, False
    one = node.left if matching.cardinality is Cardinality.ONE_TO_MANY else node.right
    safe = _holds_groups_once(one, matching)
    return safe, safe


def _holds_groups_once(one: PlanNode, matching: Matching) -> bool:
    if isinstance(one, Lookup):
        return not matching.on and not matching.labels and fixes_name(one.read.matchers)
    if not isinstance(one, Aggregate) or one.op not in _GROUPED or one.without:
        return False
    return matching.on and set(one.grouping) <= set(matching.labels)


def _narrow(node: PlanNode, matchers: Sequence[Matcher]) -> PlanNode:
    """Return a look-up with those of the matchers that it has not; any other node as it is."""
    if not isinstance(node, Lookup) or node.read.extension is not Extension.NONE:
        return node
    fresh = dict.fromkeys(matcher for matcher in matchers if matcher not in node.read.matchers)
    return replace(node, read=replace(node.read, matchers=(*node.read.matchers, *fresh))) if fresh else node


def _known(node: PlanNode) -> tuple[Matcher, ...]:
    """Return conditions that the labels of all rows of a vector fulfil."""
    names: set[bytes] | None = None
    while True:
        match node:
            case Read():
                return tuple(found for found in node.matchers if names is None or found.name in names)
            case Lookup():
                node = node.read
            case Window():
                node = node.source
            case Elementwise() | VectorScalar() | Sort():
                node = node.vector
            case Aggregate() if node.op in _GROUPED and not node.without:
                names = set(node.grouping) if names is None else names & set(node.grouping)
                node = node.vector
            case _:
                return ()


PROPAGATE_MATCHERS = Optimizer(
    "propagate matchers", "Matchers of one side of an operator narrow what is read for the other.", propagate_matchers,
    lambda census: census.has(Join, SetOperation),
)  # fmt: skip
