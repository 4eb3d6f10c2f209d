"""Operations on label rows against plain Labels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.label_rows import LabelRows, concat_rows, group_pair
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

NAMES = (b"__name__", b"job", b"instance", b"le", b"z")
VALUES = (b"up", b"a", b"b", b"node-exporter:9100", b"node-exporter:9101", b"\xff\xfe")
LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(Labels.from_mapping)
ROWS = st.lists(LABELS, max_size=12)
SUBSET = st.lists(st.sampled_from(NAMES), unique=True)
QUICK = settings(max_examples=40, deadline=None)


def labels_of(rows: LabelRows) -> list[Labels]:
    return [rows.labels(row) for row in range(len(rows))]


@given(ROWS)
@QUICK
def test_rows_sort_as_tuples_of_pairs_do(labels: list[Labels]) -> None:
    rows = LabelRows.from_labels(labels, SymbolTable())
    ordered = rows.take(rows.sort_index())
    assert labels_of(ordered) == sorted(labels)
    assert ordered.is_sorted()
    assert rows.is_sorted() == (labels == sorted(labels))


def test_equal_rows_keep_their_order() -> None:
    rows = LabelRows.from_labels([Labels.from_mapping({"a": text}) for text in "ba"] * 3, SymbolTable())
    assert rows.sort_index().tolist() == [1, 3, 5, 0, 2, 4]


@given(ROWS, ROWS)
@QUICK
def test_concatenated_rows_stand_one_after_the_other(left: list[Labels], right: list[Labels]) -> None:
    symbols = SymbolTable()
    joined = concat_rows([LabelRows.from_labels(part, symbols) for part in (left, right)])
    assert labels_of(joined) == left + right
    assert labels_of(joined.slice(len(left), len(joined))) == right


@given(ROWS, SUBSET)
@QUICK
def test_keep_and_without_split_the_labels(labels: list[Labels], names: list[bytes]) -> None:
    rows = LabelRows.from_labels(labels, SymbolTable())
    others = [name for name in NAMES if name not in names]
    assert labels_of(rows.without(names)) == [row.without(names) for row in labels]
    assert labels_of(rows.keep(names)) == [row.without(others) for row in labels]


@given(ROWS, LABELS)
@QUICK
def test_set_labels_overwrite_and_keep_the_names_in_order(labels: list[Labels], over: Labels) -> None:
    rows = LabelRows.from_labels(labels, SymbolTable())
    expected = [Labels.from_mapping({**dict(row.pairs), **dict(over.pairs)}) for row in labels]
    assert labels_of(rows.with_labels(over)) == expected


@given(ROWS, st.sampled_from(NAMES), st.data())
@QUICK
def test_a_set_column_is_read_back_and_empty_takes_the_label_away(
    labels: list[Labels], name: bytes, data: st.DataObject
) -> None:
    symbols = SymbolTable()
    rows = LabelRows.from_labels(labels, symbols)
    texts = data.draw(st.lists(st.sampled_from((b"", *VALUES)), min_size=len(labels), max_size=len(labels)))
    changed = rows.with_column(name, np.array([symbols.intern(text) for text in texts], np.int32))
    assert [symbols.text(int(code)) for code in changed.column(name)] == texts
    assert labels_of(changed.without([name])) == [row.without([name]) for row in labels]


@given(ROWS, SUBSET, st.booleans())
@QUICK
def test_groups_are_numbered_by_their_first_row(labels: list[Labels], names: list[bytes], by: bool) -> None:
    rows = LabelRows.from_labels(labels, SymbolTable())
    dropped = [name for name in NAMES if name not in names] if by else [b"__name__", *names]
    signatures = [row.without(dropped) for row in labels]
    group, groups = rows.group(names, by=by)
    assert labels_of(groups) == list(dict.fromkeys(signatures))
    assert [groups.labels(int(number)) for number in group] == signatures


@given(ROWS, ROWS, SUBSET, st.booleans())
@QUICK
def test_both_sides_of_a_join_share_group_numbers(
    left: list[Labels], right: list[Labels], names: list[bytes], on: bool
) -> None:
    symbols = SymbolTable()
    sides = [LabelRows.from_labels(side, symbols) for side in (left, right)]
    dropped = [name for name in NAMES if name not in names] if on else [b"__name__", *names]
    left_group, right_group, count = group_pair(*sides, names, on=on)
    for row, one in enumerate(left):
        for other_row, other in enumerate(right):
            equal = one.without(dropped) == other.without(dropped)
            assert (left_group[row] == right_group[other_row]) == equal
    assert count == len({row.without(dropped) for row in left + right})


@given(ROWS)
@QUICK
def test_equal_neighbours_are_marked(labels: list[Labels]) -> None:
    rows = LabelRows.from_labels(labels, SymbolTable())
    expected = [row > 0 and labels[row] == labels[row - 1] for row in range(len(labels))]
    assert rows.equal_neighbours().tolist() == expected


def test_a_label_nobody_has_is_absent_everywhere() -> None:
    rows = LabelRows.from_labels([Labels.from_mapping({"a": "x"}), Labels()], SymbolTable())
    assert rows.column(b"missing").tolist() == [0, 0]
    assert rows.without([b"missing"]) is rows
    assert labels_of(rows.keep([b"missing"])) == [Labels(), Labels()]
