"""The order of matchers, as plans in text."""

from __future__ import annotations

import pytest

from promontory.model.time_range import TimeGrid
from promontory.promql.parser import parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ('{a!="1",a!="1",__name__="x"}', '{__name__="x",a!="1"}'),
        ('x{d!~"4",c=~"3",b="",a="1"}', '{__name__="x",a="1",c=~"3",b="",d!~"4"}'),
        ('x{b="2",a="1"}', '{__name__="x",a="1",b="2"}'),
    ],
)
def test_matchers_that_leave_few_series_come_first_and_each_once(query: str, read: str) -> None:
    assert print_plan(make_plan(parse_query(query), GRID, PlanOptions())).splitlines()[1].strip() == f"read {read}[5m]"


def test_what_contradicts_itself_is_not_read() -> None:
    plan = make_plan(parse_query('x{a="1",a="2"} or y'), GRID, PlanOptions())
    assert [select.selector.matchers[0].value for select in plan.selects] == [b"y"]
