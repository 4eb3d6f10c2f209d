"""The tree of a query as JSON, as Prometheus' parse_query answers it.

One object a node with its `type` and, by name, its parts: {"type":"parenExpr","expr":{…}}. Durations are in
milliseconds; a duration that is worked out stands beside them as a tree (`rangeExpr`). Written in a loop: a tree
may be as deep as its longest chain of operators, beyond what JSON libraries nest.
Source: the answers of Prometheus 3.14, documentation "HTTP API", "Parsing a PromQL expressions into an abstract
syntax tree (AST)".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import orjson

from promontory.promql.functions import FUNCTIONS
from promontory.promql.nodes import (
    Aggregation,
    Binary,
    Call,
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
from promontory.promql.numbers import format_number
from promontory.promql.types import INTERNAL_WORDS

_NESTED = (*Node.__args__, DurationExpr)


_Part = Node | DurationExpr | str


def write_syntax(root: Node) -> bytes:
    """Return the JSON of a query's tree."""
    written: list[str] = []
    waiting: list[_Part] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            written.append(part)
        else:
            waiting.extend(reversed(_parts(part)))
    return "".join(written).encode()


def _parts(node: Node | DurationExpr) -> list[_Part]:
    """Return the JSON of a node, with the nodes inside it in their places."""
    parts: list[_Part] = []
    text = "{"
    for name, value in (_duration(node) if isinstance(node, DurationExpr) else _node(node)).items():
        text += f'"{name}":' if text == "{" else f',"{name}":'
        if isinstance(value, _NESTED):
            parts += [text, value]
            text = ""
        elif isinstance(value, tuple):
            commas: list[_Part] = [part for item in value for part in (",", item)]
            parts += [text + "[", *commas[1:]]
            text = "]"
        else:
            text += _as_json(value)
    return [*parts, text + "}"]


def _as_json(value: object) -> str:
    return orjson.dumps(value).decode()


def _node(node: Node) -> Mapping[str, object]:
    match node:
        case NumberLiteral():
            return {"type": "numberLiteral", "val": format_number(node.value)}
        case StringLiteral():
            return {"type": "stringLiteral", "val": _text(node.text.encode(errors="surrogateescape"))}
        case Paren():
            return {"type": "parenExpr", "expr": node.expr}
        case Unary():
            return {"type": "unaryExpr", "op": node.op, "expr": node.expr}
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(node)}
        case MatrixSelector():
            selected = _selector(node.selector)
            return {"type": "matrixSelector", **selected, "range": node.range_ms, "rangeExpr": node.range_expr}
        case Subquery():
            return {
                "type": "subquery", "expr": node.expr, "range": node.range_ms, "rangeExpr": node.range_expr,
                "step": node.step_ms, "stepExpr": node.step_expr, **_timing(node),
            }  # fmt: skip
        case Binary():
            return {
                "type": "binaryExpr", "op": node.op, "lhs": node.lhs, "rhs": node.rhs,
                "matching": None if node.matching is None else _matching(node.matching), "bool": node.return_bool,
            }  # fmt: skip
        case Aggregation():
            return {
                "type": "aggregation", "op": node.op, "expr": node.expr, "param": node.param,
                "grouping": _names(node.grouping), "without": node.without,
            }  # fmt: skip
        case Call():
            return {"type": "call", "func": _function(node.function), "args": node.args}


def _function(name: str) -> Mapping[str, object]:
    function = FUNCTIONS[name]
    return {
        "name": name,
        "argTypes": [INTERNAL_WORDS[found] for found in function.argument_types],
        "variadic": function.variadic,
        "returnType": INTERNAL_WORDS[function.return_type],
    }


def _selector(node: VectorSelector) -> Mapping[str, object]:
    matchers = [
        {"name": _text(matcher.name), "value": _text(matcher.value), "type": matcher.kind.value}
        for matcher in node.matchers
    ]
    return {
        "name": node.name, **_timing(node), "matchers": matchers,
        "anchored": node.anchored, "smoothed": node.smoothed,
    }  # fmt: skip


def _timing(node: VectorSelector | Subquery) -> Mapping[str, object]:
    return {
        "offset": node.offset_ms,
        "offsetExpr": node.offset_expr,
        "timestamp": node.at_ms,
        "startOrEnd": None if node.anchor is None else node.anchor.value,
    }


def _matching(matching: Matching) -> Mapping[str, object]:
    return {
        "card": matching.cardinality.value,
        "labels": _names(matching.labels),
        "on": matching.on,
        "include": _names(matching.include),
        "fillValues": {"lhs": _fill(matching.fill_left), "rhs": _fill(matching.fill_right)},
    }


def _fill(value: float | None) -> float | str | None:
    # JSON has no number for the others; Prometheus fails on them.
    return value if value is None or math.isfinite(value) else format_number(value)


def _duration(node: DurationExpr) -> Mapping[str, object]:
    sides = [_duration_literal(side) if isinstance(side, NumberLiteral) else side for side in (node.lhs, node.rhs)]
    return {"type": "durationExpr", "op": node.op, "lhs": sides[0], "rhs": sides[1], "wrapped": node.wrapped}


def _duration_literal(node: NumberLiteral) -> Mapping[str, object]:
    return {"type": "numberLiteral", "val": format_number(node.value), "duration": node.is_duration}


def _names(names: Sequence[bytes]) -> list[str]:
    return [_text(name) for name in names]


def _text(octets: bytes) -> str:
    return octets.decode(errors="replace")
