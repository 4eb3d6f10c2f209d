"""Statistics of native histograms: values worked out by hand, and kernels equal to their plain definition."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from promontory.kernels.histogram_fractions import find_fractions
from promontory.kernels.histogram_places import LOST, NOTHING, SKEWED
from promontory.kernels.histogram_quantiles import find_quantiles
from promontory.kernels.histogram_spread import add_squares
from promontory.kernels.histogram_trim import trim_histograms
from promontory.model.histograms import CUSTOM_SCHEMA, Histograms
from promontory.model.symbols import SymbolTable
from promontory.promql.execution import histogram_statistics
from promontory.promql.execution.histogram_statistics import (
    Floats,
    averages,
    deviations,
    fractions,
    quantiles,
    trim,
    variances,
)
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of

GO = np.zeros(1, np.uint8)
POSITIVE_ONLY = HistogramValue(schema=0, count=12, sum=100, zero_count=2, zero_threshold=0.5, positive={1: 4, 3: 6})
BOTH_SIDES = HistogramValue(
    schema=0, count=10, sum=1, zero_count=2, zero_threshold=0.5, positive={1: 4}, negative={1: 3, 2: 1}
)
CUSTOM = HistogramValue(
    schema=CUSTOM_SCHEMA, count=10, sum=20, positive={0: 2, 1: 3, 2: 4, 3: 1}, custom_values=(1.0, 2.0, 4.0)
)
BELOW_ZERO = HistogramValue(schema=CUSTOM_SCHEMA, count=4, sum=-4, positive={0: 1, 1: 3}, custom_values=(-2.0, 2.0))


def table_of(*values: HistogramValue) -> Histograms:
    return histograms_of(values, SymbolTable())


def quantile(value: HistogramValue, wanted: float) -> list[float]:
    found, notes = quantiles(table_of(value), np.zeros(1, np.int64), np.array([wanted]), GO)
    return [float(found[0]), float(notes[0])]


def fraction(value: HistogramValue, least: float, most: float) -> list[float]:
    bounds = np.array([least], np.float64), np.array([most], np.float64)
    found, notes = fractions(table_of(value), np.zeros(1, np.int64), *bounds, GO)
    return [float(found[0]), float(notes[0])]


def trimmed(value: HistogramValue, at: float, *, below: bool) -> HistogramValue:
    return histogram_at(trim(table_of(value), np.array([at], np.float64), GO, below=below), 0)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        (POSITIVE_ONLY, -0.1, -math.inf),
        (POSITIVE_ONLY, 1.1, math.inf),
        (POSITIVE_ONLY, math.nan, math.nan),
        # The zero bucket ends at 0 where nothing is below it: rank 1 of 2 is half of 0 … 0.5.
        (POSITIVE_ONLY, 1 / 12, 0.25),
        # Rank 4 is half of the 4 in (1, 2]: the geometric middle.
        (POSITIVE_ONLY, 4 / 12, math.sqrt(2)),
        # From the top: rank 3 of the 6 in (4, 8].
        (POSITIVE_ONLY, 9 / 12, math.sqrt(32)),
        (POSITIVE_ONLY, 1.0, 8.0),
        # Rank 2.5 is half of the 3 in [-2, -1): mirrored.
        (BOTH_SIDES, 0.25, -math.sqrt(2)),
        # With both sides the zero bucket is -0.5 … 0.5.
        (BOTH_SIDES, 0.5, 0.0),
        # Custom bounds: linear, from 0 to the first bound, and never beyond the last.
        (CUSTOM, 0.1, 0.5),
        (CUSTOM, 0.35, 1.5),
        (CUSTOM, 0.7, 3.0),
        (CUSTOM, 0.95, 4.0),
        (BELOW_ZERO, 0.1, -2.0),
        (BELOW_ZERO, 0.625, 0.0),
        (HistogramValue(), 0.5, math.nan),
    ],
)
def test_a_quantile_is_read_off_in_the_bucket_of_its_rank(
    value: HistogramValue, wanted: float, expected: float
) -> None:
    found, note = quantile(value, wanted)
    assert found == pytest.approx(expected, nan_ok=True)
    assert note == NOTHING


def test_observations_that_are_nan_count_above_all_buckets() -> None:
    value = HistogramValue(schema=0, count=15, sum=math.nan, positive={0: 12})
    assert quantile(value, 0.4) == pytest.approx([math.sqrt(0.5), SKEWED])
    assert quantile(value, 0.81) == pytest.approx([math.nan, LOST], nan_ok=True)
    assert fraction(value, -math.inf, math.inf) == pytest.approx([0.8, SKEWED])


def test_with_nan_observations_a_quantile_is_interpolated_in_the_last_bucket_as_prometheus_does() -> None:
    value = HistogramValue(schema=0, count=10, sum=math.nan, positive={1: 4, 3: 4})
    # Rank 2 is half of the 4 in (1, 2]; the half is then taken of (4, 8].
    assert quantile(value, 0.2) == pytest.approx([math.sqrt(32), SKEWED])


@pytest.mark.parametrize(
    ("value", "least", "most", "expected"),
    [
        (POSITIVE_ONLY, -math.inf, math.inf, 1.0),
        (POSITIVE_ONLY, 0, 0.25, 1 / 12),
        (POSITIVE_ONLY, math.sqrt(2), 8, 8 / 12),
        (POSITIVE_ONLY, 2, 4, 0.0),
        (POSITIVE_ONLY, 4, 2, 0.0),
        (POSITIVE_ONLY, math.nan, 2, math.nan),
        (BOTH_SIDES, -math.sqrt(2), 0, 0.25),
        (CUSTOM, 0, 0.5, 0.1),
        (CUSTOM, 1.5, 3, 0.35),
        (CUSTOM, 5, math.inf, 0.1),
        (HistogramValue(), 0, 1, math.nan),
    ],
)
def test_a_fraction_is_what_lies_between_two_values(
    value: HistogramValue, least: float, most: float, expected: float
) -> None:
    assert fraction(value, least, most)[0] == pytest.approx(expected, nan_ok=True)


def test_spread_is_around_the_mean_of_sum_and_count() -> None:
    table = table_of(POSITIVE_ONLY, CUSTOM, HistogramValue())
    rows = np.arange(3)
    assert averages(table, rows) == pytest.approx([100 / 12, 2.0, math.nan], nan_ok=True)
    mean = 100 / 12
    exponential = (2 * mean**2 + 4 * (math.sqrt(2) - mean) ** 2 + 6 * (math.sqrt(32) - mean) ** 2) / 12
    # The last custom bucket has no middle.
    assert variances(table, rows, GO) == pytest.approx([exponential, math.inf, math.nan], nan_ok=True)
    assert deviations(table, rows[:1], GO) == pytest.approx([math.sqrt(exponential)])


def test_trimming_splits_the_bucket_and_adds_up_what_is_left() -> None:
    low = trimmed(POSITIVE_ONLY, math.sqrt(32), below=True)
    assert low.positive == {1: 4, 3: pytest.approx(3)}
    assert [low.zero_count, low.count] == pytest.approx([2, 9])
    assert low.sum == pytest.approx(2 * 0.25 + 4 * math.sqrt(2) + 3 * math.sqrt(4 * math.sqrt(32)))
    high = trimmed(POSITIVE_ONLY, 0.25, below=False)
    assert (high.zero_count, high.count) == (1, 11)
    assert high.sum == pytest.approx(0.375 + 4 * math.sqrt(2) + 6 * math.sqrt(32))
    assert trimmed(BOTH_SIDES, -1, below=True).negative == {1: 3, 2: 1}
    assert trimmed(BOTH_SIDES, -1, below=True).positive == {}


def test_trimming_beyond_all_buckets_changes_nothing() -> None:
    assert trimmed(POSITIVE_ONLY, 8, below=True) == POSITIVE_ONLY
    assert trimmed(BOTH_SIDES, -4, below=False) == BOTH_SIDES


def test_infinite_buckets_go_unless_the_value_says_where_they_are() -> None:
    assert trimmed(CUSTOM, 10, below=True).positive == {0: 2, 1: 3, 2: 4}
    assert trimmed(CUSTOM, 10, below=False) == HistogramValue(
        schema=CUSTOM_SCHEMA, count=1, sum=10, positive={3: 1}, custom_values=(1.0, 2.0, 4.0)
    )
    assert trimmed(CUSTOM, 0.5, below=True).positive == {0: 1}
    assert trimmed(BELOW_ZERO, -3, below=True) == HistogramValue(
        schema=CUSTOM_SCHEMA, count=1, sum=-3, positive={0: 1}, custom_values=(-2.0, 2.0)
    )


COUNTS = st.sampled_from([1.0, 2.0, 3.5, 100.0, 1e-3])
SIDES = st.dictionaries(st.integers(-6, 6), COUNTS, max_size=4)


@st.composite
def histogram_values(draw: st.DrawFn) -> HistogramValue:
    """Return a histogram whose count may be more than its buckets hold."""
    custom = draw(st.booleans())
    extra = draw(st.sampled_from([0.0, 2.0]))
    total = draw(st.sampled_from([math.nan, 7.25, -3.0]))
    if custom:
        bounds = draw(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 4.0]), min_size=1, unique=True).map(sorted))
        positive = draw(st.dictionaries(st.integers(0, len(bounds)), COUNTS, max_size=4))
        count = sum(positive.values()) + extra
        return HistogramValue(CUSTOM_SCHEMA, count, total, positive=positive, custom_values=tuple(bounds))
    positive, negative = draw(SIDES), draw(SIDES)
    zero = draw(st.sampled_from([0.0, 3.0]))
    return HistogramValue(
        draw(st.integers(-4, 8)), sum(positive.values()) + sum(negative.values()) + zero + extra, total, zero,
        draw(st.sampled_from([0.0, 1e-3, 1.5])), positive, negative,
    )  # fmt: skip


VALUES = st.sampled_from([-math.inf, -3.0, -1.0, -0.25, 0.0, 0.3, 0.5, 0.9, 1.0, 1.5, 7.0, math.inf])


PLAIN: dict[str, Any] = {
    "find_quantiles": find_quantiles.py_func,
    "find_fractions": find_fractions.py_func,
    "add_squares": add_squares.py_func,
    "trim_histograms": trim_histograms.py_func,
}


def answers(table: Histograms, first: Floats, second: Floats) -> list[float]:
    """Return all that the kernels write for a table."""
    rows = np.arange(len(table))
    found: list[NDArray[Any]] = [
        *quantiles(table, rows, first, GO),
        *fractions(table, rows, first, second, GO),
        variances(table, rows, GO),
    ]
    for below in (False, True):
        left = trim(table, first, GO, below=below)
        found += [left.zero_count, left.count, left.sum, left.bucket_start, left.bucket_key, left.bucket_count]
    return [float(number) for column in found for number in column]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(histogram_values(), VALUES, VALUES), min_size=1, max_size=5))
def test_kernels_equal_their_plain_definition(drawn: list[tuple[HistogramValue, float, float]]) -> None:
    table = table_of(*(value for value, _, _ in drawn))
    first, second = np.array([given for _, given, _ in drawn]), np.array([given for _, _, given in drawn])
    with patch.multiple(histogram_statistics, **PLAIN), np.errstate(all="ignore"):
        expected = answers(table, first, second)
    np.testing.assert_allclose(answers(table, first, second), expected, rtol=1e-14)
