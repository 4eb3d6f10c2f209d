"""Natural order of label values."""

from __future__ import annotations

from itertools import pairwise

from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.label_order import natural_ranks


def test_runs_of_digits_are_numbers_and_the_rest_is_text() -> None:
    rising = ["", "1", "2", "10", "10a", "a", "a2", "a10", "a10b2", "a10b10", "b"]
    rows = [Labels.from_mapping({"__name__": "x", "n": text}) for text in reversed(rising)]
    ranks = natural_ranks(LabelRows.from_labels(rows, SymbolTable()), b"n").tolist()[::-1]
    assert ranks == list(range(len(rising)))


def test_numbers_beyond_int64_are_text_and_zeros_in_front_count_for_nothing() -> None:
    rising = ["0009", "10", "9223372036854775807", "9223372036854775808", "99999999999999999999"]
    rows = [Labels.from_mapping({"n": text}) for text in rising]
    ranks = natural_ranks(LabelRows.from_labels(rows, SymbolTable()), b"n").tolist()
    assert all(left < right for left, right in pairwise(ranks))
