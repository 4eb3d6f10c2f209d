"""Histograms in columns against histograms one at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.histogram_lists import sum_lists
from promontory.kernels.histogram_pairs import compare_pairs, find_resets
from promontory.model.histograms import CUSTOM_SCHEMA, Histograms, ResetHint
from promontory.model.symbols import SymbolTable
from promontory.promql.execution import histogram_algebra as algebra
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of
from tests.promql.execution import plain_histograms as plain

STOP = np.zeros(1, np.uint8)
COUNTS = st.integers(1, 9).map(float)
HINTS = st.sampled_from(ResetHint)
THRESHOLDS = st.sampled_from([0.0, 0.001, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0])
BOUNDS = (1.0, 2.0, 3.5, 5.0)


@st.composite
def exponential(draw: st.DrawFn) -> HistogramValue:
    positive, negative = (draw(st.dictionaries(st.integers(-4, 6), COUNTS, max_size=4)) for _ in range(2))
    zero, total = draw(st.integers(0, 5)), draw(st.integers(0, 60))
    return HistogramValue(
        draw(st.integers(-1, 2)), total, total - 7.0, zero, draw(THRESHOLDS), positive, negative, hint=draw(HINTS)
    )  # fmt: skip


@st.composite
def custom(draw: st.DrawFn) -> HistogramValue:
    bounds = tuple(sorted(draw(st.sets(st.sampled_from(BOUNDS)))))
    positive = draw(st.dictionaries(st.integers(0, len(bounds)), COUNTS))
    total = sum(positive.values())
    return HistogramValue(
        CUSTOM_SCHEMA, total, total * 2, positive=positive, custom_values=bounds, hint=draw(HINTS)
    )  # fmt: skip


HISTOGRAMS = st.one_of(exponential(), exponential(), custom())


def table_of(values: list[HistogramValue]) -> Histograms:
    return histograms_of(values, SymbolTable())


def lists_of(lists: list[list[HistogramValue]]) -> tuple[Histograms, algebra.Index, algebra.Index]:
    members = [value for one in lists for value in one]
    start = np.cumsum([0, *(len(one) for one in lists)]).astype(np.int64)
    return table_of(members), start, np.arange(len(members), dtype=np.int64)


def shown(value: HistogramValue) -> HistogramValue:
    """Return a histogram as it compares: buckets in order."""
    return replace(
        value, positive=dict(sorted(value.positive.items())), negative=dict(sorted(value.negative.items()))
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(HISTOGRAMS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_sums_of_lists_are_those_of_one_histogram_after_the_other(lists: list[list[HistogramValue]]) -> None:
    combined = algebra.add_lists(*lists_of(lists), STOP)
    for row, members in enumerate(lists):
        expected = plain.add_all(members)
        assert combined.failed[row] == (expected is None)
        if expected is not None:
            assert shown(histogram_at(combined.histograms, row)) == shown(expected)
            hints = {one.hint for one in members}
            assert combined.collided[row] == (ResetHint.RESET in hints and ResetHint.NOT_RESET in hints)


@settings(max_examples=300, deadline=None)
@given(HISTOGRAMS, HISTOGRAMS)
def test_differences_are_those_of_plain_histograms(left: HistogramValue, right: HistogramValue) -> None:
    one, other = np.zeros(1, np.int64), np.ones(1, np.int64)
    combined = algebra.subtract_pairs(table_of([left, right]), one, other, STOP)
    expected = plain.add(left, right, -1)
    assert combined.failed[0] == (expected is None)
    if expected is not None:
        assert shown(histogram_at(combined.plain, 0)) == shown(expected)
        assert combined.reconciled_less[0] == (left.custom_values != right.custom_values)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(HISTOGRAMS, min_size=1, max_size=3), min_size=2, max_size=2))
def test_a_sum_goes_on_where_it_was_left(halves: list[list[HistogramValue]]) -> None:
    table = table_of([*halves[0], *halves[1]])
    member, middle = np.arange(len(table), dtype=np.int64), len(halves[0])
    ends = np.array([0, middle]), np.array([0, len(table) - middle])
    whole = algebra.add_lists(table, np.array([0, len(table)]), member, STOP)
    begun = algebra.add_lists(table, ends[0], member[:middle], STOP)
    ended = algebra.add_lists(table, ends[1], member[middle:], STOP, before=begun)
    assert (whole.flags == ended.flags).all()
    assert whole.failed[0] or histogram_at(whole.histograms, 0) == histogram_at(ended.histograms, 0)


@settings(max_examples=300, deadline=None)
@given(HISTOGRAMS, HISTOGRAMS, st.integers(0, 2))
def test_resets_are_found_as_bucket_by_bucket(left: HistogramValue, right: HistogramValue, rises: int) -> None:
    # A pair that has nothing to do with each other is a reset nearly always; one that grew is none.
    current = right if rises == 0 else plain.add(left, right) or right
    if rises:
        current = replace(current, hint=ResetHint.UNKNOWN)
    found = algebra.detect_resets(table_of([left, current]), np.ones(1, np.int64), np.zeros(1, np.int64))
    assert found[0] == plain.is_reset(current, left)


def test_kernels_say_what_their_definitions_say(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [
        HistogramValue(1, 9, 4.0, 2, 0.5, {0: 3, 2: 1, 5: 2}, {1: 4}),
        HistogramValue(0, 5, 2.0, 1, 1.0, {1: 2, 4: 1}, {3: 1}, hint=ResetHint.GAUGE),
        HistogramValue(CUSTOM_SCHEMA, 4, 3.0, positive={0: 1, 2: 3}, custom_values=(1.0, 2.0)),
        HistogramValue(CUSTOM_SCHEMA, 5, 3.0, positive={0: 2, 1: 3}, custom_values=(2.0,)),
    ]
    table, start, member = table_of(values), np.array([0, 2, 4]), np.arange(4)
    pairs = np.array([0, 1, 2, 3, 3]), np.array([1, 0, 3, 2, 3])
    compiled = algebra.add_lists(table, start, member, STOP, mean=True)
    resets = algebra.detect_resets(table, *pairs)
    equal = algebra.equal_pairs(table, pairs[0], table, pairs[1])
    monkeypatch.setattr(algebra, "sum_lists", sum_lists.py_func)
    monkeypatch.setattr(algebra, "find_resets", find_resets.py_func)
    monkeypatch.setattr(algebra, "compare_pairs", compare_pairs.py_func)
    defined = algebra.add_lists(table, start, member, STOP, mean=True)
    assert [histogram_at(defined.means(), row) for row in (0, 1)] == [
        histogram_at(compiled.means(), row) for row in (0, 1)
    ]
    assert (algebra.detect_resets(table, *pairs) == resets).all()
    assert (algebra.equal_pairs(table, pairs[0], table, pairs[1]) == equal).all()
    assert equal.tolist() == [False, False, False, False, True]


def test_what_rounding_lost_comes_back() -> None:
    values = [HistogramValue(0, count, count, count, 0.1, {1: count}) for count in (1.0, 1e100, 1.0, -1e100)]
    table, start, member = lists_of([values])
    summed = histogram_at(algebra.add_lists(table, start, member, STOP).histograms, 0)
    assert (summed.count, summed.sum, summed.zero_count, summed.positive) == (2.0, 2.0, 2.0, {1: 2.0})


def test_a_mean_survives_a_sum_that_overflows() -> None:
    table, start, member = lists_of([[HistogramValue(0, 4, 1.5e308, positive={1: 4.0})] * 4])
    assert np.isinf(algebra.add_lists(table, start, member, STOP).histograms.sum[0])
    mean = algebra.add_lists(table, start, member, STOP, mean=True)
    assert mean.running[0]
    assert mean.means().sum[0] == pytest.approx(1.5e308)
    assert histogram_at(mean.means(), 0).positive == {1: 4.0}


def test_results_do_not_depend_on_the_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [[HistogramValue(0, 1, 1, positive={i: 1.0, i + 2: 2.0})] * 2 for i in range(20)]
    monkeypatch.setattr(algebra, "CHUNK_BUCKETS", 1)
    combined = algebra.add_lists(*lists_of(lists), STOP)
    assert [histogram_at(combined.histograms, i).positive for i in range(20)] == [
        {i: 2.0, i + 2: 4.0} for i in range(20)
    ]


def test_the_member_that_does_not_fit_is_named() -> None:
    bounded = HistogramValue(CUSTOM_SCHEMA, 1, 1, positive={0: 1.0}, custom_values=(1.0,))
    combined = algebra.add_lists(*lists_of([[bounded, bounded], [bounded, HistogramValue(), bounded]]), STOP)
    assert combined.failed_at.tolist() == [-1, 3]


def test_a_histogram_over_zero_has_no_buckets() -> None:
    table = table_of([HistogramValue(0, 4, 1, 2, 0.1, {1: 2.0}), HistogramValue(0, 4, 2, 2, 0.1, {1: 2.0})])
    divided = algebra.divide(table, np.array([0.0, -2.0]))
    assert histogram_at(divided, 0) == HistogramValue(0, np.inf, np.inf, np.inf, 0.1)
    assert histogram_at(divided, 1) == HistogramValue(0, -2, -1, -1, 0.1, {1: -1.0}, hint=ResetHint.GAUGE)


def test_a_product_with_zero_has_no_buckets_either() -> None:
    table = table_of([HistogramValue(0, 4, 1, 2, 0.1, {1: 2.0}, {3: 1.0})])
    assert histogram_at(algebra.scale(table, np.zeros(1)), 0) == HistogramValue(0, 0, 0, 0, 0.1)
