"""Histograms where names are dropped at once, the server's default; scripts run with names dropped at the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import ExecutionError
from promontory.model.result import QueryResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.testing.promqltest.database import Database
from promontory.testing.promqltest.queries import Query
from promontory.testing.promqltest.reading import read_script
from promontory.testing.promqltest.script import Load
from tests.promql.execution.database import rows_of

SERIES = """
load 1m
    h {{schema:0 count:8 sum:24 offset:1 buckets:[4 0 4]}}
    g {{schema:0 count:2 sum:NaN offset:1 buckets:[1]}}
    b{le="1"} 5
    b{le="2"} 3
    b{le="+Inf"} 6
    b{le="x"} 1
    typed{__type__="histogram"} {{count:8 sum:24 buckets:[8]}}
    both 1 {{count:1 sum:1 buckets:[1]}}
    both{le="+Inf"} _ 1
"""


def answer(text: str, time_ms: int = 0) -> QueryResult:
    with ThreadPoolExecutor(1) as pool:
        database = Database(pool)
        (load,) = read_script(SERIES)
        assert isinstance(load, Load)
        database.load(load)
        grid = TimeGrid(time_ms, time_ms, 0)
        plan = make_plan(Query.parse(text).node, grid, PlanOptions(text=text.encode()))
        execution = Execution(plan, database.context)
        for index, planned in enumerate(plan.selects):
            for part in execution.split(index, database.select(planned.selector)):
                execution.absorb(index, execution.prepare(index, part))
        return execution.finish()


@pytest.mark.parametrize(
    "call",
    ["histogram_count(%s)", "histogram_stddev(%s)", "histogram_quantile(0.5, %s)", "histogram_fraction(0, 1, %s)"],
)
def test_the_name_of_a_native_histogram_is_dropped(call: str) -> None:
    assert list(rows_of(answer(call % "h"))) == ["{}"]
    with pytest.raises(ExecutionError, match=r"^vector cannot contain metrics with the same labelset$"):
        answer(call % '{__name__=~"h|g"}')


@pytest.mark.parametrize(
    ("call", "left"),
    [
        ("histogram_count(typed)", '{__type__="histogram"}'),
        ('histogram_avg({__name__=~"typed|no"})', '{__type__="histogram"}'),
        ("histogram_quantile(0.5, typed)", "{}"),
        ("typed * 2 > bool 1", "{}"),
    ],
)
def test_simple_functions_of_histograms_leave_the_type(call: str, left: str) -> None:
    assert [row for row in rows_of(answer(call)) if row != left] == []


def test_absence_is_of_series_that_would_be_equal_without_their_names() -> None:
    assert rows_of(answer('absent_over_time({__name__=~"h|g"}[1m])')) == {}
    assert rows_of(answer('absent_over_time({__name__=~"no|none"}[1m])')) == {"{}": [1.0]}


def test_the_label_of_a_quantile_is_set_after_the_name_is_dropped() -> None:
    assert rows_of(answer('histogram_quantiles(h, "__name__", 0.25)')) == {'{__name__="0.25"}': [pytest.approx(2**0.5)]}


def test_annotations_no_longer_know_the_name() -> None:
    found = answer("histogram_quantile(0.5, b)")
    assert rows_of(found) == {"{}": [pytest.approx(0.6)]}
    assert found.annotations.warnings == (
        'PromQL warning: bucket label "le" is missing or has a malformed value of "x" (1:25)',
    )
    (forced,) = found.annotations.infos
    assert "#histogram_quantile), from buckets 2 to 2," in forced
    skewed = "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher (1:25)"
    assert answer("histogram_quantile(0.5, g)").annotations.infos == (skewed,)
    excluded = (
        "PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions (1:26)"
    )
    assert answer("histogram_fraction(0, 1, g)").annotations.infos == (excluded,)
    mixed = answer("histogram_quantile(0.5, both)", 60_000)
    assert rows_of(mixed) == {}
    assert mixed.annotations.warnings == (
        "PromQL warning: vector contains a mix of classic and native histograms (1:25)",
    )
