"""Each kernel of the merge equals its plain-Python definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import merge as kernels
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

CHUNK = st.tuples(*(st.integers(0, 2) for _ in range(5)))


@given(st.lists(st.lists(CHUNK, max_size=4), max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_kernel_and_definition_arrange_chunks_in_sorted_order(
    rows: list[list[tuple[int, ...]]], data: st.DataObject
) -> None:
    chunks = [chunk for row in rows for chunk in row]
    index = np.array(data.draw(st.permutations(range(len(rows)))), np.int64)
    equal = np.array([False, *data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))], np.uint8)
    equal = equal[: len(rows)].copy()
    start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    types = (np.int32, np.int64, np.int64, np.uint8, np.int64)
    columns = [np.array([chunk[key] for chunk in chunks], types[key]) for key in range(5)]
    outcomes = []
    for arrange in (kernels.arrange_chunks, kernels.arrange_chunks.py_func):
        order, row = np.zeros(len(chunks), np.int64), np.zeros(len(chunks), np.int32)
        arrange(
            index,
            equal,
            start,
            *columns,
            order,
            row,
            np.zeros(len(chunks), np.int64),
            np.zeros(len(chunks) + 1, np.int64),
        )
        outcomes.append((order.tolist(), row.tolist()))
    assert outcomes[0] == outcomes[1]
    merged: list[list[tuple[int, ...]]] = []
    for place, number in enumerate(index):
        if not equal[place] or not merged:
            merged.append([])
        merged[-1].extend(rows[number])
    expected = [(row, chunk) for row, group in enumerate(merged) for chunk in sorted(group)]
    assert [(row, chunks[chunk]) for chunk, row in zip(*outcomes[0], strict=True)] == expected


def test_rows_up_to_the_bound_are_counted() -> None:
    symbols = SymbolTable()
    rows = LabelRows.from_labels([Labels.from_mapping({"a": text}) for text in "bbdf"], symbols)
    bounds = LabelRows.from_labels([Labels.from_mapping({"a": text}) for text in "abcfg"], symbols)
    columns = (rows.row_start, rows.name, rows.value)
    for count_until in (kernels.count_until, kernels.count_until.py_func):
        counts = [
            count_until(
                *columns, first, bounds.row_start, bounds.name, bounds.value, row, *symbols.arrays()
            )
            for first, row in ((0, 0), (0, 1), (0, 2), (3, 2), (1, 3), (4, 4))
        ]  # fmt: skip
        assert counts == [0, 2, 2, 3, 4, 4]


def test_copies_are_dropped_by_their_bytes_and_never_read_past_the_end() -> None:
    left, right = np.frombuffer(b"abcdef", np.uint8), np.frombuffer(b"xxcdez", np.uint8)
    for drop_copies in (kernels.drop_copies, kernels.drop_copies.py_func):
        keep = np.ones(5, np.uint8)
        spans = (np.array([2, 0, 2, 5]), np.array([2, 0, 2, 5]), np.array([3, 2, 4, 9]))
        drop_copies(left, right, np.array([1, 2, 3, 4]), *spans, keep)
        assert keep.tolist() == [1, 0, 1, 1, 1]
