"""Whether a query gave what a script expects. Each check returns None, or says what was expected and what found.

Numbers may differ by a millionth of their sum; zero equals zero alone, NaN equals NaN, and a stale marker itself.
Histograms are compared part by part, empty buckets left out, and their reset hint only where the script states one.
Source: Prometheus 3.14, promql/promqltest/test.go; util/almost/almost.go.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from promontory.model.labels import Labels
from promontory.model.result import Annotations
from promontory.model.samples import STALE_NAN_BITS
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.promqltest.answers import ONCE, Answer, Row, Rows
from promontory.testing.promqltest.histogram_literals import format_histogram
from promontory.testing.promqltest.literals import Value
from promontory.testing.promqltest.script import Evaluation, Expectation, Kind

EPSILON = 1e-6


def compare_annotations(evaluation: Evaluation, found: Annotations) -> str | None:
    """Compare warnings, then infos; a kind without expectations is not looked at."""
    return _compare_kind(evaluation, Kind.WARN, Kind.NO_WARN, found.warnings) or _compare_kind(
        evaluation, Kind.INFO, Kind.NO_INFO, found.infos
    )


def _compare_kind(evaluation: Evaluation, kind: Kind, none: Kind, found: Sequence[str]) -> str | None:
    expected = evaluation.of(kind)
    if evaluation.of(none) and found:
        return f"expected no {kind.value} annotations, found {list(found)}"
    for expectation in expected:
        if not any(expectation.matches(text) for text in found):
            return f"expected {kind.value} annotation with {expectation}, found {list(found)}"
    for text in found:
        if expected and not any(expectation.matches(text) for expectation in expected):
            return f"unexpected {kind.value} annotation {text!r}"
    return None


def compare_failure(expected: Expectation, found: str) -> str | None:
    """Compare the text of an error."""
    return None if expected.matches(found) else f"expected an error with {expected}, found {found!r}"


def compare_answer(evaluation: Evaluation, answer: Answer) -> str | None:
    """Compare the value of a query."""
    if isinstance(answer, str):
        expected = evaluation.text or ""
        return None if answer == expected else f"expected string {expected!r}, found {answer!r}"
    if isinstance(answer, float):
        if evaluation.number is None:
            return f"expected a vector or matrix, found scalar {answer!r}"
        return None if is_close(evaluation.number, answer) else f"expected {evaluation.number!r}, found {answer!r}"
    return _compare_rows(evaluation, answer)


def _compare_rows(evaluation: Evaluation, answer: Rows) -> str | None:
    if evaluation.number is not None:
        return f"expected scalar {evaluation.number!r}, found {_show_rows(answer.rows)}"
    unknown = next((row for row in answer.rows if row.labels not in evaluation.rows), None)
    if unknown is not None:
        return f"unexpected series {unknown.labels} in result: {_show_points(unknown.points)}"
    known = {row.labels for row in answer.rows}
    missing = next((labels for labels in evaluation.rows if labels not in known), None)
    if missing is not None:
        return f"expected series {missing}, found {_show_rows(answer.rows)}"
    checks = (_compare_row(evaluation, row, is_matrix=answer.is_matrix) for row in answer.rows)
    return _compare_order(evaluation, answer) or next(filter(None, checks), None)


def _compare_order(evaluation: Evaluation, answer: Rows) -> str | None:
    found = [row.labels for row in answer.rows]
    if len(set(found)) < len(found):
        return f"expected each series once, found {_show_rows(answer.rows)}"
    if answer.is_matrix and found != sorted(found):
        return f"expected a matrix sorted by labels, found {_show_labels(found)}"
    if not evaluation.of(Kind.ORDERED):
        return None
    if answer.is_matrix:
        return "expected ordered result, but query returned a matrix"
    expected = list(evaluation.rows)
    return None if found == expected else f"expected the order {_show_labels(expected)}, found {_show_labels(found)}"


def _compare_row(evaluation: Evaluation, row: Row, *, is_matrix: bool) -> str | None:
    grid = (evaluation.points or evaluation.grid) if is_matrix else ONCE
    expected = {
        grid.start_ms + place * grid.step_ms: value
        for place, value in enumerate(evaluation.rows[row.labels]) if value is not None
    }  # fmt: skip
    if any(time_ms > grid.end_ms for time_ms in expected):
        return f"expected points for {row.labels} beyond the end of the query's time range"
    if expected.keys() == row.points.keys() and all(
        is_same_value(value, row.points[time_ms]) for time_ms, value in expected.items()
    ):
        return None
    return f"expected {row.labels} {_show_points(expected)}, found {_show_points(row.points)}"


def is_same_value(expected: Value, found: Value) -> bool:
    """Say whether two values are equal enough."""
    if expected.histogram is None or found.histogram is None:
        return expected.histogram is found.histogram and is_close(expected.number, found.number)
    return _is_same_histogram(expected.histogram, found.histogram) and (
        not expected.hint_stated or expected.histogram.hint == found.histogram.hint
    )


def _is_same_histogram(expected: HistogramValue, found: HistogramValue) -> bool:
    exact = (expected.schema, expected.zero_threshold, expected.custom_values)
    if exact != (found.schema, found.zero_threshold, found.custom_values):
        return False
    numbers = ((expected.count, found.count), (expected.sum, found.sum), (expected.zero_count, found.zero_count))
    return (
        all(is_close(left, right) for left, right in numbers)
        and _are_same_buckets(expected.positive, found.positive)
        and _are_same_buckets(expected.negative, found.negative)
    )


def _are_same_buckets(expected: Mapping[int, float], found: Mapping[int, float]) -> bool:
    left = {index: count for index, count in expected.items() if count != 0}
    right = {index: count for index, count in found.items() if count != 0}
    return left.keys() == right.keys() and all(is_close(count, right[index]) for index, count in left.items())


def is_close(left: float, right: float) -> bool:
    """Say whether two numbers are equal but for the noise of computing."""
    stale = [int(np.float64(number).view(np.uint64)) == STALE_NAN_BITS for number in (left, right)]
    if any(stale):
        return all(stale)
    if left == right or (math.isnan(left) and math.isnan(right)):
        return True
    total = abs(left) + abs(right)
    difference = abs(left - right)
    if left == 0 or right == 0 or total < sys.float_info.min:
        return difference < EPSILON * sys.float_info.min
    return difference / min(total, sys.float_info.max) < EPSILON


def _show_labels(labels: Sequence[Labels]) -> str:
    return ", ".join(str(one) for one in labels)


def _show_rows(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.labels} {_show_points(row.points)}" for row in rows) or "nothing"


def _show_points(points: Mapping[int, Value]) -> str:
    return ", ".join(
        (repr(value.number) if value.histogram is None else format_histogram(value.histogram))
        + (f" @{time_ms / 1000:g}s" if time_ms else "")
        for time_ms, value in points.items()
    )
