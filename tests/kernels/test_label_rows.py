"""Each kernel over label rows equals its plain-Python definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import label_rows as kernels
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

NAMES = (b"__name__", b"a", b"ab", b"instance", b"instance_of_a_long_name")
VALUES = (b"x", b"y", b"a value longer than eight", b"a value longer than eighty", b"\xff")
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=12)


def rows_of(mappings: list[dict[bytes, bytes]]) -> LabelRows:
    return LabelRows.from_labels([Labels.from_mapping(row) for row in mappings], SymbolTable())


@given(st.binary(max_size=20), st.binary(max_size=20))
@settings(max_examples=100, deadline=None)
def test_bytes_compare_as_python_compares_them(left: bytes, right: bytes) -> None:
    data = np.frombuffer(left + right + b"\0", np.uint8)
    spans = (0, len(left), len(left), len(left) + len(right))
    expected = (left > right) - (left < right)
    assert kernels.compare_bytes(data, *spans) == expected
    assert kernels.compare_bytes.py_func(data, *spans) == expected


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_kernel_and_definition_sort_alike(mappings: list[dict[bytes, bytes]]) -> None:
    rows = rows_of(mappings)
    outcomes = []
    for sort_rows in (kernels.sort_rows, kernels.sort_rows.py_func):
        index, scratch = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        runs = np.empty(len(rows) + 1, np.int64)
        side = sort_rows(rows.row_start, rows.name, rows.value, *rows.symbols.arrays(), index, scratch, runs)
        outcomes.append((scratch if side else index).tolist())
    assert outcomes[0] == outcomes[1]


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_kernel_and_definition_group_alike(mappings: list[dict[bytes, bytes]]) -> None:
    rows = rows_of(mappings)
    columns = (rows.row_start, rows.name, rows.value)
    hashes, marks = np.empty((2, len(rows)), np.uint64), np.empty((2, len(rows)), np.uint8)
    group, first = np.zeros((2, len(rows)), np.int32), np.zeros((2, len(rows)), np.int64)
    twins = (
        (kernels.hash_rows, kernels.group_rows, kernels.mark_equal_neighbours),
        (kernels.hash_rows.py_func, kernels.group_rows.py_func, kernels.mark_equal_neighbours.py_func),
    )
    for side, (hash_rows, group_rows, mark) in enumerate(twins):
        hash_rows(*columns, hashes[side])
        group_rows(*columns, hashes[side], np.zeros(32, np.int32), group[side], first[side])
        mark(*columns, marks[side])
    for both in (hashes, group, first, marks):
        assert np.array_equal(both[0], both[1])


def test_rows_whose_hashes_collide_stay_apart() -> None:
    rows = rows_of([{b"a": b"x"}, {b"a": b"y"}, {b"a": b"x"}, {}])
    for group_rows in (kernels.group_rows, kernels.group_rows.py_func):
        group, first = np.zeros(4, np.int32), np.zeros(4, np.int64)
        slots, hashes = np.zeros(8, np.int32), np.full(4, 7, np.uint64)
        assert group_rows(rows.row_start, rows.name, rows.value, hashes, slots, group, first) == 3
        assert group.tolist() == [0, 1, 0, 2]


@given(ROWS, st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)))
@settings(max_examples=40, deadline=None)
def test_kernel_and_definition_copy_alike(mappings: list[dict[bytes, bytes]], over: dict[bytes, bytes]) -> None:
    rows = rows_of(mappings)
    columns = (rows.row_start, rows.name, rows.value)
    names = np.array([rows.symbols.intern(name) for name in sorted(over)], np.int32)
    values = np.array([[rows.symbols.intern(over[name]) for name in sorted(over)]], np.int32)
    if len(rows) > 1:
        values = np.repeat(values, len(rows), axis=0)
        values[::2] = 0
    outcomes = []
    for twin in (lambda kernel: kernel, lambda kernel: kernel.py_func):
        index = np.arange(len(rows), dtype=np.int64)[::-1].copy()
        start = np.concatenate([[0], np.cumsum(np.diff(rows.row_start)[::-1])]).astype(np.int64)
        taken = np.zeros((2, len(rows.name)), np.int32)
        twin(kernels.take_rows)(*columns, index, start, *taken)
        column = np.zeros(len(rows), np.int32)
        twin(kernels.find_column)(*columns, rows.symbols.intern(b"a"), column)
        out_start = np.zeros(len(rows) + 1, np.int64)
        out = np.zeros((2, len(rows.name) + len(rows) * len(names)), np.int32)
        twin(kernels.overlay_rows)(*columns, names, values, *rows.symbols.arrays(), out_start, *out)
        descent = twin(kernels.find_descent)(*columns, *rows.symbols.arrays())
        outcomes.append([taken.tolist(), column.tolist(), out_start.tolist(), out.tolist(), descent])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("longer", [b"ab", b"a" * 9])
def test_a_name_that_begins_another_comes_first(longer: bytes) -> None:
    rows = rows_of([{b"a": b"x"}, {longer: b"x"}])
    assert rows.compare(0, rows, 1) == -1
    assert rows.compare(1, rows, 0) == 1
