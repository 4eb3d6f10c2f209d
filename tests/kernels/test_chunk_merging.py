"""The kernels that merge overlapping chunks: equal to their definitions in plain Python."""

from __future__ import annotations

import random

import numpy as np
import pytest

from promontory.chunk.decode import locate_buffers
from promontory.kernels.chain import chain_groups
from promontory.kernels.chunk_groups import group_chunks
from promontory.kernels.penalty_groups import fold_groups


def make_groups(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (group_start, chunk_start, times, words) of groups whose chunks rise by their first times."""
    source = random.Random(seed)
    group_start, chunk_start, times = [0], [0], []
    for _ in range(6):
        chunks = []
        for _ in range(source.randrange(1, 6)):
            time_ms, chunk = source.randrange(-200, 30_000), []
            for _ in range(source.randrange(0, 8)):
                chunk.append(time_ms)
                time_ms += source.choice((1, 10, 10, 900, 8000))
            chunks.append(chunk)
        for chunk in sorted(chunks):
            times += chunk
            chunk_start.append(len(times))
        group_start.append(len(chunk_start) - 1)
    words = np.arange(len(times), dtype=np.uint64) << np.uint64(40)
    return np.array(group_start), np.array(chunk_start), np.array(times, np.int64), words


@pytest.mark.parametrize("seed", range(12))
def test_chaining_is_what_its_definition_says(seed):
    group_start, chunk_start, times, words = make_groups(seed)
    both = []
    for run in (chain_groups, chain_groups.py_func):
        out = (np.zeros(len(group_start), np.int64), np.zeros(len(times), np.int64), np.zeros(len(times), np.uint64))
        scratch = (np.zeros((2, 6), np.int64), np.zeros(6, np.int64), np.zeros(1, np.uint8))
        assert run(group_start, chunk_start, times, words, *scratch, *out) == len(group_start) - 1
        both.append(out)
    for ours, plain in zip(*both, strict=True):
        assert np.array_equal(ours, plain)
    start, out_times, _ = both[0]
    for group in range(len(start) - 1):
        given = times[chunk_start[group_start[group]] : chunk_start[group_start[group + 1]]]
        assert out_times[start[group] : start[group + 1]].tolist() == sorted(set(given.tolist()))


@pytest.mark.parametrize("seed", range(12))
def test_folding_is_what_its_definition_says(seed):
    group_start, chunk_start, times, words = make_groups(seed)
    both = []
    for run in (fold_groups, fold_groups.py_func):
        out = (np.zeros(len(group_start), np.int64), np.zeros(len(times), np.int64), np.zeros(len(times), np.uint64))
        scratch = (np.zeros(len(times), np.int64), np.zeros(len(times), np.uint64), np.zeros(1, np.uint8))
        assert run(group_start, chunk_start, times, words, *scratch, *out) == len(group_start) - 1
        both.append(out)
    for ours, plain in zip(*both, strict=True):
        assert np.array_equal(ours, plain)


def test_a_stop_ends_both_before_the_next_group():
    group_start, chunk_start, times, words = make_groups(0)
    out = (np.zeros(len(group_start), np.int64), np.zeros(len(times), np.int64), np.zeros(len(times), np.uint64))
    stop = np.ones(1, np.uint8)
    given = (group_start, chunk_start, times, words)
    assert chain_groups(*given, np.zeros((2, 6), np.int64), np.zeros(6, np.int64), stop, *out) == 0
    assert fold_groups(*given, np.zeros(len(times), np.int64), np.zeros(len(times), np.uint64), stop, *out) == 0


@pytest.mark.parametrize("seed", range(12))
def test_grouping_is_what_its_definition_says(seed):
    source = random.Random(seed)
    rows, blocks, spans = [], [], []
    for row in range(8):
        for block in range(3):
            time_ms = source.randrange(20)
            for _ in range(source.randrange(4)):
                end_ms = time_ms + source.randrange(1, 6)
                rows.append(row)
                blocks.append(block)
                spans.append((time_ms, end_ms))
                time_ms = end_ms + source.randrange(1, 9)
    count = len(rows)
    data = np.frombuffer(b"aaaabaaa", np.uint8)
    length = np.array([source.randrange(1, 4) for _ in range(count)])
    start = np.array([source.randrange(5) for _ in range(count)])
    low, high = np.ascontiguousarray(np.array(spans, np.int64).T)
    row_start = np.searchsorted(np.array(rows), np.arange(9))
    both = []
    for run in (group_chunks, group_chunks.py_func):
        out = (np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.uint8))
        groups = run(
            row_start, np.array(blocks, np.int32), low, high, *locate_buffers([data]), np.zeros(count, np.int32),
            start, length, np.ones(count, np.uint8), np.zeros((3, 3), np.int64), *out,
        )  # fmt: skip
        both.append((groups, *(column.tolist() for column in out)))
    assert both[0] == both[1]
    groups, order, group, _ = both[0]
    assert sorted(order) == list(range(count))
    reach = {}
    for chunk, number in zip(order, group, strict=True):
        row = rows[chunk]
        if number in reach:
            assert low[chunk] <= reach[number]
        elif number - 1 in reach and rows[order[group.index(number - 1)]] == row:
            assert low[chunk] > reach[number - 1]
        reach[number] = max(reach.get(number, -1), int(high[chunk]))
    assert len(reach) == groups
