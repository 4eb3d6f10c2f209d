"""What is read once for several, and what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import Plan, PlanOptions, make_plan

GRID = TimeGrid(10_000_000, 20_000_000, 60_000)


def planned(query: str, options: PlanOptions | None = None, grid: TimeGrid = GRID) -> Plan:
    return make_plan(parse_query(query, ParserOptions(ALL_FEATURES)), grid, options or PlanOptions())


def count_of(query: str, **options: object) -> int:
    return len(planned(query, replace(PlanOptions(), **options)).selects)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query",
    [
        'x{a="1"} or x',
        'sum(x{a="1"}) / sum(x{b!="2"}) / count(x)',
        "rate(x[5m]) / rate(x[1h])",
        "x - x offset 5m",
        'max_over_time(x{a="1"}[30m]) - min_over_time(x[5m])',
        "x / max_over_time(x[5m:1m])",
        "sum(x) / count(x)",
    ],
)
def test_reads_of_the_same_series_are_one_select(query: str) -> None:
    assert count_of(query) == 1


@pytest.mark.parametrize(
    "query",
    [
        'x{a="1"} or x{a="2"}',
        "x or y",
        "x - x offset 1d",
        '{__name__=~"x.*",a="1"} or {__name__=~"x.*"}',  # names may be gone when rows are chosen
    ],
)
def test_others_are_read_apart(query: str) -> None:
    assert count_of(query) == 2


def test_little_is_fed_in_vain() -> None:
    instant = TimeGrid(10_000_000, 10_000_000, 0)
    assert len(planned("x / max_over_time(x[1h])", grid=instant).selects) == 1
    assert len(planned("x / max_over_time(x[30d])", grid=instant).selects) == 2


def test_the_range_of_one_select_holds_all_windows() -> None:
    (select,) = planned("rate(x[5m]) / rate(x[1h] offset 1m)").selects
    assert select.selector.time_range == TimeRange(10_000_000 - 60_000 - 3_600_000 + 1, 19_960_000)


def test_replicas_are_followed_from_where_each_window_begins() -> None:
    replicas = (b"replica",)
    assert count_of("rate(x[5m]) / rate(x[1h])", replica_labels=replicas) == 2
    assert count_of('x{a="1"} or x', replica_labels=replicas) == 1
    assert count_of('x{replica="1"} or x', replica_labels=replicas) == 2


def test_aggregates_of_downsampled_blocks_are_those_of_the_function() -> None:
    assert count_of("max_over_time(x[1h]) - min_over_time(x[1h])", downsampled=True) == 2
    assert count_of('rate(x{a="1"}[1h]) / rate(x[1h])', downsampled=True) == 1
    assert count_of("rate(x[1h]) / rate(x[2h])", downsampled=True) == 2


def test_counters_that_say_when_they_began_are_asked_from_where_each_window_begins() -> None:
    assert count_of("rate(x[5m]) / rate(x[1h])", start_timestamps=True) == 2


def test_many_selects_are_planned_and_their_equals_found() -> None:
    selectors = [f'x{{a="{place}"}}' for place in range(900)]
    assert len(planned(" or ".join([*selectors, *selectors])).selects) == 900
