"""The type check: every operand, argument and modifier is of a kind that its place allows.

    SCALAR   numbers, time(), arithmetic between scalars        VECTOR   selectors, most functions, aggregations
    MATRIX   selectors with a range, subqueries                 STRING   string literals

Nodes are visited in the order in which they stand, so that of several mistakes the one is reported that Prometheus
reports. The walk is a loop: a tree may be as deep as its longest chain of operators.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from promontory.model.labels import METRIC_NAME
from promontory.model.quoting import quote_text
from promontory.promql.functions import FUNCTIONS, UNBOUNDED
from promontory.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
    children,
)
from promontory.promql.stream import query_error
from promontory.promql.tokens import SET_OPERATORS

COMPARISONS = frozenset(["==", "!=", "<=", "<", ">=", ">"])
_OPERAND_TYPES = frozenset([ValueType.SCALAR, ValueType.VECTOR])
_LABELS_ONLY = "expected label selectors only"
# In one message, and where it answers the tree of a query, Prometheus uses its internal words.
INTERNAL_WORDS = {
    ValueType.SCALAR: "scalar", ValueType.VECTOR: "vector", ValueType.MATRIX: "matrix", ValueType.STRING: "string",
}  # fmt: skip


def value_type(node: Node) -> ValueType:
    """Return the type of a checked expression. Costs the length of a chain only where all of it is scalar."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        while isinstance(current, Paren | Unary):
            current = current.expr
        if isinstance(current, Binary):
            waiting += (current.lhs, current.rhs) if isinstance(current.lhs, Binary) else (current.rhs, current.lhs)
        elif _leaf_type(current) is not ValueType.SCALAR:
            return _leaf_type(current) if current is _bare(node) else ValueType.VECTOR
    return ValueType.SCALAR


def _bare(node: Node) -> Node:
    while isinstance(node, Paren | Unary):
        node = node.expr
    return node


def _leaf_type(node: Node) -> ValueType:
    match node:
        case NumberLiteral():
            return ValueType.SCALAR
        case StringLiteral():
            return ValueType.STRING
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Call():
            return FUNCTIONS[node.function].return_type
        case _:
            return ValueType.VECTOR


@dataclass(slots=True)
class _Visit:
    """A node under check: its parts and the types of those that are done."""

    node: Node
    parts: tuple[Node, ...]
    types: list[ValueType] = field(default_factory=list)


def check_types(root: Node, query: bytes) -> ValueType:
    """Return the type of a parsed expression. Raises QueryError where a part is not of the kind that it must be."""
    return _Checker(query).run(root)


