"""Which labels matter is told to what is read.

    aggregate sum by (job)              aggregate sum by (job)
      window rate                 →       window rate
        read {__name__="x"}[5m]             read {__name__="x"}[5m] needs (__name__, job)

An aggregation asks for its grouping, `and` and `unless` ask of their right side what they match on, scalar() and
absent() for none. A row keeps all labels where it may be shown: in an answer, and in the errors of operators between
vectors. So do rows that functions tell apart by labels, and series whose name is not fixed: without it two may be one.
"""

from __future__ import annotations

from dataclasses import replace

from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import fixes_name
from promontory.model.selector import Projection
from promontory.promql.nodes import Matching
from promontory.promql.plan.nodes import (
    Absent,
    Aggregate,
    Elementwise,
    Lookup,
    PlanNode,
    Read,
    Repeat,
    Resample,
    SetOperation,
    ToScalar,
    VectorScalar,
    Window,
)
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import plan_children, replace_reads

# These give rows of their vector.
_SELECTIONS = frozenset(["bottomk", "limit_ratio", "limitk", "topk"])
_NONE = Projection((), by=True)
_NAME = Projection((METRIC_NAME,), by=True)
Needed = Projection | None


def project_labels(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with the labels that matter on its reads."""
    fresh: dict[int, Read] = {}
    waiting: list[tuple[PlanNode, Needed]] = [(root, None)]
    while waiting:
        node, needed = waiting.pop()
        if isinstance(node, Read):
            if needed is not None and fixes_name(node.matchers):
                fresh[id(node)] = replace(node, projection=join_projections(needed, _NAME))
            continue
        below = _needs(node, needed)
        children = [child for _, child in plan_children(node)]
        waiting += [
            (children[place], below[place] if place < len(below) else None) for place in reversed(range(len(children)))
        ]
    notes = tuple(Note("{} needs {}", (read, read.projection)) for read in fresh.values())
    return Rewrite(replace_reads(root, fresh), notes)


def _needs(node: PlanNode, needed: Needed) -> tuple[Needed, ...]:
    """Return which labels a node needs of its vectors where `needed` are those that are needed of it."""
    match node:
        case Lookup() | Window() | Resample() | Elementwise() | VectorScalar() | Repeat():
            return (needed,)
        case Aggregate() if node.op not in _SELECTIONS:
            return (Projection(tuple(sorted(set(node.grouping))), by=not node.without),)
        case SetOperation():
            matched = _matched(node.matching)
            left = join_projections(needed, matched)
            return (left, left if node.op == "or" else matched)
        case ToScalar() | Absent():
            return (_NONE,)
        case _:
            return ()


def _matched(matching: Matching) -> Projection:
    return Projection(tuple(sorted(set(matching.labels))), by=matching.on)


def join_projections(one: Needed, other: Needed) -> Needed:
    """Return the labels that matter to either."""
    if one is None or other is None:
        return None
    if one.by and other.by:
        return Projection(tuple(sorted({*one.labels, *other.labels})), by=True)
    if not one.by and not other.by:
        return Projection(tuple(sorted({*one.labels} & {*other.labels})), by=False)
    chosen, left_out = (one, other) if one.by else (other, one)
    return Projection(tuple(sorted({*left_out.labels} - {*chosen.labels})), by=False)


PROJECT_LABELS = Optimizer(
    "project labels", "What is read is told which labels matter.", project_labels,
    lambda census: census.has(Aggregate, SetOperation, ToScalar, Absent),
)  # fmt: skip
