"""Duration expressions and time functions get their values from the grid that a query runs on."""

from __future__ import annotations

import pytest

from promontory.errors import QueryError
from promontory.model.time_range import TimeGrid
from promontory.promql.durations import resolve_durations
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.printer import print_expr

GRID = TimeGrid(start_ms=1_000_000, end_ms=1_600_000, step_ms=60_000)
RESOLVED = {
    "foo[5m * 2]": "foo[10m]",
    "foo[step() * 4]": "foo[4m]",
    "rate(foo[range() / 2] offset -(1m + step()))": "rate(foo[5m] offset -2m)",
    "foo[2^3^2:1m+1.5]": "foo[8m32s:1m1s500ms]",
    "foo[-(1m - 3m)]": "foo[2m]",
    "foo[7m % 2m]": "foo[1m]",
    "foo offset min_of(1h, range())": "foo offset 10m",
    "foo offset +max_of(1h, range())": "foo offset 1h",
    "foo offset (5m) + 3": "foo offset 5m3s",
    "foo offset 5m + 3": "foo offset 5m + 3",
    "time() - start() + end() * step() - range()": "time() - 1000 + 1600 * 60 - 600",
    "sum_over_time(rate(foo[step()])[range() * 1:step()] offset (step()))":
        "sum_over_time(rate(foo[1m])[10m:1m] offset 1m)",
    "foo[" + "+".join(["1s"] * 3600) + "]": "foo[1h]",
}  # fmt: skip
WRONG = {
    "foo[step() - 1m]": "4:15: duration must be greater than 0",
    "foo[1m / (step() - step())]": "4:25: division by zero",
    "foo offset (1 % (step() * 0))": "12:27: modulo by zero",
    "foo[(-8) ^ 0.5]": "4:14: duration is NaN or infinite",
    "foo[1m:0 ^ 1]": "7:12: duration must be greater than 0",
    "foo offset (10 ^ 300)": "12:20: duration is out of range",
    "foo[10 ^ 400]": "4:12: duration is NaN or infinite",
}


@pytest.mark.parametrize(("query", "expected"), RESOLVED.items(), ids=lambda text: text[:50])
def test_an_expression_becomes_its_value(query: str, expected: str) -> None:
    node = parse_query(query, ParserOptions(ALL_FEATURES))
    assert print_expr(resolve_durations(node, GRID)) == expected


@pytest.mark.parametrize(("query", "message"), WRONG.items())
def test_an_expression_that_comes_to_no_duration_is_refused(query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        resolve_durations(parse_query(query), GRID)
    assert str(caught.value) == message


def test_a_query_without_any_is_left_alone() -> None:
    node = parse_query("sum(rate(foo[5m]))")
    assert resolve_durations(node, GRID) is node


def test_at_one_instant_the_step_function_is_zero() -> None:
    node = parse_query("step()", ParserOptions(ALL_FEATURES))
    assert print_expr(resolve_durations(node, TimeGrid(5, 5, 60_000))) == "0"
