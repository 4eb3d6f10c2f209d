"""Plans as text: the tree of what is computed."""

from __future__ import annotations

from promontory.promql.plan.node_text import print_node
from promontory.promql.plan.plan import Plan


def print_plan(plan: Plan) -> str:
    """Return the tree of a plan."""
    return print_node(plan.root)
