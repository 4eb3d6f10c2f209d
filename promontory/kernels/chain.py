"""Overlapping chunks of one series chained: all their timestamps, one sample each.

The chunks take turns: the one at work goes on as long as it is the earliest; of equal timestamps the first to come to
its turn counts, the others are passed over. Whose turn it is among equals is decided by a binary heap, which is kept
here as Go keeps it, so that the same sample is chosen as Prometheus chooses: parent of i at (i - 1) // 2, the last
one put in the place of the first that leaves.
Source: Prometheus 3.14, storage/merge.go (chain sample iterator); Go, container/heap.
Format: docs/formats/deduplication.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.compile import kernel

Offsets = NDArray[np.int64]
Words = NDArray[np.uint64]


@kernel("void(int64[:, ::1], int64, int64, int64)")
def push_heap(heap: Offsets, count: int, time_ms: int, lane: int) -> None:
    """Add (time, lane) to the `count` entries of the heap; heap: int64[2, most]."""
    place = count
    while place > 0:
        parent = (place - 1) // 2
        if time_ms >= heap[0, parent]:
            break
        heap[0, place] = heap[0, parent]
        heap[1, place] = heap[1, parent]
        place = parent
    heap[0, place] = time_ms
    heap[1, place] = lane


@kernel("int64(int64[:, ::1], int64)")
def pop_heap(heap: Offsets, count: int) -> int:
    """Take the first of the `count` entries away; return its lane."""
    lane = heap[1, 0]
    last = count - 1
    time_ms = heap[0, last]
    moved = heap[1, last]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and heap[0, child + 1] < heap[0, child]:
            child += 1
        if heap[0, child] >= time_ms:
            break
        heap[0, place] = heap[0, child]
        heap[1, place] = heap[1, child]
        place = child
    heap[0, place] = time_ms
    heap[1, place] = moved
    return int(lane)


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], uint64[::1], int64[:, ::1], int64[::1], uint8[::1],"
    " int64[::1], int64[::1], uint64[::1])"
)
def chain_groups(
    group_start: Offsets, chunk_start: Offsets, times: Offsets, words: Words,
    heap: Offsets, at: Offsets, stop: NDArray[np.uint8], out_start: Offsets, out_times: Offsets, out_words: Words,
) -> int:  # fmt: skip
    """Chain the chunks of each group; return how many groups were done.

    group_start: int64[g + 1], chunks of each group, the first of which comes last among equals · chunk_start:
    int64[c + 1], times of a chunk do not fall · heap: int64[2, most chunks of a group] · at: int64[most chunks] ·
    out_start: int64[g + 1] · out_times, out_words: as large as the input
    """
    place = 0
    out_start[0] = 0
    for group in range(len(group_start) - 1):
        if stop[0] != 0:
            return group
        first = group_start[group]
        lanes = group_start[group + 1] - first
        waiting = 0
        for lane in range(lanes):
            # The chunk that opened the group stands behind all others.
            chunk = first + (lane + 1) % lanes
            at[lane] = chunk_start[chunk]
            if lane > 0 and chunk_start[chunk] < chunk_start[chunk + 1]:
                push_heap(heap, waiting, times[chunk_start[chunk]], lane)
                waiting += 1
        place = chain_lanes(
            first, lanes, waiting, chunk_start, times, words, heap, at, place, out_times, out_words
        )  # fmt: skip
        out_start[group + 1] = place
    return len(group_start) - 1


@kernel(
    "int64(int64, int64, int64, int64[::1], int64[::1], uint64[::1], int64[:, ::1], int64[::1], int64,"
    " int64[::1], uint64[::1])"
)
def chain_lanes(
    first: int, lanes: int, waiting: int, chunk_start: Offsets, times: Offsets, words: Words,
    heap: Offsets, at: Offsets, place: int, out_times: Offsets, out_words: Words,
) -> int:  # fmt: skip
    """Chain one group from `place` on; lane 0 is at work, `waiting` others are in the heap; return the end."""
    begin = place
    last_ms = 0
    lane = 0
    sample = at[0]
    end = chunk_start[first + 1 % lanes + 1]
    while True:
        if sample < end:
            time_ms = times[sample]
            if place > begin and time_ms == last_ms:
                sample += 1
                continue
            if waiting == 0 or time_ms < heap[0, 0]:
                out_times[place] = time_ms
                out_words[place] = words[sample]
                place += 1
                last_ms = time_ms
                sample += 1
                continue
            at[lane] = sample
            push_heap(heap, waiting, time_ms, lane)
            waiting += 1
        elif waiting == 0:
            return place
        lane = pop_heap(heap, waiting)
        waiting -= 1
        sample = at[lane]
        end = chunk_start[first + (lane + 1) % lanes + 1]
        time_ms = times[sample]
        if place == begin or time_ms != last_ms:
            out_times[place] = time_ms
            out_words[place] = words[sample]
            place += 1
            last_ms = time_ms
        sample += 1
