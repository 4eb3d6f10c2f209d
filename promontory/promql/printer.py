"""The printer: nodes to query text on one line, as Prometheus prints it; parsing that gives the same query again.

Order is fixed: matchers sorted by their text, `@` before `anchored` before `offset`, `by` before the argument. What
has no effect is not printed: comments, a plus before a duration, `by ()`, the place of a modifier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from promontory.model.durations import format_duration
from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.quoting import quote_label_name, quote_text
from promontory.promql.nodes import (
    Aggregation,
    Anchor,
    Binary,
    Call,
    Cardinality,
    Duration,
    DurationExpr,
    Matching,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from promontory.promql.numbers import format_number, format_number_short
from promontory.promql.operators import ARITHMETIC

_ARITHMETIC = tuple(sorted(ARITHMETIC))
_OPEN_OFFSET = (" offset (", " offset --", " offset -+")
_OTHER_SUFFIXES = (" @ ", " anchored", " smoothed")
_GROUPED = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}


def print_expr(node: Node) -> str:
    """Return the text of a query. A loop: a tree may be as deep as its longest chain of operators."""
    text = ExpressionText()
    waiting: list[Node | str] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            text.write(part)
        else:
            waiting.extend(reversed(expression_parts(part)))
    return text.whole()


class ExpressionText:
    """The text of a query while it is written, part by part as `expression_parts` gives them."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self.characters = 0

    def write(self, part: str) -> None:
        """Add a part."""
        if not part:
            return
        if self._written and part.lstrip().startswith(_ARITHMETIC) and self._written[-1].startswith(_OPEN_OFFSET):
            self._close_offset()
        self._written.append(part)
        self.characters += len(part)

    def whole(self) -> str:
        """Return the text."""
        return "".join(self._written)

    def _close_offset(self) -> None:
        """Move an offset in parentheses before the other suffixes: an operator behind it would belong to it.

        In `x offset (5m) @ 1 + 3` the sum is of the selector, in `x @ 1 offset (5m) + 3`, as Prometheus prints it,
        of the offset.
        """
        written = self._written
        offset = written.pop()
        place = len(written)
        while written[place - 1].startswith(_OTHER_SUFFIXES):
            place -= 1
        written.insert(place, offset)


def expression_parts(node: Node) -> Sequence[Node | str]:
    """Return what a node is printed as on one line: text, and nodes in their places."""
    match node:
        case NumberLiteral():
            return (_number(node),)
        case StringLiteral():
            return (quote_text(node.text),)
        case VectorSelector():
            return (_selector(node), _at(node), _extended(node), _offset(node))
        case MatrixSelector():
            selector = node.selector
            span = _duration(node.range_ms, node.range_expr)
            return (_selector(selector), f"[{span}]", _extended(selector), _at(selector), _offset(selector))
        case Subquery():
            return (node.expr, *subquery_tail(node))
        case Unary():
            return (node.op, node.expr)
        case Paren():
            return ("(", node.expr, ")")
        case Binary():
            return (*left_parts(node), f" {binary_operator(node)} ", node.rhs)
        case Call():
            commas: list[Node | str] = [part for argument in node.args for part in (", ", argument)]
            return (node.function, "(", *commas[1:], ")")
        case Aggregation():
            parameter = () if node.param is None else (node.param, ", ")
            return (aggregation_head(node), "(", *parameter, node.expr, ")")


def subquery_tail(node: Subquery) -> Sequence[str]:
    """Return what stands behind the expression of a subquery."""
    span = _duration(node.range_ms, node.range_expr)
    step = _duration(node.step_ms, node.step_expr) if node.step_ms or node.step_expr else ""
    return (f"[{span}:{step}]", _at(node), _offset(node))


def binary_operator(node: Binary) -> str:
    """Return what stands between the sides of a binary operator."""
    return f"{node.op}{' bool' if node.return_bool else ''}{_matching(node.matching)}"


def aggregation_head(node: Aggregation) -> str:
    """Return what stands before the arguments of an aggregation."""
    return node.op + _grouping(node)


