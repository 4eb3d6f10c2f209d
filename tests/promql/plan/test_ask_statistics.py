"""Where only counts and sums of histograms are read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from promontory.model.time_range import TimeGrid
from promontory.promql.parser import parse_query
from promontory.promql.plan.ask_statistics import ask_statistics
from promontory.promql.plan.nodes import PlanNode, Read
from promontory.promql.plan.optimizer import Conditions
from promontory.promql.plan.translate import translate
from promontory.promql.plan.tree import plan_children

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)


def reads_of(node: PlanNode) -> Iterator[Read]:
    if isinstance(node, Read):
        yield node
    for _, child in plan_children(node):
        yield from reads_of(child)


def asked(query: str) -> list[bool]:
    root = translate(parse_query(query), GRID, text=query.encode(), lookback_ms=300_000, subquery_step_ms=60_000)
    return [read.statistics for read in reads_of(ask_statistics(root, Conditions(GRID)).root)]


@pytest.mark.parametrize(
    "query",
    ["histogram_count(x)", "histogram_sum(sum(rate(x[5m])))", "histogram_avg(-x * 2)", "sum(histogram_count(x)) / 2"],
)
def test_buckets_are_not_needed_for_a_count_or_a_sum(query: str) -> None:
    assert asked(query) == [True]


@pytest.mark.parametrize(
    "query",
    [
        "x",
        "sum(x)",
        "histogram_stddev(x)",
        "histogram_quantile(0.9, x)",
        "histogram_fraction(0, 1, histogram_count(x))",
        "histogram_count(x </ 5)",
        "histogram_count(sum_over_time(x[5m:1m]))",
        "sum_over_time(histogram_count(x)[5m:1m])",
    ],
)
def test_buckets_stay_where_they_may_matter(query: str) -> None:
    assert asked(query) == [False]


def test_each_selector_is_judged_by_what_stands_above_it() -> None:
    assert asked("histogram_count(x) + histogram_quantile(0.5, y)") == [True, False]
