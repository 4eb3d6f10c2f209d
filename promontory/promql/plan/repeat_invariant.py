"""What is the same at all times is computed once.

    aggregate sum                          repeat
    └─ lookup x @ 1700000000               └─ aggregate sum
                                  →           └─ lookup x @ 1700000000

A subtree is invariant when each of its selectors has @ and nothing in it asks the time. The largest such subtrees
are put under Repeat, which evaluates them at the first time. Those without selectors cost nothing and stay.

An aggregation is as its vector is: as in Prometheus, a parameter that changes is taken at the first time over a
vector that does not.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from promontory.promql.plan.functions import DATE_FUNCTIONS
from promontory.promql.plan.nodes import (
    Aggregate,
    Clock,
    Constant,
    Elementwise,
    Extend,
    PlanNode,
    Read,
    Repeat,
    Resample,
    Sort,
    SortByLabel,
    Text,
    ToVector,
    Window,
)
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import plan_children, walk_nodes, with_children
from promontory.promql.plan.walk import walk_tree

ASKS_TIME = frozenset(["predict_linear"])


@dataclass(frozen=True, slots=True)
class _Found:
    node: PlanNode
    invariant: bool
    reads: bool

    @property
    def closed(self) -> PlanNode:
        """The node as it stands below one that is not invariant."""
        wrap = self.invariant and self.reads and not isinstance(self.node, Read | Resample | Extend | Repeat)
        return Repeat(self.node) if wrap else self.node


def repeat_invariant(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with invariant subtrees under Repeat."""
    found = walk_tree(_visit, root).closed
    count = sum(isinstance(node, Repeat) for node in walk_nodes(found))
    return Rewrite(found, (Note("{} computed at one time for all", (count,)),) if count else ())


def _visit(node: PlanNode) -> Generator[PlanNode, _Found, _Found]:
    found = []
    for _, child in plan_children(node):
        found.append((yield child))
    # Those that do not read are not the same once and at many times: an order is none then, and parameters change.
    reads = isinstance(node, Read | Sort | SortByLabel | Aggregate) or any(one.reads for one in found)
    match node:
        case Constant() | Text():
            invariant = True
        case Clock():
            invariant = False
        case Read():
            invariant = node.timing.at_ms is not None
        case Resample():
            # The inner expression has times of its own; what is outside looks at all of them.
            inner = with_children(node, [one.closed for one in found])
            return _Found(inner, node.timing.at_ms is not None, reads)
        case Window() if node.function in ASKS_TIME:
            invariant = False
        case Elementwise() if node.function in DATE_FUNCTIONS:
            invariant = False
        case Aggregate():
            invariant = found[0].invariant
        case _:
            invariant = all(one.invariant for one in found)
    if invariant:
        return _Found(with_children(node, [one.node for one in found]), invariant, reads)
    return _Found(with_children(node, [one.closed for one in found]), invariant, reads)


REPEAT_INVARIANT = Optimizer(
    "repeat invariant", "What is the same at all times is computed once.", repeat_invariant,
    lambda census: census.fixed or census.has(ToVector),
)  # fmt: skip
