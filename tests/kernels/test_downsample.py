"""The kernels of downsampling equal their plain definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from promontory.kernels import downsample_aggregates as aggregates
from promontory.kernels import downsample_histograms as histograms
from promontory.kernels import downsample_windows as windows
from promontory.kernels.histogram_bounds import POSITIVE

RANDOM = np.random.default_rng(11)
COUNT = 400
TIMES = 1_700_000_000_000 + np.cumsum(RANDOM.integers(1, 90_000, COUNT))
VALUES = np.where(RANDOM.random(COUNT) < 0.05, 3.0, np.cumsum(RANDOM.integers(0, 9, COUNT)).astype(float))
WIDTH_MS = 300_000


def run_both(kernel: Any, make: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    """Call a kernel and its definition on arguments of their own; return what the definition was given back."""
    compiled, plain = make(), make()
    results = kernel(*compiled), kernel.py_func(*plain)
    assert results[0] == results[1]
    for left, right in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(left, right)
    return (results[1], *plain)


def test_batches_and_windows() -> None:
    starts = np.array([0, 1, 150, COUNT])
    count, *_, batch_start = run_both(
        windows.cut_batches, lambda: (starts, TIMES, 60_000, WIDTH_MS, np.zeros(COUNT + 1, np.int64))
    )
    assert batch_start[count] == COUNT
    batch_start = batch_start[: count + 1]
    most, *_ = run_both(windows.bound_windows, lambda: (batch_start, TIMES, WIDTH_MS))
    counters = most + 2 * count
    _, *_, window_start, _, counts, _, _, _, _, _ = run_both(
        windows.fold_floats,
        lambda: (
            batch_start, TIMES, VALUES, WIDTH_MS, np.zeros(count + 1, np.int64), np.zeros(most, np.int64),
            *(np.zeros(most) for _ in range(4)), np.zeros(counters, np.int64), np.zeros(counters),
        ),
    )  # fmt: skip
    assert counts[: window_start[-1]].sum() == COUNT
    run_both(windows.count_nans, lambda: (np.array([1.0, np.nan, np.inf]),))
    run_both(windows.choose_chunk_count, lambda: (0, 86_400_000, 60_000, WIDTH_MS, 1440))


def test_a_batch_of_more_windows_than_a_chunk_can_count_is_cut() -> None:
    day_ms, days = 86_400_000, windows.MOST_WINDOWS + 5000
    batch_start = np.zeros(days + 1, np.int64)
    count = windows.cut_batches(np.array([0, days]), np.arange(days) * day_ms, 60_000, day_ms, batch_start)
    assert batch_start[: count + 1].tolist() == [0, windows.MOST_WINDOWS, days]


def test_the_last_window_of_all_time_ends_with_it() -> None:
    assert windows.end_window(2**63 - 2, WIDTH_MS) == windows.end_window.py_func(2**63 - 2, WIDTH_MS) == 2**63 - 1
    assert windows.end_window(-1, WIDTH_MS) == windows.end_window.py_func(-1, WIDTH_MS) == -1


@pytest.mark.parametrize("way", [aggregates.SUM, aggregates.LEAST, aggregates.GREATEST])
def test_aggregates_of_lanes(way: int) -> None:
    starts = np.array([0, 0, 7, 200, COUNT, COUNT])
    run_both(
        aggregates.fold_aggregates,
        lambda: (
            starts, TIMES, VALUES, WIDTH_MS, way,
            np.zeros(len(starts), np.int64), np.zeros(COUNT, np.int64), np.zeros(COUNT),
        ),
    )  # fmt: skip


def test_counters_of_lanes() -> None:
    starts = np.array([0, 0, 7, 200, COUNT, COUNT])
    values = np.where(RANDOM.random(COUNT) < 0.1, np.nan, VALUES)
    times = np.sort(np.concatenate([TIMES[: COUNT // 2], TIMES[: COUNT // 2]]))
    _, _, kept_times, kept_values, kept, last = run_both(
        aggregates.follow_counters,
        lambda: (starts, times.copy(), values.copy(), np.zeros(len(starts), np.int64), np.zeros(len(starts) - 1)),
    )
    run_both(
        aggregates.fold_counters,
        lambda: (
            kept, kept_times, kept_values, last, WIDTH_MS,
            np.zeros(len(kept), np.int64), np.zeros(2 * COUNT, np.int64), np.zeros(2 * COUNT),
        ),
    )  # fmt: skip


def test_batches_of_chunks() -> None:
    chunks = 60
    low = 1_700_000_000_000 + np.arange(chunks) * 10 * WIDTH_MS
    counts = RANDOM.integers(1, 10, chunks)
    run_both(
        aggregates.cut_chunk_batches,
        lambda: (
            np.array([0, 1, 30, chunks]), low, low + 9 * WIDTH_MS, counts, WIDTH_MS, 2 * WIDTH_MS,
            np.zeros(chunks + 1, np.int64),
        ),
    )  # fmt: skip


def test_chunks_whose_windows_a_chunk_cannot_count_together_are_kept_apart() -> None:
    low, start = np.arange(6) * WIDTH_MS, np.zeros(7, np.int64)
    counts = np.array([40_000, 20_000, 20_000, 64_000, 1, 1])
    count = aggregates.cut_chunk_batches(np.array([0, 6]), low, low, counts, WIDTH_MS, 10 * WIDTH_MS, start)
    assert start[: count + 1].tolist() == [0, 2, 3, 6]


@pytest.mark.parametrize("counters", [0, 1])
def test_windows_of_histograms(counters: int) -> None:
    rows, most_buckets = 40, 6
    sizes = RANDOM.integers(0, most_buckets, rows)
    bucket_start = np.concatenate([[0], np.cumsum(sizes)])
    key = np.concatenate(
        [np.sort(RANDOM.choice([-3, -1, 1, 2, 3, 5, 8], size, replace=False)) for size in sizes]
    ).astype(np.int32)  # fmt: skip
    key = np.where(key < 0, key - POSITIVE, key + POSITIVE).astype(np.int32)
    held, schema = RANDOM.integers(1, 9, len(key)).astype(float), RANDOM.integers(0, 3, rows).astype(np.int8)
    batch_start, fact = np.array([0, 3, 3, 25, rows]), RANDOM.random((rows, 3))
    batches = len(batch_start) - 1
    _, _, _, least = run_both(
        histograms.find_least_schemas, lambda: (batch_start, schema, np.zeros(batches, np.int8))
    )  # fmt: skip
    room = int(np.diff(bucket_start[batch_start]).max())
    needed, *_, layout_start, layout = run_both(
        histograms.unite_batch_keys,
        lambda: (
            batch_start, schema, least, bucket_start, key, np.zeros((2, room), np.int32),
            np.zeros(batches + 1, np.int64), np.zeros(len(key), np.int32),
        ),
    )  # fmt: skip
    assert layout_start[-1] == needed
    for batch in range(batches):
        assert (np.diff(layout[layout_start[batch] : layout_start[batch + 1]]) > 0).all()
    widest, reset = int(np.diff(layout_start).max()), RANDOM.random(rows) < 0.2
    run_both(
        histograms.fold_histograms,
        lambda: (
            counters, 0, batches, batch_start, TIMES[:rows], reset, WIDTH_MS, schema, fact, bucket_start, key, held,
            least, layout_start, layout[:needed], np.zeros((3, widest)), np.zeros((3, 3)),
            np.zeros(batches + 1, np.int64), np.zeros(rows, np.int64), np.zeros(rows), np.zeros((rows, 3)),
            np.zeros(rows + 1, np.int64), np.zeros(rows * widest, np.int32), np.zeros(rows * widest),
        ),
    )  # fmt: skip
