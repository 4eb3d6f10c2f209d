import numpy as np
import pytest

from promontory.kernels.block_checks import (
    ANYWHERE,
    EXACT,
    INSIDE,
    LIST_ADDS,
    LIST_MISSES,
    LIST_UNREAD,
    LIST_WHOLE,
    TIMES_EQUAL,
    TIMES_FIRST,
    TIMES_GOOD,
    TIMES_LAST,
    TIMES_NONE,
    TIMES_OUTSIDE,
    check_times,
    find_entry_ends,
    mark_padding,
    mark_unsorted,
    match_lists,
    read_heads,
    skip_unread,
    walk_entries,
)

both = pytest.mark.parametrize("way", ["compiled", "py_func"])


@both
def test_rows_that_do_not_rise_are_marked(way: str) -> None:
    rows = [[(1, 2)], [(1, 2), (3, 1)], [(1, 2)], [(9, 9)], [(1, 3)], [(1, 3)], [(2, 1)]]
    row_start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    refs = np.ascontiguousarray(np.array([pair for row in rows for pair in row], np.int64).T)
    is_bad = np.array([0, 0, 0, 1, 0, 0, 0], np.uint8)
    unsorted = np.empty(7, np.uint8)
    assert getattr(mark_unsorted, way)(row_start, refs, is_bad, unsorted) == 6
    assert unsorted.tolist() == [0, 0, 1, 0, 0, 1, 0]


@both
def test_lists_are_walked_along_with_the_series(way: str) -> None:
    lists = [[2, 4], [1, 2, 3], [4], [], [7]]
    refs = np.array([ref for one in lists for ref in one], np.uint32)
    list_end = np.cumsum([len(one) for one in lists]).astype(np.int64)
    place = list_end - [len(one) for one in lists]
    fault = np.array([LIST_WHOLE] * 4 + [LIST_UNREAD], np.uint8)
    wrong = np.zeros(5, np.int64)
    entry, ref = np.array([0, 1, 2, 4, 0, 1], np.int64), np.array([2, 2, 3, 3, 4, 4], np.int64)
    getattr(match_lists, way)(entry, ref, refs, list_end, place, fault, wrong, np.array([0, 1], np.int64))
    assert fault.tolist() == [LIST_WHOLE, LIST_ADDS, LIST_MISSES, LIST_WHOLE, LIST_UNREAD]
    assert wrong.tolist() == [0, 3, 3, 0, 0]
    assert (place - list_end).tolist() == [0, 0, -1, 0, -1]
    assert getattr(skip_unread, way)(refs, 2, 5, 9, np.array([1, 2, 8], np.int64)) == 4


@both
def test_times_are_compared_with_the_index(way: str) -> None:
    chunks = [[1, 2, 3], [], [2, 3], [1, 2], [1, 2, 2, 3], [0, 2], [1, 2, 2, 4], [1, 2, 4], [1, 1, 3]]
    reach = [EXACT, EXACT, EXACT, EXACT, EXACT, INSIDE, ANYWHERE, INSIDE, ANYWHERE]
    start = np.concatenate([[0], np.cumsum([len(one) for one in chunks])]).astype(np.int64)
    times = np.array([time for one in chunks for time in one], np.int64)
    count = len(chunks)
    fault, found = np.empty(count, np.uint8), np.empty(count, np.int64)
    may_repeat = np.array([False] * 6 + [True] * 3)
    ends = np.full(count, 1, np.int64), np.full(count, 3, np.int64)
    getattr(check_times, way)(start, times, *ends, np.array(reach, np.uint8), may_repeat, fault, found)
    assert fault.tolist() == [
        TIMES_GOOD, TIMES_NONE, TIMES_FIRST, TIMES_LAST, TIMES_EQUAL, TIMES_OUTSIDE, TIMES_GOOD, TIMES_OUTSIDE,
        TIMES_GOOD,
    ]  # fmt: skip
    assert found.tolist() == [0, 0, 2, 2, 2, 0, 0, 4, 0]


@both
def test_heads_of_records_are_read_within_the_data(way: str) -> None:
    record = b"\x03\x01\x00\x05\x09" + bytes(4)
    data = np.frombuffer(record + b"\x81", np.uint8)
    position = np.array([0, 1, 9, 10, -1], np.int64)
    status, encoding = np.empty(5, np.uint8), np.empty(5, np.uint8)
    length, samples = np.empty(5, np.int64), np.empty(5, np.int64)
    getattr(read_heads, way)(data, position, status, encoding, length, samples)
    assert status.tolist() == [0, 0, 3, 3, 3]
    assert (encoding[0], length[0], samples[0]) == (1, 3, 5)


@both
def test_entries_are_walked_and_padding_is_looked_at(way: str) -> None:
    data = np.zeros(40, np.uint8)
    data[0], data[16], data[32] = 3, 2, 9
    data[12] = 7
    refs = np.empty(3, np.int64)
    assert getattr(walk_entries, way)(data, 0, 40, 16, refs) == 2
    ends = np.empty(3, np.int64)
    getattr(find_entry_ends, way)(data, np.array([0, 16, 32], np.int64), 40, ends)
    assert ends.tolist() == [8, 23, -1]
    is_filled = np.empty(3, np.uint8)
    assert getattr(mark_padding, way)(data, ends, 16, 40, is_filled) == 1
    assert is_filled.tolist() == [1, 0, 0]
