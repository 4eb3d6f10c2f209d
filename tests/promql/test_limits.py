"""What is bounded in a query, at the bound and one beyond."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promontory.errors import QueryError
from promontory.promql.parser import parse_query

# How a query of so many is made, how many may be, and what is said to one more.
BOUNDS: dict[str, tuple[Callable[[int], str], int, str]] = {
    "bytes": (
        lambda count: "a" * count, 65_536,
        "1:1: parse error: query is 65537 bytes long, more than the limit of 65536",
    ),
    "levels": (
        lambda count: "(" * count + "1" + ")" * count, 100,
        "1:101: parse error: expression is nested more than 100 levels deep",
    ),
    "levels of calls": (
        lambda count: "abs(" * count + "a" + ")" * count, 100,
        "1:404: parse error: expression is nested more than 100 levels deep",
    ),
    "operators": (
        lambda count: "1" + "+1" * count, 5_000, "1:10002: parse error: expression has more than 5000 operators",
    ),
    "signs": (lambda count: "-" * count + "a", 5_000, "1:5001: parse error: expression has more than 5000 operators"),
    "parentheses": (
        lambda count: "+".join(["(((1)))"] * (count // 3) + ["(1)"] * (count % 3)), 5_000,
        "1:13331: parse error: expression has more than 5000 pairs of parentheses",
    ),
    "selectors": (
        lambda count: "+".join(["a"] * count), 2_000,
        "1:4001: parse error: expression has more than 2000 selectors",
    ),
    "arguments": (
        lambda count: 'label_join(a, "b", ""' + ', ""' * (count - 2) + ")", 10_000,
        "1:40014: parse error: expression has more than 10000 arguments",
    ),
    "regexes together": (
        lambda count: "a{" + ",".join(['b=~"a{1000}"'] * count) + "}", 100,
        "1:1303: parse error: error parsing regexp: the regular expressions of the query are too large together",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "most", "message"), BOUNDS.values(), ids=BOUNDS.keys())
def test_one_beyond_the_bound_is_refused(make: Callable[[int], str], most: int, message: str) -> None:
    parse_query(make(most))
    with pytest.raises(QueryError) as raised:
        parse_query(make(most + 1))
    assert str(raised.value) == message


def test_regexes_of_label_replace_count_too() -> None:
    regex = "(?:a{500}){2}"
    text = "a"
    for _ in range(98):
        text = f'label_replace({text}, "b", "", "c", "{regex}")'
    parse_query(text)
    with pytest.raises(QueryError, match="too large together"):
        parse_query(f"{text} + {text}")
