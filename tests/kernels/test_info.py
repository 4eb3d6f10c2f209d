"""The newest info series of a group at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.info import find_newest_info


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_machine_code_and_python_find_the_same_newest_rows(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    sampled = random.integers(0, 4, (rows, 5)).astype(np.float64)
    present = random.random((rows, 5)) < 0.6
    group, metric = (random.integers(0, 2, rows).astype(np.int32) for _ in range(2))
    answers = []
    for find in (find_newest_info, find_newest_info.py_func):
        newest, equal = np.full((2, 5), -1, np.int64), np.zeros(3, np.int64)
        answers.append((find(sampled, present, group, metric, 1, newest, equal), newest.tolist(), equal.tolist()))
    assert answers[0] == answers[1]
    for into in range(2):
        for time in range(5):
            found = answers[0][1][into][time]
            times = [sampled[row, time] for row in range(rows)
                     if present[row, time] and group[row] == into and metric[row] == 1]  # fmt: skip
            assert (found == -1 and not times) or sampled[found, time] == max(times)


def test_two_rows_sampled_at_once_are_told_the_earliest_time_first() -> None:
    sampled = np.array([[1.0, 5.0], [9.0, 5.0], [9.0, 2.0]])
    newest, equal = np.full((1, 2), -1, np.int64), np.zeros(3, np.int64)
    same = np.zeros(3, np.int32)
    assert find_newest_info(sampled, np.ones((3, 2), np.bool_), same, same, 0, newest, equal) == 1
    assert equal.tolist() == [0, 1, 2]
