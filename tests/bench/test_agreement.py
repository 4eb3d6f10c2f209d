from __future__ import annotations

from typing import Any

import orjson

from tests.bench.agreement import disagreement


def answer(*rows: dict[str, Any]) -> bytes:
    return orjson.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}})


def row(*values: str, **metric: str) -> dict[str, Any]:
    return {"metric": metric, "values": [[60 * step, value] for step, value in enumerate(values)]}


def histogram(count: str, *, last: str) -> dict[str, Any]:
    value = {"count": count, "sum": "2", "buckets": [[0, "1", "2", "3"], [0, "2", "4", last]]}
    return {"metric": {}, "histograms": [[60, value]]}


def test_answers_agree_whatever_the_order_of_their_series() -> None:
    assert disagreement(answer(row("1", a="x"), row("2", a="y")), answer(row("2", a="y"), row("1", a="x"))) == ""


def test_values_may_differ_by_a_billionth() -> None:
    assert disagreement(answer(row("1.0000000001")), answer(row("1"))) == ""
    difference = disagreement(answer(row("1", "1.00000001")), answer(row("1", "1")))
    assert difference == "{}: [60, '1.00000001'] against [60, '1']"


def test_not_a_number_and_infinities_equal_themselves_only() -> None:
    assert disagreement(answer(row("NaN", "+Inf")), answer(row("NaN", "+Inf"))) == ""
    assert "'-Inf'" in disagreement(answer(row("NaN", "-Inf")), answer(row("NaN", "+Inf")))
    assert "'NaN'" in disagreement(answer(row("NaN", "0.0")), answer(row("0", "0")))


def test_a_missing_series_is_named() -> None:
    assert disagreement(answer(), answer(row("1", a="x"))) == "0 series against 1, without {'a': 'x'}"


def test_a_missing_point_is_counted() -> None:
    assert disagreement(answer(row("1", a="x")), answer(row("1", "1", a="x"))) == "{'a': 'x'}: 1 points against 2"


def test_histograms_agree_by_count_sum_and_buckets() -> None:
    assert disagreement(answer(histogram("5", last="1")), answer(histogram("5", last="1.0"))) == ""
    assert "against" in disagreement(answer(histogram("5", last="1")), answer(histogram("5", last="2")))
    assert "against" in disagreement(answer(histogram("5", last="1")), answer(histogram("6", last="1")))
