"""Malformed queries get the message and position of Prometheus 3.14, whose own parser gave wrong_queries.json.

Rows are [query, features, message]; features `stable` is the server's default, `all` every language flag.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promontory.errors import QueryError
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_matchers, parse_query

ROWS: list[tuple[str, str, str]] = json.loads((Path(__file__).parent / "wrong_queries.json").read_text())
FEATURES = {"stable": frozenset[str](), "all": ALL_FEATURES}

WRONG_SELECTORS = {
    "": "unknown position: parse error: unexpected end of input",
    "foo bar": '1:5: parse error: unexpected identifier "bar"',
    "foo[5m]": '1:4: parse error: unexpected "["',
    "sum(foo)": '1:4: parse error: unexpected "("',
    "foo offset 5m": "1:5: parse error: unexpected <offset>",
    '{a="b"': "1:7: parse error: unexpected end of input inside braces",
    "1": '1:1: parse error: unexpected number "1"',
}
DIFFERENT_BY_CHOICE = {
    # Prometheus lets NaN through as a duration; what comes of it depends on the CPU.
    "foo offset NaN": "1:12: parse error: duration out of range",
    "(" * 101 + "1" + ")" * 101: "1:101: parse error: expression is nested more than 100 levels deep",
    "1" + "+1" * 5001: "1:10002: parse error: expression has more than 5000 operators",
    "a" * 65_537: "1:1: parse error: query is 65537 bytes long, more than the limit of 65536",
}


@pytest.mark.parametrize(("query", "features", "message"), ROWS, ids=[f"{row[0]!a} ({row[1]})" for row in ROWS])
def test_a_malformed_query_gets_prometheus_message(query: str, features: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query, ParserOptions(FEATURES[features]))
    assert str(caught.value) == message


@pytest.mark.parametrize(("selector", "message"), WRONG_SELECTORS.items())
def test_a_malformed_series_selector_gets_prometheus_message(selector: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_matchers(selector)
    assert str(caught.value) == message


@pytest.mark.parametrize(("query", "message"), DIFFERENT_BY_CHOICE.items(), ids=lambda text: text[:30])
def test_where_we_bound_what_prometheus_does_not_the_message_names_the_bound(query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert str(caught.value) == message
