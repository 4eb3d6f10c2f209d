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
from promontory.promql.plan.nodes import Constant, PlanNode, ScalarOperation
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import plan_children, with_children
from promontory.promql.plan.walk import walk_tree


def fold_constants(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with operations between constants replaced by their result."""
    notes: list[Note] = []

    def fold(node: PlanNode) -> Generator[PlanNode, PlanNode, PlanNode]:
        children = []
        for _, child in plan_children(node):
            children.append((yield child))
        node = with_children(node, children)
        if isinstance(node, ScalarOperation) and isinstance(node.left, Constant) and isinstance(node.right, Constant):
            folded = Constant(operate_scalars(node.op, node.left.value, node.right.value))
            notes.append(Note("{} {} {} is {}", (node.left, node.op, node.right, folded)))
            return folded
        return node

    return Rewrite(walk_tree(fold, root), tuple(notes))


FOLD_CONSTANTS = Optimizer(
    "fold constants", "Scalars that are known now are computed now.", fold_constants,
    lambda census: census.has(ScalarOperation),
)  # fmt: skip
