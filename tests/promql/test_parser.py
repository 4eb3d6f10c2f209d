"""The parser: what queries become."""

from __future__ import annotations

import pytest

from promontory.errors import QueryError
from promontory.promql.nodes import Aggregation, Binary, Call, MatrixSelector, NumberLiteral, Subquery, VectorSelector
from promontory.promql.parser import parse_matchers, parse_query


def test_a_rate_over_a_selector_keeps_range_offset_and_spans() -> None:
    node = parse_query('sum by (job) (rate(http_requests_total{code=~"5.."}[5m] offset -1h))')
    assert isinstance(node, Aggregation)
    assert (node.op, node.grouping, node.without) == ("sum", (b"job",), False)
    assert isinstance(node.expr, Call)
    [matrix] = node.expr.args
    assert isinstance(matrix, MatrixSelector)
    assert (matrix.range_ms, matrix.selector.offset_ms) == (300_000, -3_600_000)
    assert (matrix.span.start, matrix.span.end) == (19, 66)
    assert [str(matcher) for matcher in matrix.selector.matchers] == ['code=~"5.."', '__name__="http_requests_total"']


def test_a_subquery_keeps_its_step_and_anchor() -> None:
    node = parse_query("up[1h:5m] @ end()")
    assert isinstance(node, Subquery)
    assert (node.range_ms, node.step_ms, node.anchor and node.anchor.value) == (3_600_000, 300_000, "end")


def test_a_sign_binds_weaker_than_a_power_and_folds_into_a_number() -> None:
    assert parse_query("-5m") == NumberLiteral(-300.0, parse_query("-5m").span, is_duration=True)
    node = parse_query("2 ^ -3 * x")
    assert isinstance(node, Binary)
    assert node.op == "*"


def test_columns_count_bytes_and_lines_count_newlines() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query('{a="é"} +\n rate(up)')
    assert caught.value.position == (2, 7)
    assert str(caught.value).startswith("2:7: parse error: expected type range vector")


def test_matchers_of_a_series_selector_come_without_the_selector() -> None:
    assert [str(matcher) for matcher in parse_matchers('up{job!="x"}')] == ['job!="x"', '__name__="up"']
    assert isinstance(parse_query("up"), VectorSelector)
