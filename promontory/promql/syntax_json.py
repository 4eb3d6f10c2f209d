"""The tree of a query as JSON, as Prometheus' parse_query answers it.

One object a node with its `type` and, by name, its parts: {"type":"parenExpr","expr":{…}}. Durations are in
milliseconds; a duration that is worked out stands beside them as a tree (`rangeExpr`). Written in a loop: a tree
may be as deep as its longest chain of operators, beyond what JSON libraries nest.
Source: the answers of Prometheus 3.14, documentation "HTTP API", "Parsing a PromQL expressions into an abstract
syntax tree (AST)".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

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


class _Raw(str):
    """JSON that is written as it stands."""


def write_syntax(root: Node) -> bytes:
    """Return the JSON of a query's tree."""
    written: list[str] = []
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _Raw):
            written.append(part)
        elif isinstance(part, str):
            written.append(json.dumps(_readable(part), ensure_ascii=False))
        elif isinstance(part, Mapping):
            waiting.extend(reversed(_object(part)))
        elif isinstance(part, list | tuple):
            waiting.extend(reversed(_list(part)))
        elif part is None or isinstance(part, bool | int | float):
            written.append(json.dumps(part))
        elif isinstance(part, DurationExpr):
            waiting.append(_duration(part))
        else:
            waiting.append(_node(part))  # type: ignore[arg-type]
    return "".join(written).encode()


def _object(members: Mapping[str, object]) -> list[object]:
    parts: list[object] = []
    for name, value in members.items():
        parts += [_Raw(f'{"," if parts else "{"}"{name}":'), value]
    return [*parts, _Raw("}")]


def _list(items: Sequence[object]) -> list[object]:
    commas = [part for item in items for part in (_Raw(","), item)]
    return [_Raw("["), *commas[1:], _Raw("]")]


def _node(node: Node) -> Mapping[str, object]:
    match node:
        case NumberLiteral():
            return {"type": "numberLiteral", "val": format_number(node.value)}
        case StringLiteral():
            return {"type": "stringLiteral", "val": node.text}
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
    return octets.decode(errors="surrogateescape")


def _readable(text: str) -> str:
    """Replace what is no UTF-8 by U+FFFD."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
