"""Chunks of known series: which, where, and what was read of them."""

from __future__ import annotations

import numpy as np
import pytest

from promontory.kernels.crc32c import crc32c
from promontory.kernels.known_chunks import TOO_MANY, choose_chunks, take_records

XOR = 1


def choose(times: list[tuple[int, int]], refs: list[int], sizes: list[int], *, room: int = 9) -> tuple[object, ...]:
    """Return what is chosen of [10, 20] over gaps of 5 bytes; the kernel and its twin agree."""
    answers = []
    low, high = np.array(times, np.int64).reshape(-1, 2).T.copy()
    for function in (choose_chunks, choose_chunks.py_func):
        chosen, part, ranges = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros((room, 3), np.int64)
        count, parts = function(
            low, high, np.array(refs, np.int64), np.array(sizes, np.int64), 10, 20, 5, chosen, part, ranges
        )
        kept = max(count, 0)
        answers.append((count, chosen[:kept].tolist(), part[:kept].tolist(), ranges[:parts].tolist()))
    assert answers[0] == answers[1]
    return answers[0]


def test_chunks_that_overlap_the_range_are_chosen_its_ends_included() -> None:
    times = [(0, 9), (0, 10), (20, 30), (21, 30)]
    assert choose(times, [0, 100, 200, 300], [10] * 4) == (2, [1, 2], [0, 1], [[0, 100, 110], [0, 200, 210]])


def test_ranges_are_joined_over_small_gaps_of_one_segment() -> None:
    refs = [0, 15, 31, (1 << 32) + 41]
    joined = [[0, 0, 25], [0, 31, 41], [1, 41, 51]]
    assert choose([(10, 20)] * 4, refs, [10] * 4) == (4, [0, 1, 2, 3], [0, 0, 1, 2], joined)


def test_more_chunks_than_there_is_room_for_are_refused() -> None:
    assert choose([(10, 20)] * 3, [0, 10, 20], [10] * 3, room=2)[0] == TOO_MANY
    assert choose([], [], [])[0] == 0


def record(payload: bytes, *, encoding: int = XOR) -> bytes:
    body = bytes([encoding]) + payload
    checksum = int(crc32c(np.frombuffer(body, np.uint8), 0, len(body)))
    return bytes([len(payload)]) + body + checksum.to_bytes(4, "big")


def take(data: bytes, positions: list[int]) -> tuple[object, ...]:
    """Return what is made of records at positions of one range that begins at 1,000; the kernel and its twin agree."""
    count = len(positions)
    refs = np.array([1_000 + at for at in positions], np.int64)
    index, times = np.arange(count), np.arange(count, dtype=np.int64) * 10
    answers = []
    for function in (take_records, take_records.py_func):
        size, codes, spans = np.full(count, 99), np.zeros((2, count), np.int32), np.zeros((4, count), np.int64)
        total = function(
            np.frombuffer(data, np.uint8), index, np.zeros(count, np.int64), np.array([[0, 1_000, 1_000 + len(data)]]),
            np.zeros(1, np.int64), np.array([len(data)]), index.astype(np.int32), times, times + 9, refs,
            np.array([7, 8, 9], np.int32), XOR, size, codes, spans,
        )  # fmt: skip
        answers.append((total, size.tolist(), codes.tolist(), spans.tolist()))
    assert answers[0] == answers[1]
    return answers[0]


def test_good_records_become_columns_and_their_sizes_are_learned() -> None:
    first, second = record(b"abc"), record(b"de")
    total, size, codes, spans = take(first + b"..." + second, [0, len(first) + 3])
    assert total == 5
    assert size == [len(first), len(second)]
    assert codes == [[0, 1], [7, 8]]
    assert spans == [[0, 10], [9, 19], [2, len(first) + 5], [3, 2]]


@pytest.mark.parametrize("wrong", [record(b"ab", encoding=2), record(b"ab")[:-1] + b"x", record(b"ab")[:-1]])
def test_a_record_that_is_not_good_or_of_another_encoding_ends_it(wrong: bytes) -> None:
    good = record(b"abc")
    assert take(good + wrong, [0, len(good)])[0] == -1
