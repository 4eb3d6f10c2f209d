from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.xxhash import hash_rows, hash_xxh64, measure_rows
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.selector import Shard
from promontory.model.shard import select_shard
from promontory.model.symbols import SymbolTable

ROWS = [
    Labels.from_mapping({"__name__": "up", "job": "api", "pod": f"pod-{i}", "zone": "a long enough value " * (i % 4)})
    for i in range(50)
]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 5))
def test_hash_equals_the_reference_library_at_any_offset(body: bytes, offset: int) -> None:
    data = np.frombuffer(bytes(offset) + body + b"tail", np.uint8)
    expected = xxhash.xxh64_intdigest(body)
    assert hash_xxh64(data, offset, offset + len(body)) == expected
    assert hash_xxh64.py_func(data, offset, offset + len(body)) == expected


def test_shards_are_disjoint_complete_and_thanos_own_for_both_kinds_of_grouping() -> None:
    rows = LabelRows.from_labels(ROWS, SymbolTable())
    for by in (True, False):
        names = (b"pod", b"never seen")
        masks = [select_shard(rows, Shard(index=i, total=3, by=by, labels=names)) for i in range(3)]
        assert np.array_equal(np.sum(masks, axis=0), np.ones(len(ROWS)))
        for row, labels in enumerate(ROWS):
            text = b"".join(name + b"\xff" + value + b"\xff" for name, value in labels.pairs if (name in names) is by)
            assert masks[xxhash.xxh64_intdigest(text) % 3][row]


def test_row_kernels_equal_their_plain_twins() -> None:
    rows = LabelRows.from_labels(ROWS, SymbolTable())
    blob, start = rows.symbols.arrays()
    columns = (rows.row_start, rows.name, rows.value)
    size = measure_rows(*columns, start)
    assert size == measure_rows.py_func(*columns, start)
    listed = np.array([rows.symbols.find(b"pod")], np.int32)
    results = []
    for function in (hash_rows, hash_rows.py_func):
        hashes = np.empty(len(rows), np.uint64)
        function(*columns, blob, start, listed, 0, np.empty(size, np.uint8), hashes)
        results.append(hashes)
    assert np.array_equal(*results)
