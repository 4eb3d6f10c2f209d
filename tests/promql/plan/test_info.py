"""What info() reads, as plans in text."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent

import pytest

from promontory.model.time_range import TimeGrid
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan


def reads(query: str) -> list[str]:
    """Return the lines of the plan that say what is read for info()."""
    plan = make_plan(
        parse_query(query, ParserOptions(ALL_FEATURES)), TimeGrid(1_000_000, 1_600_000, 60_000), PlanOptions()
    )
    lines = print_plan(plan).splitlines()
    return [after.strip() for line, after in pairwise(lines) if line.strip() == "info times"]


def test_info_series_are_one_more_select_beside_the_others() -> None:
    plan = make_plan(
        parse_query("info(rate(x[5m]))", ParserOptions(ALL_FEATURES)), TimeGrid(0, 60_000, 60_000), PlanOptions()
    )
    assert (
        print_plan(plan)
        == dedent(
            """
        info
          window rate
            read {__name__="x"}[5m]
          info times
            read {__name__="target_info"}[5m]
        """
        ).strip()
    )
    assert len(plan.selects) == 2


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("info(x)", '{__name__="target_info"}[5m]'),
        ('info(x, {v="1"})', '{__name__="target_info",v="1"}[5m]'),
        ('info(x, {__name__="build_info",v!=""})', '{__name__="build_info",v!=""}[5m]'),
        ('info(x, {__name__!="a"})', '{__name__=~".+_info",__name__!="a"}[5m]'),
        ('info(x, {__name__=~"a|b",__name__!="a"})', '{__name__=~"a|b",__name__!="a"}[5m]'),
    ],
)
def test_matchers_on_the_name_choose_the_info_metrics(query: str, read: str) -> None:
    assert reads(query) == [f"read {read}"]


@pytest.mark.parametrize(
    ("query", "when"),
    [
        ("info(x offset 1m)", " offset 60000ms"),
        ("info(x @ 500)", " @ 500.000"),
        ("info(x @ end() offset 1m)", " @ 1600.000 offset 60000ms"),
        ("info(sum_over_time(x[5m] offset 2m))", " offset 120000ms"),
        ("info(sum_over_time((x offset 1m)[5m:1m] offset 2m))", " offset 180000ms"),
        ("info(sum_over_time((x offset 1m)[5m:1m] @ 500 offset 2m))", " @ 500.000 offset 180000ms"),
        ("info(sum_over_time((x @ 400)[5m:1m] @ 500 offset 2m))", " @ 400.000"),
        ("info(sum_over_time(sum_over_time(x[5m:1m] @ 500)[9m:1m] offset 2m))", " @ 500.000"),
        ("info(topk(scalar(y offset 3m), x offset 1m))", " offset 60000ms"),
        ("info(x offset 1m + y offset 2m)", " offset 60000ms"),
        ("info(vector(1))", ""),
    ],
)
def test_the_first_selector_of_the_argument_says_when(query: str, when: str) -> None:
    assert reads(query) == [f'read {{__name__="target_info"}}[5m]{when}']
