"""Putting in what a query knows only when it runs: duration expressions, start(), end(), range() and step().

    rate(up[step() * 4])            over a step of 1m      rate(up[4m])
    time() - start()                from 1700000000        time() - 1700000000

A duration is worked out in seconds as a float and cut to milliseconds. The error texts are Prometheus', which names
bytes `start:end` there, not line and column.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from promontory.errors import QueryError
from promontory.model.time_range import TimeGrid
from promontory.promql.nodes import (
    Call,
    Duration,
    DurationExpr,
    MatrixSelector,
    Node,
    NumberLiteral,
    Subquery,
    VectorSelector,
    transform,
    walk,
)

MAX_DURATION_S = 2**63 / 1e9
_TIME_FUNCTIONS = frozenset(["start", "end", "range", "step"])


def resolve_durations(root: Node, grid: TimeGrid) -> Node:
    """Return the query with its duration expressions and time functions replaced by their values on a grid.

    Raises QueryError where a range or step comes to nothing, or a duration to what is none.
    """
    resolved = {id(node): _resolved(node, grid) for node in walk(root) if _is_open(node)}
    if not resolved:
        return root
    return transform(root, lambda before, after: _merged(after, resolved.get(id(before))))


def is_timeless(root: Node) -> bool:
    """Say whether no duration expression and no time function stands in a query."""
    return not any(_is_open(node) for node in walk(root))


def _is_open(node: Node) -> bool:
    match node:
        case VectorSelector():
            return node.offset_expr is not None
        case MatrixSelector():
            return node.range_expr is not None
        case Subquery():
            return not (node.offset_expr is None and node.range_expr is None and node.step_expr is None)
        case Call():
            return node.function in _TIME_FUNCTIONS
        case _:
            return False


def _merged(after: Node, resolved: Node | None) -> Node:
    """Return the resolved node with the parts that were resolved below it."""
    match resolved:
        case None:
            return after
        case MatrixSelector():
            assert isinstance(after, MatrixSelector)
            return replace(resolved, selector=after.selector)
        case Subquery():
            assert isinstance(after, Subquery)
            return replace(resolved, expr=after.expr)
        case _:
            return resolved


def _resolved(node: Node, grid: TimeGrid) -> Node:
    match node:
        case VectorSelector(offset_expr=DurationExpr() as offset):
            return replace(node, offset_ms=_value_ms(offset, grid), offset_expr=None)
        case MatrixSelector(range_expr=DurationExpr() as span):
            return replace(node, range_ms=_positive_ms(span, grid), range_expr=None)
        case Subquery():
            return replace(
                node,
                offset_ms=_value_ms(node.offset_expr, grid) if node.offset_expr else node.offset_ms,
                step_ms=_positive_ms(node.step_expr, grid) if node.step_expr else node.step_ms,
                range_ms=_positive_ms(node.range_expr, grid) if node.range_expr else node.range_ms,
                offset_expr=None,
                step_expr=None,
                range_expr=None,
            )
        case Call():
            return NumberLiteral(_time_value(node.function, grid), node.span)
        case _:
            return node


def _time_value(function: str, grid: TimeGrid) -> float:
    match function:
        case "start":
            return grid.start_ms / 1000
        case "end":
            return grid.end_ms / 1000
        case "range":
            return (grid.end_ms - grid.start_ms) / 1000
        case _:
            return 0.0 if grid.start_ms == grid.end_ms else grid.step_ms / 1000


def _positive_ms(expression: DurationExpr, grid: TimeGrid) -> int:
    return _value_ms(expression, grid, positive=True)


def _value_ms(expression: DurationExpr, grid: TimeGrid, *, positive: bool = False) -> int:
    value_s = _evaluate(expression, grid)
    if not math.isfinite(value_s):
        raise _error(expression, "duration is NaN or infinite")
    if positive and value_s <= 0:
        raise _error(expression, "duration must be greater than 0")
    if abs(value_s) > MAX_DURATION_S:
        raise _error(expression, "duration is out of range")
    return int(value_s * 1000)


def _error(expression: DurationExpr, message: str) -> QueryError:
    start, end = expression.span.start, expression.span.end
    if expression.lhs is not None and expression.rhs is not None:
        start, end = expression.lhs.span.start, expression.rhs.span.end
    return QueryError(f"{start}:{end}: {message}")


def _evaluate(root: DurationExpr, grid: TimeGrid) -> float:
    """Return the seconds; a loop, as a chain of operators may be long."""
    values: list[float] = []
    waiting: list[tuple[Duration, bool]] = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if isinstance(node, NumberLiteral):
            values.append(node.value)
        elif ready:
            rhs = values.pop() if node.rhs is not None else 0.0
            lhs = values.pop() if node.lhs is not None else 0.0
            values.append(_apply(node, lhs, rhs, grid))
        else:
            waiting.append((node, True))
            waiting.extend((side, False) for side in (node.rhs, node.lhs) if side is not None)
    return values.pop()


def _apply(node: DurationExpr, lhs: float, rhs: float, grid: TimeGrid) -> float:
    if node.op == "step":
        return grid.step_ms / 1000
    if node.op == "range":
        return (grid.end_ms - grid.start_ms) / 1000
    if node.op in "/%" and rhs == 0:
        raise _error(node, "division by zero" if node.op == "/" else "modulo by zero")
    return _ARITHMETIC[node.op](lhs, rhs)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan if base else math.inf


def _remainder(dividend: float, divisor: float) -> float:
    return math.nan if math.isinf(dividend) else math.fmod(dividend, divisor)


def _least(lhs: float, rhs: float) -> float:
    return math.nan if math.isnan(lhs) or math.isnan(rhs) else min(lhs, rhs)


def _greatest(lhs: float, rhs: float) -> float:
    return math.nan if math.isnan(lhs) or math.isnan(rhs) else max(lhs, rhs)


# A unary sign has 0 on its left.
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda lhs, rhs: lhs + rhs,
    "-": lambda lhs, rhs: lhs - rhs,
    "*": lambda lhs, rhs: lhs * rhs,
    "/": lambda lhs, rhs: lhs / rhs,
    "%": _remainder,
    "^": _power,
    "min_of": _least,
    "max_of": _greatest,
}
