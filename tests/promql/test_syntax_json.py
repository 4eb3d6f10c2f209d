"""The tree of a query as JSON, member by member as Prometheus 3.14 answers it."""

from __future__ import annotations

import json

import pytest

from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.syntax_json import write_syntax

OPTIONS = ParserOptions(ALL_FEATURES)
NAMED_X = [{"name": "__name__", "value": "x", "type": "="}]
SELECTOR = {
    "name": "x", "offset": 0, "offsetExpr": None, "matchers": NAMED_X, "timestamp": None, "startOrEnd": None,
    "anchored": False, "smoothed": False,
}  # fmt: skip
VECTOR = {"type": "vectorSelector", **SELECTOR}
FIVE_MINUTES = {"type": "numberLiteral", "val": "300", "duration": True}
TREES: dict[str, object] = {
    "x": VECTOR,
    'x{a!~"b"} @ 1.5 offset -1m': {
        **VECTOR, "offset": -60_000, "timestamp": 1500,
        "matchers": [{"name": "a", "value": "b", "type": "!~"}, *NAMED_X],
    },
    "x[5m] smoothed @ end()": {
        "type": "matrixSelector", **SELECTOR, "range": 300_000, "rangeExpr": None, "startOrEnd": "end",
        "smoothed": True,
    },
    "x[-5m * 2] offset (5m)": {
        "type": "matrixSelector", **SELECTOR, "range": 0,
        "rangeExpr": {
            "type": "durationExpr", "op": "*", "wrapped": False,
            "lhs": {"type": "numberLiteral", "val": "-300", "duration": True},
            "rhs": {"type": "numberLiteral", "val": "2", "duration": False},
        },
        "offsetExpr": {"type": "durationExpr", "op": "+", "lhs": None, "rhs": FIVE_MINUTES, "wrapped": True},
    },
    "x[5m:step()]": {
        "type": "subquery", "expr": VECTOR, "range": 300_000, "rangeExpr": None, "offset": 0, "offsetExpr": None,
        "step": 0, "stepExpr": {"type": "durationExpr", "op": "step", "lhs": None, "rhs": None, "wrapped": False},
        "timestamp": None, "startOrEnd": None,
    },
    "-(5e-7)": {
        "type": "unaryExpr", "op": "-",
        "expr": {"type": "parenExpr", "expr": {"type": "numberLiteral", "val": "0.0000005"}},
    },
    '"a\\xff"': {"type": "stringLiteral", "val": "a\ufffd"},
    "topk by (b) (Inf, x)": {
        "type": "aggregation", "op": "topk", "expr": VECTOR, "param": {"type": "numberLiteral", "val": "+Inf"},
        "grouping": ["b"], "without": False,
    },
    "sum without () (x)": {
        "type": "aggregation", "op": "sum", "expr": VECTOR, "param": None, "grouping": [], "without": True,
    },
    "round(x)": {
        "type": "call", "args": [VECTOR],
        "func": {"name": "round", "argTypes": ["vector", "scalar"], "variadic": 1, "returnType": "vector"},
    },
    "pi()": {
        "type": "call", "args": [], "func": {"name": "pi", "argTypes": [], "variadic": 0, "returnType": "scalar"},
    },
    "x > bool 1": {
        "type": "binaryExpr", "op": ">", "lhs": VECTOR, "rhs": {"type": "numberLiteral", "val": "1"},
        "matching": None, "bool": True,
    },
    "x * on (a) group_left (b) fill_left (0.5) x": {
        "type": "binaryExpr", "op": "*", "lhs": VECTOR, "rhs": VECTOR, "bool": False,
        "matching": {
            "card": "many-to-one", "labels": ["a"], "on": True, "include": ["b"],
            "fillValues": {"lhs": 0.5, "rhs": None},
        },
    },
    "x and x": {
        "type": "binaryExpr", "op": "and", "lhs": VECTOR, "rhs": VECTOR, "bool": False,
        "matching": {
            "card": "many-to-many", "labels": [], "on": False, "include": [], "fillValues": {"lhs": None, "rhs": None},
        },
    },
}  # fmt: skip


@pytest.mark.parametrize(("query", "tree"), TREES.items())
def test_a_query_is_answered_as_its_tree(query: str, tree: object) -> None:
    assert json.loads(write_syntax(parse_query(query, OPTIONS))) == tree


def test_a_chain_of_operators_is_a_tree_as_deep_as_it_is_long() -> None:
    answer = write_syntax(parse_query("+".join(["x"] * 2_000)))
    assert answer.count(b'"lhs":{"type":"binaryExpr"') == 1_998
    assert answer.count(b"{") == answer.count(b"}")
