"""The comparison of the differential test sees what it has to see."""

from __future__ import annotations

import pytest

from tests.differential.answers import Answer, compare, tolerance_of

Rows = dict[str, list[tuple[int, str]]]
EXACT = tolerance_of((), is_noisy=False)


def matrix(rows: Rows) -> Answer:
    result = [{"metric": {"name": name}, "values": [list(point) for point in points]} for name, points in rows.items()]
    return Answer(200, {"status": "success", "data": {"resultType": "matrix", "result": result}})


def vector(*pairs: tuple[str, str]) -> Answer:
    result = [{"metric": {"name": name}, "value": [5, value]} for name, value in pairs]
    return Answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}})


def error(text: str, *, status: int = 422, kind: str = "execution") -> Answer:
    return Answer(status, {"status": "error", "errorType": kind, "error": text})


BASE: Rows = {"a": [(5, "1"), (10, "NaN")], "b": [(10, "-0")]}


@pytest.mark.parametrize(
    "changed",
    [
        {"a": [(5, "1.00000001"), (10, "NaN")], "b": [(10, "-0")]},
        {"a": [(5, "1"), (10, "0")], "b": [(10, "-0")]},
        {"a": [(5, "1"), (10, "NaN")], "b": [(10, "0")]},
        {"a": [(5, "1.0"), (10, "NaN")], "b": [(10, "-0")]},
        {"a": [(5, "1")], "b": [(10, "-0")]},
        {"a": [(5, "1"), (15, "NaN")], "b": [(10, "-0")]},
        {"a": [(5, "1"), (10, "NaN")]},
        {**BASE, "c": [(5, "1")]},
        {"b": BASE["b"], "a": BASE["a"]},
    ],
)
def test_a_wrong_value_time_row_or_order_of_rows_is_a_difference(changed: Rows) -> None:
    assert compare(matrix(changed), matrix(BASE), EXACT, is_ordered=False) is not None


def test_equal_answers_and_roundings_are_no_difference() -> None:
    rounded = {"a": [(5, "1.0000000000000002"), (10, "NaN")], "b": [(10, "-0")]}
    assert compare(matrix(rounded), matrix(BASE), EXACT, is_ordered=False) is None


def test_order_counts_where_there_is_one_and_equal_values_may_change_places() -> None:
    one, other = vector(("a", "1"), ("b", "2")), vector(("b", "2"), ("a", "1"))
    assert compare(one, other, EXACT, is_ordered=False) is None
    assert compare(one, other, EXACT, is_ordered=True) is not None
    assert compare(vector(("a", "1"), ("b", "1")), vector(("b", "1"), ("a", "1")), EXACT, is_ordered=True) is None


def test_errors_are_compared_without_the_series_that_they_name() -> None:
    assert compare(error("group {a='b'}: twice"), error("group {a='c'}: twice"), EXACT, is_ordered=False) is None
    assert compare(error("twice"), error("thrice"), EXACT, is_ordered=False) is not None
    assert compare(error("twice"), error("twice", status=400), EXACT, is_ordered=False) is not None
    assert compare(error("twice"), error("twice", kind="bad_data"), EXACT, is_ordered=False) is not None
    assert compare(error("twice"), vector(), EXACT, is_ordered=False) is not None
    assert compare(vector(), error("twice"), EXACT, is_ordered=False) is not None


def test_only_rounded_sums_and_spreads_get_slack() -> None:
    mine, other = vector(("a", "1e9"), ("b", "0.1")), vector(("a", "1e9"), ("b", "0.10000001"))
    assert compare(mine, other, EXACT, is_ordered=False) is not None
    assert compare(mine, other, tolerance_of(["stddev"], is_noisy=True), is_ordered=False) is None
