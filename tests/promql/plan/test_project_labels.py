"""Which labels matter to what is read."""

from __future__ import annotations

import pytest

from promontory.model.time_range import TimeGrid
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan

GRID = TimeGrid(1_000_000, 1_600_000, 60_000)
ALL = "None"


def projections(query: str) -> list[str]:
    plan = make_plan(parse_query(query, ParserOptions(ALL_FEATURES)), GRID, PlanOptions())
    return [str(select.selector.projection) for select in plan.selects]


@pytest.mark.parametrize(
    ("query", "needed"),
    [
        ("sum by (job) (rate(x[5m]))", "(__name__, job)"),
        ("sum(x)", "(__name__)"),
        ("sum without (pod) (x)", "all but (pod)"),
        ("sum by (job) (abs(x) * 2 > scalar(vector(1)))", "(__name__, job)"),
        ("sum by (job) (max_over_time(rate(x[5m])[1h:]))", "(__name__, job)"),
        ("sum by (a) (sum by (a, b) (x))", "(__name__, a, b)"),
        ("quantile by (a) (0.5, x)", "(__name__, a)"),
        ('count_values by (a) ("v", x)', "(__name__, a)"),
        ("absent(x)", "(__name__)"),
        ("vector(scalar(x))", "(__name__)"),
    ],
)
def test_an_aggregation_needs_what_it_groups_by(query: str, needed: str) -> None:
    assert projections(query) == [needed]


@pytest.mark.parametrize(
    "query",
    [
        "x", "topk by (a) (1, x)", "sum(topk(1, x))", "limit_ratio(0.5, x)", "sort_by_label(x, 'a')", "x + 1",
        'sum(label_replace(x, "a", "$1", "b", "(.*)"))', 'sum by (job) ({__name__=~"x|y"})', "sum(info(x))",
        "histogram_quantile(0.5, rate(x[5m]))", "sum(x / on(a) x)",
    ],
)  # fmt: skip
def test_all_labels_matter_where_rows_are_shown_or_told_apart(query: str) -> None:
    assert projections(query)[0] == ALL


def test_sets_ask_of_their_right_side_what_they_match_on() -> None:
    assert projections("x and on(a) y") == [ALL, "(__name__, a)"]
    assert projections("sum by (b) (x unless on(a) y)") == ["(__name__, a, b)", "(__name__, a)"]
    assert projections("sum by (b) (x or on(a) y)") == ["(__name__, a, b)"] * 2
    assert projections("x and ignoring(a) y") == [ALL, "all but (a)"]


def test_a_select_for_several_knows_what_matters_to_any() -> None:
    assert projections('sum by (a) (x) / sum by (b) (x{c="1"})') == ["(__name__, a, b, c)"]
    assert projections("sum by (a) (x) / max(x + on() x)") == [ALL]