def left_parts(node: Binary) -> Sequence[Node | str]:
    """Return the left side of a binary operator; a sign before the base of a power would be one of the whole power."""
    base = node.lhs
    if node.op != "^" or not isinstance(base, NumberLiteral):
        return (base,)
    text = _number(base)
    return ("(", text, ")") if text.startswith("-") else (text.removeprefix("+"),)


def _number(node: NumberLiteral) -> str:
    if not node.is_duration:
        return format_number(node.value)
    # Written in whole milliseconds. Prometheus cuts instead of rounding and loses one now and then.
    return format_duration(round(node.value * 1000))


def _selector(node: VectorSelector) -> str:
    shown = sorted(print_matcher(matcher) for matcher in node.matchers if not _is_name(matcher, node.name))
    # Prometheus prints nothing for `{}` in info(x, {}), which it could not read again.
    return node.name + ("{" + ",".join(shown) + "}" if shown or not node.name else "")


def _is_name(matcher: Matcher, name: str) -> bool:
    is_equal = matcher.name == METRIC_NAME and matcher.kind is MatchKind.EQUAL
    return is_equal and matcher.value == name.encode() and name != ""


def print_matcher(matcher: Matcher) -> str:
    """Return a matcher as a query shows it, the label in quotes where it must be."""
    return f"{quote_label_name(matcher.name)}{matcher.kind.value}{quote_text(matcher.value)}"


def _at(node: VectorSelector | Subquery) -> str:
    if node.at_ms is not None:
        return f" @ {node.at_ms / 1000:.3f}"
    return "" if node.anchor is None else f" @ {'start()' if node.anchor is Anchor.START else 'end()'}"


def _extended(node: VectorSelector) -> str:
    return " anchored" if node.anchored else " smoothed" if node.smoothed else ""


def _offset(node: VectorSelector | Subquery) -> str:
    if node.offset_expr is None and node.offset_ms == 0:
        return ""
    return f" offset {_duration(node.offset_ms, node.offset_expr)}"


def _duration(duration_ms: int, expression: DurationExpr | None) -> str:
    return format_duration(duration_ms) if expression is None else _duration_expression(expression)


def _duration_expression(root: DurationExpr) -> str:
    written: list[str] = []
    waiting: list[Duration | str] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            written.append(part)
        elif isinstance(part, NumberLiteral):
            written.append(_number(part))
        else:
            waiting.extend(reversed(_duration_parts(part)))
    return "".join(written)


def _duration_parts(node: DurationExpr) -> list[Duration | str]:
    parts: list[Duration | str]
    if node.rhs is None:
        parts = [f"{node.op}()"]
    elif node.lhs is None:
        parts = ["-" if node.op == "-" else "", node.rhs]
    elif node.op in ("min_of", "max_of"):
        parts = [f"{node.op}(", node.lhs, ", ", node.rhs, ")"]
    else:
        parts = [node.lhs, f" {node.op} ", node.rhs]
    return ["(", *parts, ")"] if node.wrapped else parts


def _grouping(node: Aggregation) -> str:
    if not node.without and not node.grouping:
        return ""
    return f" {'without' if node.without else 'by'} ({_labels(node.grouping)}) "


def _labels(labels: tuple[bytes, ...]) -> str:
    return ", ".join(quote_label_name(label) for label in labels)


def _matching(matching: Matching | None) -> str:
    if matching is None:
        return ""
    text = ""
    grouped = _GROUPED.get(matching.cardinality)
    if matching.labels or matching.on or grouped:
        text += f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    if grouped:
        text += f" {grouped} ({_labels(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    # 0 and -0 are equal but not the same; Prometheus prints one for both.
    if left is not None and right is not None and repr(left) == repr(right) and not math.isnan(left):
        return f"{text} fill ({format_number_short(left)})"
    if left is not None:
        text += f" fill_left ({format_number_short(left)})"
    if right is not None:
        text += f" fill_right ({format_number_short(right)})"
    return text
