"""Where a matcher of one side narrows the other, as plans in text."""

from __future__ import annotations

import pytest

from promontory.model.time_range import TimeGrid
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)


def selected(query: str) -> list[str]:
    """Return the matchers of each select, without the name."""
    plan = make_plan(parse_query(query, ParserOptions(ALL_FEATURES)), GRID, PlanOptions())
    return [",".join(str(matcher) for matcher in select.selector.matchers[1:]) for select in plan.selects]


@pytest.mark.parametrize(
    ("query", "left", "right"),
    [
        ('a{x="1"} / b', 'x="1"', 'x="1"'),
        ('a / b{x=~"1|"}', 'x=~"1|"', 'x=~"1|"'),
        ('a{x="1"} * on(x) group_left sum by (x) (b)', 'x="1"', ""),
        ('a * on(x) group_left sum by (x) (b{x!="1",y="2"})', 'x!="1"', 'y="2",x!="1"'),
        ('a{x="1",y="2"} and on(x) b', 'x="1",y="2"', 'x="1"'),
        ('a{x="1"} unless ignoring(y) b', 'x="1"', 'x="1"'),
        ('abs(rate(a{x="1"}[5m])) > b', 'x="1"', 'x="1"'),
    ],
)
def test_a_matcher_on_a_label_that_has_to_match_holds_for_both_sides(query: str, left: str, right: str) -> None:
    assert selected(query) == [left, right]


@pytest.mark.parametrize(
    ("query", "left", "right"),
    [
        ('a{x="1"} or b', 'x="1"', ""),
        ('a unless b{x="1"}', "", 'x="1"'),
        ('a{x="1"} + on(y) b', 'x="1"', ""),  # x need not be alike
        ('a{x="1"} + ignoring(x) b', 'x="1"', ""),
        ('a{x="1"} + ignoring(y) b', 'x="1"', ""),  # duplicates of b are an error that others would be spared
        ('a{x="1"} + on(x) b', 'x="1"', ""),
        ('a{x="1"} + fill(0) b', 'x="1"', ""),
        ('a{x="1"} / rate(b[5m])', 'x="1"', ""),  # rate says of each metric that it might be no counter
        ('a{x="1"} / {__name__=~"b|c"}', 'x="1"', ""),
        ('abs(a{__type__="gauge"}) + b', '__type__="gauge"', ""),  # goes with the name of a
    ],
)
def test_nothing_is_narrowed_where_an_answer_note_or_error_could_change(query: str, left: str, right: str) -> None:
    assert selected(query) == [left, right]


def test_a_choice_of_replicas_is_made_on_its_own_side_alone() -> None:
    query = parse_query('a{replica="1",x="1"} / b')
    plan = make_plan(query, GRID, PlanOptions(replica_labels=(b"replica",)))
    right = plan.selects[1].selector.matchers
    assert [matcher.name for matcher in right] == [b"__name__", b"x"]
