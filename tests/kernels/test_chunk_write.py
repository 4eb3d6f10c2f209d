import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels.chunk_write import (
    RECORD_ROOM,
    count_samples,
    cut_chunks,
    find_late_sample,
    write_records,
)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(1, 40), max_size=12), min_size=1, max_size=4),
    first=st.integers(-100, 100),
    most=st.integers(1, 5),
)
def test_chunks_are_cut_at_borders_and_at_the_most_samples_by_both_twins(rows, first, most):
    row_start = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    times = np.concatenate([first + np.cumsum(np.array(row, np.int64)) for row in rows]).astype(np.int64)
    assert find_late_sample(row_start, times) == find_late_sample.py_func(row_start, times) == -1
    results = []
    for call in (cut_chunks, cut_chunks.py_func):
        row, chunk_start = np.zeros(len(times), np.int32), np.zeros(len(times) + 1, np.int64)
        count = call(row_start, times, 50, most, row, chunk_start)
        results.append((row[:count].tolist(), chunk_start[: count + 1].tolist()))
    assert results[0] == results[1]
    row, chunk_start = results[0]
    expected, before = [], None
    for series in range(len(rows)):
        for i in range(row_start[series], row_start[series + 1]):
            key = (series, times[i] // 50)
            if key != before or i - expected[-1] == most:
                expected.append(i)
                before = key
    assert chunk_start[:-1] == expected
    assert row == (np.searchsorted(row_start, expected, side="right") - 1).tolist()


@pytest.mark.parametrize("call", [cut_chunks, cut_chunks.py_func])
def test_ranges_that_int64_cuts_off_are_ranges_like_others(call):
    low, high = -(2**63), 2**63 - 1
    times = np.array([low, low + 1, low + 60, -1, 0, high - 60, high - 2, high - 1, high], np.int64)
    row, chunk_start = np.zeros(9, np.int32), np.zeros(10, np.int64)
    count = call(np.array([0, 9], np.int64), times, 50, 4, row, chunk_start)
    ranges = [int(time) // 50 for time in times]
    assert chunk_start[:count].tolist() == [i for i in range(9) if i == 0 or ranges[i] != ranges[i - 1]]


def test_a_sample_that_is_not_later_is_found():
    row_start, times = np.array([0, 2, 4], np.int64), np.array([5, 6, 1, 1], np.int64)
    assert find_late_sample(row_start, times) == find_late_sample.py_func(row_start, times) == 3


def test_records_of_several_buffers_are_the_same_from_both_twins():
    buffers = [np.frombuffer(b"\0\7" + bytes([i]) * (100 * i), np.uint8) for i in range(1, 4)]
    addresses = np.array([buffer.ctypes.data for buffer in buffers], np.int64)
    sizes = np.array([len(buffer) for buffer in buffers], np.int64)
    buffer = np.array([2, 0, 1], np.int32)
    results = []
    for call in (write_records, write_records.py_func):
        out, position = np.zeros(int(sizes.sum()) + 3 * RECORD_ROOM, np.uint8), np.zeros(4, np.int64)
        start, encoding = np.zeros(3, np.int64), np.array([1, 3, 0xFF], np.uint8)
        samples = call(addresses, sizes, buffer, start, sizes[buffer], encoding, out, position)
        results.append((samples, position.tolist(), bytes(out[: position[-1]])))
    assert results[0] == results[1]
    assert results[0][0] == (14, 7, 7)
    assert results[0][2].startswith(b"\xae\x02\x01\0\7\3\3")


def test_samples_of_an_aggregate_chunk_are_those_of_its_count():
    count = b"\0\5" + bytes(20)
    body = bytes([len(count), 1]) + count + b"\0\0\0\0"
    for payload, expected in ((body, 5), (b"\0" + body, 0), (b"\0", 0)):
        data = np.frombuffer(payload, np.uint8)
        for call in (count_samples, count_samples.py_func):
            assert call(data, 0, len(data), 0xFF) == expected


def test_the_reset_header_of_histograms_with_start_times_is_no_part_of_their_number():
    data = np.frombuffer(b"\xc1\x02" + bytes(20), np.uint8)
    for call in (count_samples, count_samples.py_func):
        assert [call(data, 0, len(data), encoding) for encoding in (1, 5, 6)] == [0xC102, 0x102, 0x102]
