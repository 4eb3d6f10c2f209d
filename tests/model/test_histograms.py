"""Histograms as columns: what goes in comes out, whatever is taken, joined or compacted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.histograms import HistogramCells, ResetHint, cells_of, concat_cells, concat_histograms
from promontory.model.symbols import SymbolTable
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of

counts = st.floats(0.5, 1e9)
buckets = st.dictionaries(st.integers(-5000, 5000), counts, max_size=5)
exponential = st.builds(
    HistogramValue, schema=st.integers(-4, 8), count=counts, sum=counts, zero_count=counts, zero_threshold=counts,
    positive=buckets, negative=buckets, hint=st.sampled_from(ResetHint),
)  # fmt: skip
custom = st.builds(
    HistogramValue, schema=st.just(-53), count=counts, sum=counts,
    positive=st.dictionaries(st.integers(0, 3), counts), custom_values=st.just((-1.0, 0.5, 1.0)),
)  # fmt: skip
values = st.lists(exponential | custom, max_size=6)


@settings(deadline=None)  # the first example compiles kernels
@given(values, values)
def test_columns_give_back_what_was_put_in(left: list[HistogramValue], right: list[HistogramValue]) -> None:
    symbols = SymbolTable()
    joined = concat_histograms([histograms_of(left, symbols), histograms_of(right, symbols)])
    assert [histogram_at(joined, row) for row in range(len(joined))] == left + right
    backwards = joined.take(np.arange(len(joined), dtype=np.int64)[::-1])
    assert [histogram_at(backwards, row) for row in range(len(joined))] == (left + right)[::-1]


def test_bounds_are_columns_with_each_set_once() -> None:
    bounds = (-1.0, 0.5, 1.0)
    rows = [HistogramValue(), HistogramValue(schema=-53, custom_values=bounds), HistogramValue(schema=-53)]
    table = histograms_of([*rows, rows[1]], SymbolTable())
    row, start, bound_values = table.bound_values()
    assert [tuple(bound_values[start[place] : start[place + 1]]) for place in row] == [(), bounds, (), bounds]
    assert table.custom.tolist() == [False, True, True, True]


def test_cells_keep_their_histograms_when_joined_filtered_and_compacted() -> None:
    symbols = SymbolTable()
    table = histograms_of([HistogramValue(count=float(number)) for number in range(4)], symbols)
    left = cells_of(np.array([[True, False], [False, True]]), table.take(np.array([0, 1])))
    right = cells_of(np.array([[True, True]]), table.take(np.array([2, 3])))
    joined = concat_cells([left, None, right], [(2, 2), (1, 2), (1, 2)])
    assert joined is not None
    assert joined.index.tolist() == [[0, -1], [-1, 1], [-1, -1], [2, 3]]
    assert joined.chosen().count.tolist() == [0, 1, 2, 3]
    kept = joined.where(np.array([[False, True]] * 4))
    assert kept is not None
    small = kept.compact()
    assert small is not None
    assert small.index.tolist() == [[-1, -1], [-1, 0], [-1, -1], [-1, 1]]
    assert small.table.count.tolist() == [1, 3]
    assert kept.where(np.zeros((4, 2), np.bool_)) is None
    assert HistogramCells(np.full((1, 1), -1, np.int32), table).compact() is None
    assert cells_of(np.zeros((1, 1), np.bool_), table.take(np.empty(0, np.int64))) is None
