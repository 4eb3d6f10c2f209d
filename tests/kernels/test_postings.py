"""Postings kernels: lists as they stand in an index, and set operations against Python's sets."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import postings
from promontory.kernels.crc32c import crc32c

refs = st.lists(st.integers(0, 60), unique=True).map(sorted)


def render(numbers: list[int], count: int | None = None) -> bytes:
    content = struct.pack(f">I{len(numbers)}I", len(numbers) if count is None else count, *numbers)
    return framed(content)


def framed(content: bytes) -> bytes:
    checksum = crc32c(np.frombuffer(content, np.uint8), 0, len(content))
    return struct.pack(">I", len(content)) + content + struct.pack(">I", checksum)


@given(refs, refs)
@settings(max_examples=100, deadline=None)
def test_set_operations_are_those_of_sets(left: list[int], right: list[int]) -> None:
    columns = np.array(left, np.uint32), np.array(right, np.uint32)
    for kernel, expected in (
        (postings.intersect_refs, sorted(set(left) & set(right))),
        (postings.subtract_refs, sorted(set(left) - set(right))),
    ):
        for call in (kernel, kernel.py_func):
            out = np.empty(len(left), np.uint32)
            assert out[: call(*columns, out)].tolist() == expected


def test_lists_are_read_one_after_the_other() -> None:
    bodies = [render([1, 5, 2**32 - 1]), render([]), render([0])]
    data = np.frombuffer(b"".join(bodies), np.uint8)
    start = np.cumsum([0, *map(len, bodies)])[:-1]
    for measure, read in (
        (postings.measure_lists, postings.read_lists),
        (postings.measure_lists.py_func, postings.read_lists.py_func),
    ):
        count = np.empty(3, np.int64)
        assert measure(data, start, count) == (3, postings.LIST_GOOD)
        out = np.empty(int(count.sum()), np.uint32)
        assert read(data, start, count, out) == 3
        assert out.tolist() == [1, 5, 2**32 - 1, 0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (render([1, 2])[:-1], postings.LIST_CUT),
        (render([1, 2])[:3], postings.LIST_CUT),
        (b"\xff\xff\xff\xff" + bytes(20), postings.LIST_CUT),
        (render([1, 2])[:-1] + b"!", postings.LIST_BAD_CRC),
        (render([1, 2], count=3), postings.LIST_MALFORMED),
        (render([1, 2], count=2**32 - 1), postings.LIST_MALFORMED),
        (framed(b"\0\0"), postings.LIST_MALFORMED),
    ],
)
def test_a_broken_list_is_told(body: bytes, status: int) -> None:
    data = np.frombuffer(render([7]) + body, np.uint8)
    start = np.array([0, len(render([7]))])
    for measure in (postings.measure_lists, postings.measure_lists.py_func):
        assert measure(data, start, np.empty(2, np.int64)) == (1, status)


@pytest.mark.parametrize("numbers", [[2, 1], [1, 1]])
def test_a_list_that_does_not_rise_is_told(numbers: list[int]) -> None:
    data = np.frombuffer(render(numbers), np.uint8)
    for read in (postings.read_lists, postings.read_lists.py_func):
        assert read(data, np.zeros(1, np.int64), np.array([2]), np.empty(2, np.uint32)) == 0