class _Checker:
    def __init__(self, query: bytes) -> None:
        self._query = query

    def run(self, root: Node) -> ValueType:
        visits = [self._begin(root)]
        while True:
            visit = visits[-1]
            if len(visit.types) < len(visit.parts):
                part = visit.parts[len(visit.types)]
                by_labels = isinstance(visit.node, Call) and visit.node.function == "info" and len(visit.types) == 1
                visits.append(self._begin(part, may_be_empty=by_labels))
                continue
            result = self._end(visits.pop())
            if not visits:
                return result
            visits[-1].types.append(result)
            self._accept_part(visits[-1])

    def _fail(self, offset: int, message: str) -> NoReturn:
        raise query_error(self._query, offset, message)

    def _begin(self, node: Node, *, may_be_empty: bool = False) -> _Visit:
        if isinstance(node, Call):
            self._check_call(node)
        elif isinstance(node, VectorSelector):
            self._check_selector(node, may_be_empty=may_be_empty)
        elif isinstance(node, Aggregation):
            return _Visit(node, (node.expr,) if node.param is None else (node.expr, node.param))
        return _Visit(node, children(node))

    def _accept_part(self, visit: _Visit) -> None:
        node, place = visit.node, len(visit.types) - 1
        found, part = visit.types[place], visit.parts[place]
        if isinstance(node, Call):
            types = FUNCTIONS[node.function].argument_types
            expected = types[min(place, len(types) - 1)]
            context = f"call to function {quote_text(node.function)}"
        elif isinstance(node, Aggregation):
            parameter = ValueType.STRING if node.op == "count_values" else ValueType.SCALAR
            expected = parameter if place else ValueType.VECTOR
            context = "aggregation parameter" if place else "aggregation expression"
        else:
            return
        if found is not expected:
            self._fail(part.span.start, f"expected type {expected.value} in {context}, got {found.value}")

    def _end(self, visit: _Visit) -> ValueType:
        node, types = visit.node, visit.types
        match node:
            case Binary():
                self._check_binary(node, types[0], types[1])
                scalar = types[0] is ValueType.SCALAR and types[1] is ValueType.SCALAR
                return ValueType.SCALAR if scalar else ValueType.VECTOR
            case Unary():
                if types[0] not in _OPERAND_TYPES:
                    self._fail(
                        node.span.start,
                        "unary expression only allowed on expressions of type scalar or instant vector, "
                        f'got "{types[0].value}"',
                    )
                return types[0]
            case Paren():
                return types[0]
            case Subquery():
                if types[0] is not ValueType.VECTOR:
                    found = INTERNAL_WORDS[types[0]]
                    self._fail(node.span.start, f"subquery is only allowed on instant vector, got {found} instead")
                return ValueType.MATRIX
            case _:
                return _leaf_type(node)

    def _check_binary(self, node: Binary, left: ValueType, right: ValueType) -> None:
        if node.return_bool and node.op not in COMPARISONS:
            self._fail(self._operator_offset(node), "bool modifier can only be used on comparison operators")
        scalars = left is ValueType.SCALAR and right is ValueType.SCALAR
        if node.op in COMPARISONS and not node.return_bool and scalars:
            self._fail(self._operator_offset(node), "comparisons between scalars must use BOOL modifier")
        matching = node.matching
        if matching and matching.on:
            included = frozenset(matching.include)
            for label in matching.labels:
                if label in included:
                    self._fail(
                        self._operator_offset(node),
                        f"label {quote_text(label)} must not occur in ON and GROUP clause at once",
                    )
        for side, found in ((node.lhs, left), (node.rhs, right)):
            if found not in _OPERAND_TYPES:
                self._fail(side.span.start, "binary expression must contain only scalar and instant vector types")
        start = node.span.start
        if matching and (left is not ValueType.VECTOR or right is not ValueType.VECTOR):
            if matching.labels:
                self._fail(start, "vector matching only allowed between instant vectors")
            self._fail(start, "filling in missing series only allowed between instant vectors")
        if matching and node.op in SET_OPERATORS:
            if matching.cardinality is not Cardinality.MANY_TO_MANY:
                self._fail(start, f'no grouping allowed for "{node.op}" operation')
            if matching.fill_left is not None or matching.fill_right is not None:
                self._fail(start, "filling in missing series not allowed for set operators")
        if ValueType.SCALAR in (left, right) and node.op in SET_OPERATORS:
            self._fail(start, f'set operator "{node.op}" not allowed in binary scalar expression')

    def _operator_offset(self, node: Binary) -> int:
        between = self._query[node.lhs.span.end :]
        return node.lhs.span.end + len(between) - len(between.lstrip(b" \t\n\r"))

    def _check_call(self, node: Call) -> None:
        function = FUNCTIONS[node.function]
        count, due = len(node.args), len(function.argument_types)
        least = due if function.variadic == 0 else due - 1
        most = None if function.variadic == UNBOUNDED else least + function.variadic
        if count < least or (most is not None and count > most):
            bound = least if count < least else most
            how = "" if function.variadic == 0 else "at least " if count < least else "at most "
            self._fail(
                node.span.start,
                f"expected {how}{bound} argument(s) in call to {quote_text(node.function)}, got {count}",
            )
        if node.function == "info" and count > 1:
            self._check_label_selectors(node)

    def _check_label_selectors(self, node: Call) -> None:
        selector = node.args[1]
        found = value_type(selector)
        if found is not ValueType.VECTOR:
            expected = ValueType.VECTOR.value
            self._fail(node.span.start, f'expected type {expected} in call to function "info", got {found.value}')
        if not isinstance(selector, VectorSelector):
            self._fail(selector.span.start, _LABELS_ONLY)
        if selector.name:
            self._fail(selector.span.start, f"{_LABELS_ONLY}, got vector selector instead")

    def _check_selector(self, node: VectorSelector, *, may_be_empty: bool) -> None:
        if node.name:
            for matcher in node.matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    names = f"{quote_text(node.name)} or {quote_text(matcher.value)}"
                    self._fail(node.span.start, f"metric name must not be set twice: {names}")
        elif not may_be_empty and all(matcher.matches_empty for matcher in node.matchers):
            self._fail(node.span.start, "vector selector must contain at least one non-empty matcher")
