"""Scalars that are known now are computed now.

(x)                                   (x)
├─ up                        →        ├─ up
└─ scalar *                           └─ 86400
   ├─ 24
   └─ 3600
"""

from __future__ import annotations

from collections.abc import Generator

from promontory.promql.plan.arithmetic import operate_scalars
from promontory.promql.plan.nodes import Constant, PlanNode, ScalarOperation, plan_children, with_children
from promontory.promql.plan.walk import walk_tree


def fold_constants(root: PlanNode) -> PlanNode:
    """Return the plan with operations between constants replaced by their result."""
    return walk_tree(_fold, root)


def _fold(node: PlanNode) -> Generator[PlanNode, PlanNode, PlanNode]:
    children = []
    for _, child in plan_children(node):
        children.append((yield child))
    node = with_children(node, children)
    if isinstance(node, ScalarOperation) and isinstance(node.left, Constant) and isinstance(node.right, Constant):
        return Constant(operate_scalars(node.op, node.left.value, node.right.value))
    return node
