"""What is said of rates of metrics that may be no counters, by name or by type."""

from __future__ import annotations

import pytest

from promontory.promql.plan.plan import PlanOptions
from tests.promql.execution.database import Database, at

POINTS = [(60_000, 1.0), (120_000, 2.0)]
OF_TYPES = PlanOptions(type_and_unit=True)


@pytest.fixture
def database() -> Database:
    return (
        Database()
        .add("a_total", {"__type__": "gauge"}, POINTS)
        .add("b", {"__type__": "counter"}, POINTS)
        .add("c", {"__type__": "histogram"}, POINTS)
        .add("d_total", {}, POINTS)
    )


def infos(database: Database, query: str, options: PlanOptions) -> tuple[str, ...]:
    return database.answer(query, at(120_000), options=options).annotations.infos


def test_without_the_feature_the_ending_of_the_name_counts(database: Database) -> None:
    found = 'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "b" (1:6)'
    assert infos(database, "rate(b[2m])", PlanOptions()) == (found,)
    assert infos(database, "rate(a_total[2m])", PlanOptions()) == ()


def test_with_it_the_type_counts(database: Database) -> None:
    said = "PromQL info: metric might not be a counter, __type__ label is not set to"
    assert infos(database, "rate(b[2m])", OF_TYPES) == ()
    assert infos(database, "rate(c[2m])", OF_TYPES) == ()
    assert infos(database, "rate(a_total[2m])", OF_TYPES) == (
        f'{said} "counter" or "histogram", got "gauge": "a_total" (1:6)',
    )
    assert infos(database, "1 + increase(d_total[2m])", OF_TYPES) == (
        f'{said} "counter" or "histogram", got "": "d_total" (1:14)',
    )


def test_functions_of_gauges_say_nothing(database: Database) -> None:
    for options in (PlanOptions(), OF_TYPES):
        assert infos(database, "irate(a_total[2m])", options) == ()
        assert infos(database, "delta(b[2m])", options) == ()
