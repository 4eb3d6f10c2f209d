"""Plans as text, and what they read."""

from __future__ import annotations

from textwrap import dedent

import pytest

from promontory.errors import ExecutionError
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.parser import ParserOptions, parse_query
from promontory.promql.plan.fold_constants import FOLD_CONSTANTS
from promontory.promql.plan.node_text import print_node
from promontory.promql.plan.nodes import PlanNode
from promontory.promql.plan.optimizer import Conditions, Optimizer
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan
from promontory.promql.plan.repeat_invariant import REPEAT_INVARIANT
from promontory.promql.plan.translate import translate

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)
EXTENDED = ParserOptions(features=frozenset(["promql-extended-range-selectors"]))


def as_it_stands(query: str) -> PlanNode:
    return translate(parse_query(query), GRID, text=query.encode(), lookback_ms=300_000, subquery_step_ms=60_000)


def text(block: str) -> str:
    return dedent(block).strip()


def test_a_plan_prints_as_a_tree() -> None:
    plan = make_plan(parse_query("sum by (job) (rate(x_total[5m])) / scalar(y)"), GRID, PlanOptions())
    assert print_plan(plan) == text(
        """
        with scalar /
          aggregate sum by (job)
            window rate
              read {__name__="x_total"}[5m]
          to scalar
            lookup
              read {__name__="y"}[5m]
        """
    )


@pytest.mark.parametrize(
    ("optimizer", "query", "before", "after"),
    [
        (
            FOLD_CONSTANTS, "x * (24 * 3600)",
            """
            with scalar *
              lookup
                read {__name__="x"}[5m]
              scalar *
                24
                3600
            """,
            """
            with scalar *
              lookup
                read {__name__="x"}[5m]
              86400
            """,
        ),
        (
            REPEAT_INVARIANT, "sum(x @ 500) + time()",
            """
            with scalar +
              aggregate sum by ()
                lookup
                  read {__name__="x"}[5m] @ 500.000
              time
            """,
            """
            with scalar +
              repeat
                aggregate sum by ()
                  lookup
                    read {__name__="x"}[5m] @ 500.000
              time
            """,
        ),
        (
            REPEAT_INVARIANT, "predict_linear(x[5m] @ 500, 60)",
            """
            window predict_linear
              read {__name__="x"}[5m] @ 500.000
              60
            """,
            """
            window predict_linear
              read {__name__="x"}[5m] @ 500.000
              60
            """,
        ),
        (
            REPEAT_INVARIANT, "max_over_time(abs(x @ 500)[10m:1m])",
            """
            window max_over_time
              resample [10m:1m]
                map abs
                  lookup
                    read {__name__="x"}[5m] @ 500.000
            """,
            """
            window max_over_time
              resample [10m:1m]
                repeat
                  map abs
                    lookup
                      read {__name__="x"}[5m] @ 500.000
            """,
        ),
    ],
)  # fmt: skip
def test_an_optimizer_changes_the_plan_and_nothing_else(
    optimizer: Optimizer, query: str, before: str, after: str
) -> None:
    plan = as_it_stands(query)
    assert print_node(plan) == text(before)
    assert print_node(optimizer.rewrite(plan, Conditions(GRID)).root) == text(after)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("x", 700_001, 1_600_000),
        ("rate(x[10m])", 400_001, 1_600_000),
        ("x offset 1m", 640_001, 1_540_000),
        ("x @ 500", 200_001, 500_000),
        ("x @ start() offset -1m", 760_001, 1_060_000),
        ("max_over_time(x[10m:1m])", 120_001, 1_560_000),
        ("max_over_time(rate(x[2m])[10m:7s] offset 1m)", 223_001, 1_540_000),
    ],
)
def test_a_select_reads_what_any_step_can_see(query: str, first: int, last: int) -> None:
    (select,) = make_plan(parse_query(query), GRID, PlanOptions()).selects
    found = select.selector.time_range
    assert found.min_time_ms == first
    assert found.max_time_ms <= last
    assert found.max_time_ms > last - 60_000


def test_equal_selectors_are_read_once_and_others_apart() -> None:
    plan = make_plan(parse_query("sum(x) / sum(x) + sum(x offset 1h)"), GRID, PlanOptions())
    assert [select.selector.time_range for select in plan.selects] == [
        TimeRange(700_001, 1_600_000), TimeRange(-2_899_999, -2_000_000)
    ]  # fmt: skip


def test_a_select_says_what_is_done_with_it() -> None:
    folded, windowed = (
        make_plan(parse_query(query), GRID, PlanOptions()).selects[0].selector
        for query in ("sum by (job) (x)", "rate(x[2m])")
    )
    assert (folded.function, folded.grouping, folded.grouping_by, folded.range_ms) == ("sum", (b"job",), True, 0)
    assert (windowed.function, windowed.range_ms, windowed.step_ms) == ("rate", 120_000, 60_000)


def test_a_chain_of_thousands_of_operators_is_planned() -> None:
    plan = make_plan(parse_query(" + ".join(["x"] * 2_000)), GRID, PlanOptions())
    assert len(plan.selects) == 1


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("rate(x[2m])", 880_001, 1_600_000),
        ("rate(x[2m] anchored)", 580_001, 1_600_000),
        ("rate(x[2m] smoothed)", 580_001, 1_900_000),
        ("x smoothed", 700_001, 1_900_000),
        ("x anchored", 700_001, 1_600_000),
        ("rate(x[2m] smoothed @ 1000 offset 1m)", 520_001, 1_240_000),
    ],
)
def test_extended_selectors_read_beyond_their_windows(query: str, first: int, last: int) -> None:
    plan = make_plan(parse_query(query, EXTENDED), GRID, PlanOptions())
    assert [select.selector.time_range for select in plan.selects] == [TimeRange(first, last)]


def test_an_extended_range_gets_its_edges_where_it_is_shown() -> None:
    plan = make_plan(parse_query("x[2m] anchored", EXTENDED), TimeGrid(0, 0, 0), PlanOptions())
    assert print_plan(plan) == text(
        """
        extend
          read {__name__="x"}[2m] anchored
        """
    )


def test_functions_that_would_take_samples_outside_for_samples_inside_are_refused() -> None:
    with pytest.raises(ExecutionError, match=r"^anchored modifier can only be used with: .* - not with deriv$"):
        make_plan(parse_query("deriv(x[5m] anchored)", EXTENDED), GRID, PlanOptions())
