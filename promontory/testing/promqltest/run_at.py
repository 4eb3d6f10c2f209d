"""Queries that must give the same at any time: `@` put on all that reads.

    sum(rate(x[5m]))  at 50m  ──►  sum(rate(x[5m] @ 3000.000))  at -500m, 0, 10m, 50m, 500m

A selector or subquery that has a time keeps it, and what is inside a subquery is left alone. Queries that ask for the
time of evaluation have no such form. Source: Prometheus 3.14, promql/promqltest/test.go, promql/functions.go.
"""

from __future__ import annotations

from dataclasses import replace

from promontory.promql.nodes import Call, Node, Subquery, VectorSelector, children, transform

ASKS_TIME = frozenset(
    ["days_in_month", "day_of_month", "day_of_week", "day_of_year", "end", "hour", "minute", "month", "year",
     "predict_linear", "range", "start", "step", "time", "timestamp"]
)  # fmt: skip


def fix_time(node: Node, time_ms: int) -> Node | None:
    """Return the query with `@ time_ms` wherever it names no time, None where it depends on the time itself."""
    if _asks_time(node):
        return None

    def fix(before: Node, after: Node) -> Node:
        match before:
            case Subquery():
                return replace(before, at_ms=time_ms, anchor=None) if before.at_ms is None else before
            case VectorSelector() if before.at_ms is None:
                return replace(before, at_ms=time_ms, anchor=None)
            case _:
                return after

    return transform(node, fix)


def other_times_ms(time_ms: int) -> list[int]:
    """Return the times at which a query with a fixed time is evaluated again."""
    if time_ms == 0:
        return [-1000, 0, 1000]
    return [-10 * time_ms, 0, time_ms // 5, time_ms, 10 * time_ms]


def _asks_time(root: Node) -> bool:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.function in ASKS_TIME:
            return True
        if not isinstance(node, Subquery):
            waiting.extend(children(node))
    return False
