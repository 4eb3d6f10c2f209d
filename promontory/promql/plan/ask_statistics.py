"""Where only counts and sums of histograms are asked for, their buckets go as soon as resets were found by them.

    map histogram_count                    map histogram_count
      window increase               →        window increase
        read {x}[5m]                           read {x}[5m] statistics

Below a subquery, a trim or a function that needs buckets they stay. The answer is the same but for annotations: a
reset that was found by its buckets is said to be one, and custom bounds can no longer differ.

Source: Prometheus 3.14, promql/engine.go, detectHistogramStatsDecoding.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from enum import Enum

from promontory.promql.plan.arithmetic import TRIMS
from promontory.promql.plan.nodes import (
    Elementwise,
    HistogramFraction,
    HistogramQuantile,
    Join,
    PlanNode,
    Read,
    Resample,
    VectorScalar,
)
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import plan_children, with_children
from promontory.promql.plan.walk import walk_tree

STATISTICS = frozenset(["histogram_avg", "histogram_count", "histogram_sum"])


class _Above(Enum):
    """What stands above a node."""

    NOTHING = 0
    STATISTICS = 1
    BUCKETS = 2


Asked = tuple[PlanNode, _Above]


def ask_statistics(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with the reads marked of which only statistics are used."""
    notes: list[Note] = []

    def visit(asked: Asked) -> Generator[Asked, PlanNode, PlanNode]:
        node, above = asked
        if isinstance(node, Read):
            if above is not _Above.STATISTICS:
                return node
            notes.append(Note("{} without buckets", (node,)))
            return replace(node, statistics=True)
        if above is not _Above.BUCKETS:
            above = _asks(node) or above
        children = []
        for _, child in plan_children(node):
            children.append((yield child, above))
        return with_children(node, children)

    return Rewrite(walk_tree(visit, (root, _Above.NOTHING)), tuple(notes))


def _asks(node: PlanNode) -> _Above | None:
    match node:
        case Resample() | HistogramQuantile() | HistogramFraction():
            return _Above.BUCKETS
        case VectorScalar() | Join() if node.op in TRIMS:
            return _Above.BUCKETS
        case Elementwise() if node.function in STATISTICS:
            return _Above.STATISTICS
        case _:
            return None


ASK_STATISTICS = Optimizer(
    "ask statistics", "Buckets go where only counts and sums of histograms are asked for.", ask_statistics,
    lambda census: census.has(Elementwise),
)  # fmt: skip
