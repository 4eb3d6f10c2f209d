"""Counting values: equal to the plain-Python twin, whatever room there is, and to a dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from promontory.kernels.value_counts import count_places, rebuild_pair_slots

ROWS, TIMES = 5, 6


@settings(max_examples=60, deadline=None)
@given(
    bits=arrays(np.int64, (ROWS, TIMES), elements=st.sampled_from([0, 1, -1, 2**63 - 1, 0x3FF0000000000000])),
    mask=arrays(np.bool_, (ROWS, TIMES)),
    group=arrays(np.int32, ROWS, elements=st.integers(0, 2)),
)
def test_each_present_place_counts_once(bits: np.ndarray, mask: np.ndarray, group: np.ndarray) -> None:
    expected = Counter(
        (int(group[row]), int(bits[row, j]), j) for row in range(ROWS) for j in range(TIMES) if mask[row, j]
    )
    for count, rebuild in ((count_places, rebuild_pair_slots), (count_places.py_func, rebuild_pair_slots.py_func)):
        room, slots = 0, np.zeros(1, np.int32)
        groups, values, counts = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, TIMES), np.uint32)
        done, known = np.zeros(2, np.int64), np.zeros(1, np.int64)
        while True:
            with np.errstate(over="ignore"):
                count(bits, mask, group, done, np.zeros(1, np.uint8), groups, values, counts, slots, known)
            if done[0] == ROWS:
                break
            assert known[0] == room, "it stops where there is no room"
            room = 2 * room + 1
            groups, values, counts = (
                np.concatenate([array, np.zeros((room - len(array), *array.shape[1:]), array.dtype)])
                for array in (groups, values, counts)
            )
            slots = np.zeros(64, np.int32)
            rebuild(groups, values, int(known[0]), slots)
        found = {
            (int(groups[pair]), int(values[pair]), j): int(counts[pair, j])
            for pair in range(int(known[0]))
            for j in range(TIMES)
            if counts[pair, j]
        }
        assert found == expected
