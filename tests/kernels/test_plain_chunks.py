"""Chunks that need no lanes."""

from __future__ import annotations

import numpy as np
import pytest

from promontory.kernels.plain_chunks import find_plain_rows

RAW, XOR = 0, 1


def find(rows: list[int], times: list[tuple[int, int]], *, count: int, **other: list[int]) -> list[int] | None:
    """Return where the chunks of each row begin, None where some are not plain; the kernel and its twin agree."""
    answers = []
    for function in (find_plain_rows, find_plain_rows.py_func):
        first = np.full(count + 1, -1, np.int64)
        low, high = np.array(times, np.int64).reshape(-1, 2).T.copy()
        source = np.array(other.get("source", [7] * len(rows)), np.int32)
        aggregate = np.array(other.get("aggregate", [RAW] * len(rows)), np.uint8)
        encoding = np.array(other.get("encoding", [XOR] * len(rows)), np.uint8)
        found = function(np.array(rows, np.int32), low, high, aggregate, encoding, source, RAW, XOR, first)
        answers.append(first.tolist() if found else None)
    assert answers[0] == answers[1]
    return answers[0]


def test_rows_begin_at_their_first_chunk_and_may_have_none() -> None:
    assert find([1, 1, 4], [(0, 9), (10, 19), (0, 9)], count=6) == [0, 0, 2, 2, 2, 3, 3]
    assert find([], [], count=2) == [0, 0, 0]


def test_the_next_row_may_have_another_source_and_begin_anew() -> None:
    assert find([0, 1], [(5, 9), (0, 9)], count=2, source=[1, 2]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("times", "other"),
    [
        ([(0, 9), (9, 19)], {}),
        ([(0, 9), (10, 19)], {"source": [1, 2]}),
        ([(0, 9), (10, 19)], {"aggregate": [RAW, 3]}),
        ([(0, 9), (10, 19)], {"encoding": [2, XOR]}),
    ],
)
def test_chunks_that_overlap_or_differ_are_not_plain(times: list[tuple[int, int]], other: dict[str, list[int]]) -> None:
    assert find([0, 0], times, count=1, **other) is None
