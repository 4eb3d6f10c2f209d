"""Rows chosen by place and by hash: as plain Python chooses, and as the reference library hashes."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.limits import choose_first, hash_prefixed, measure_prefixed
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable


def prefixed(text: bytes) -> bytes:
    size = len(text)
    return (bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + text


def test_the_hash_is_of_each_string_after_its_length() -> None:
    rows = [
        Labels.from_mapping({"__name__": "up", "job": "x" * length, "n" * max(length, 1): "v"})
        for length in (0, 1, 254, 255, 256, 70_000)
    ]  # fmt: skip
    labels = LabelRows.from_labels(rows, SymbolTable())
    blob, start = labels.symbols.arrays()
    size = measure_prefixed(labels.row_start, labels.name, labels.value, start)
    expected = [xxhash.xxh64_intdigest(b"".join(prefixed(a) + prefixed(b) for a, b in row.pairs)) for row in rows]
    for hash_rows in (hash_prefixed, hash_prefixed.py_func):
        hashes = np.empty(len(rows), np.uint64)
        hash_rows(labels.row_start, labels.name, labels.value, blob, start, np.empty(size, np.uint8), hashes)
        assert hashes.tolist() == expected


@settings(max_examples=50, deadline=None)
@given(
    present=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8),
    wanted=st.lists(st.integers(-1, 4), min_size=4, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_first_rows_of_a_group_are_chosen_at_each_time(
    present: list[list[bool]], wanted: list[int], seed: int
) -> None:
    there = np.array(present)
    group = np.random.default_rng(seed).integers(0, 3, len(present)).astype(np.int32)
    for choose in (choose_first, choose_first.py_func):
        chosen = np.zeros(there.shape, np.bool_)
        stop = np.zeros(1, np.uint8)
        assert choose(there, group, np.array(wanted), stop, np.zeros((3, 4), np.int64), chosen) == len(present)
        for time, count in enumerate(wanted):
            for one in range(3):
                rows = [row for row in range(len(present)) if group[row] == one and there[row, time]]
                assert np.flatnonzero(chosen[:, time] & (group == one)).tolist() == rows[: max(count, 0)]


def test_nothing_is_chosen_once_the_query_is_stopped() -> None:
    chosen = np.zeros((2, 1), np.bool_)
    stopped = np.ones(1, np.uint8)
    taken = np.zeros((1, 1), np.int64)
    assert (
        choose_first(np.ones((2, 1), np.bool_), np.zeros(2, np.int32), np.ones(1, np.int64), stopped, taken, chosen)
        == 0
    )
    assert not chosen.any()
