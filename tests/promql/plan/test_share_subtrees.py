"""Equal parts of a query, as plans in text, and what is held while they are computed once."""

from __future__ import annotations

from textwrap import dedent

import pytest

from promontory.model.result import VectorResult
from promontory.model.time_range import TimeGrid
from promontory.promql.parser import parse_query
from promontory.promql.plan.plan import Plan, PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan
from tests.promql.execution.database import Database

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)


def planned(query: str) -> Plan:
    return make_plan(parse_query(query), GRID, PlanOptions(text=query.encode()))


def text(block: str) -> str:
    return dedent(block).strip()


def test_equal_parts_are_one_and_larger_ones_first() -> None:
    assert print_plan(planned("(sum(x) / y) > 5 or (sum(x) / y) < 9 or sum(x)")) == text(
        """
        or ignoring () many-to-many
          or ignoring () many-to-many
            with scalar >
              common 2
                / ignoring () one-to-one
                  common 1
                    aggregate sum by ()
                      lookup
                        read {__name__="x"}[5m]
                  lookup
                    read {__name__="y"}[5m]
              5
            with scalar <
              common 2 again
              9
          common 1 again
        """
    )


def test_a_window_over_some_series_is_taken_from_that_over_all() -> None:
    plan = planned('sum(rate(x{a="1"}[5m])) / sum(rate(x[5m]))')
    assert print_plan(plan) == text(
        """
        / ignoring () one-to-one
          aggregate sum by ()
            subset of common 1
              common 1
                window rate
                  read {__name__="x"}[5m]
              window rate
                read {__name__="x",a="1"}[5m] from all with {__name__="x"}
          aggregate sum by ()
            common 1 again
        """
    )
    notes = {applied.name: [str(note) for note in applied.notes] for applied in plan.trace}
    assert notes["share subtrees"] == ["common 1: window rate, for 2 places", "window rate is a subset of common 1"]


@pytest.mark.parametrize(
    "query",
    [
        "x + x offset 1m",
        "rate(x[5m]) + increase(x[5m])",
        "rate(x[5m]) + rate(x[5m] offset 1m)",
        "max_over_time(abs(x)[5m:1m]) + min_over_time(abs(x)[5m:1m])",  # below a subquery no rows may become equal
        "x + max_over_time(x[5m:1m])",  # not at the same times
    ],
)
def test_what_differs_in_anything_is_computed_apart(query: str) -> None:
    assert "common" not in print_plan(planned(query))


@pytest.mark.parametrize(
    "query",
    [
        # The parameter is there once all was read.
        'sum(quantile_over_time(scalar(y), x{a="1"}[5m])) / sum(quantile_over_time(scalar(y), x[5m]))',
        # What rate gives has no type any more.
        'sum(rate(x{__type__="counter"}[5m])) / sum(rate(x[5m]))',
    ],
)
def test_what_cannot_be_chosen_from_rows_is_no_subset(query: str) -> None:
    assert "subset" not in print_plan(planned(query))


def test_zeros_of_either_sign_are_different_numbers() -> None:
    assert print_plan(planned("x / 0 - x / -0")).count("with scalar /") == 2


def test_what_is_shared_is_held_once() -> None:
    database = Database()
    for place in range(10):
        database.add("x", {"a": str(place)}, [(time * 60_000, float(time)) for time in range(10)])
    grid = TimeGrid(0, 540_000, 60_000)
    query = "max(x * x) + min(x * x)"
    # 100 of x and 100 of its square, where each x by itself would make 300.
    assert database.answer(query, grid, max_samples=215).annotations.warnings == ()
    assert database.rows(query, grid) == {"{}": [float(time * time * 2) for time in range(10)]}


def test_rows_that_two_quantiles_need_are_held_once() -> None:
    database = Database()
    for place in range(10):
        database.add("x", {"a": str(place)}, [(time * 60_000, float(place)) for time in range(10)])
    query = "quantile(0.5, max_over_time(x[1m])) + quantile(1, max_over_time(x[1m]))"
    # 100 of x and 10 of each quantile, where each x by itself would make 200.
    result = database.answer(query, TimeGrid(0, 540_000, 60_000), max_samples=125)
    assert isinstance(result.value, VectorResult)
    assert result.value.steps.values.tolist() == [[13.5] * 10]


def test_a_value_that_two_sides_take_is_one_value() -> None:
    database = Database().add("x", {"a": "1"}, [(0, 2.0)]).add("x", {"a": "2"}, [(0, 3.0)])
    grid = TimeGrid(0, 0, 0)
    assert database.rows("x / x + on(a) (x - x)", grid) == {'{a="1"}': [1.0], '{a="2"}': [1.0]}
    assert database.rows("sum(x) / count(x) + on() group_right () (x - x)", grid) == {
        '{a="1"}': [2.5],
        '{a="2"}': [2.5],
    }
