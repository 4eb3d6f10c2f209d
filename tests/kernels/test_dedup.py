"""The kernels of de-duplication: equal to their definitions, and to a penalty merge written from its description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promontory.kernels import dedup as kernels

Sample = tuple[int, int]
LANE = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 2**64 - 1)), max_size=14, unique_by=lambda one: one[0])


def describe_penalty_merge(a: list[Sample], b: list[Sample]) -> list[Sample]:
    """The description, literally: two iterators that seek, one sample a step."""
    taken: list[Sample] = []
    penalty = {"a": 0, "b": 0}
    lanes = {"a": list(a), "b": list(b)}
    while True:
        for side, lane in lanes.items():
            while taken and lane and lane[0][0] < taken[-1][0] + 1 + penalty[side]:
                lane.pop(0)
        live = [side for side in ("a", "b") if lanes[side]]
        if not live:
            return taken
        winner = min(live, key=lambda side: (lanes[side][0][0], side))
        sample = lanes[winner][0]
        if len(live) == 2:
            other = "b" if winner == "a" else "a"
            penalty[other] = 2 * (sample[0] - taken[-1][0]) if taken else 5000
        penalty[winner] = 0
        taken.append(sample)


def columns_of(samples: list[Sample]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([time for time, _ in samples], np.int64), np.array([word for _, word in samples], np.uint64)


def fold(rows: list[list[list[Sample]]], *, plain: bool, stop: int = 0) -> list[list[Sample]]:
    lanes = [lane for row in rows for lane in row]
    row_lane = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    lane_start = np.concatenate([[0], np.cumsum([len(lane) for lane in lanes])]).astype(np.int64)
    times, words = columns_of([sample for lane in lanes for sample in lane])
    size = max([1, *(sum(map(len, row)) for row in rows)])
    out_start = np.zeros(len(rows) + 1, np.int64)
    out_times, out_words = np.zeros_like(times), np.zeros_like(words)
    run = kernels.fold_rows.py_func if plain else kernels.fold_rows
    done = run(
        row_lane, lane_start, times, words, np.zeros((3, size), np.int64), np.zeros((3, size), np.uint64),
        np.zeros(size + 1, np.int64), np.array([stop], np.uint8), out_start, out_times, out_words,
    )  # fmt: skip
    return [
        [(int(out_times[i]), int(out_words[i])) for i in range(out_start[row], out_start[row + 1])]
        for row in range(done)
    ]


@given(st.lists(st.lists(LANE.map(sorted), max_size=4), max_size=4), st.sampled_from([1, 100, 15000]))
@settings(max_examples=150, deadline=None)
def test_lanes_fold_as_described(rows: list[list[list[Sample]]], unit: int) -> None:
    scaled = [[[(time * unit, word) for time, word in lane] for lane in row] for row in rows]
    expected = []
    for row in scaled:
        folded = row[0] if row else []
        for lane in row[1:]:
            folded = describe_penalty_merge(folded, lane)
        expected.append(folded)
    assert fold(scaled, plain=False) == expected
    assert fold(scaled, plain=True) == expected


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_lanes_fold_as_described_at_the_ends_of_time(seed: int, plain: bool) -> None:
    random = np.random.default_rng(seed)
    ends = [-(2**63), -(2**63) + 1, -(2**62), -1, 0, 2**62, 2**63 - 2, 2**63 - 1]
    a, b = ([(int(time), 1) for time in sorted(random.choice(ends, 5, replace=False))] for _ in range(2))
    assert fold([[a, b]], plain=plain) == [describe_penalty_merge(a, b)]


@given(LANE)
@settings(max_examples=80, deadline=None)
def test_overlapping_pieces_of_a_lane_are_united_by_timestamp(pieces: list[Sample]) -> None:
    doubled = [*pieces, *((time, word ^ 1) for time, word in pieces[::2])]
    first: dict[int, int] = {}
    for time, word in doubled:
        first.setdefault(time, word)
    for plain in (False, True):
        assert fold([[doubled]], plain=plain) == [sorted(first.items())]


@given(st.sets(st.integers(0, 99), max_size=60), st.sets(st.integers(0, 99), max_size=60), st.integers(0, 7000))
@example(a_missed={0, 2, 4, 5, 6}, b_missed=set(), phase_ms=0)
@settings(max_examples=60, deadline=None)
def test_what_was_scraped_by_either_replica_leaves_no_gap_of_its_own(
    a_missed: set[int], b_missed: set[int], phase_ms: int
) -> None:
    a = [(number * 15000, 1) for number in range(100) if number not in a_missed]
    b = [(number * 15000 + phase_ms, 2) for number in range(100) if number not in b_missed]
    (merged,) = fold([[a, b]], plain=False)
    times = [time for time, _ in merged]
    assert times == sorted(set(times))
    assert set(merged) <= {*a, *b}
    # A lane is left for at most twice the distance just bridged, and a distance is one of either lane's or shorter: so
    # the merged gap is at most three times the widest of the two.
    widest = max([15000, *(gap for lane in (a, b) for gap in np.diff([time for time, _ in lane]))])
    assert all(gap <= 3 * widest + phase_ms for gap in np.diff(times))


def test_given_up_folding_says_how_far_it_came() -> None:
    rows = [[[(1, 1)]], [[(2, 2)]]]
    assert fold(rows, plain=False, stop=1) == fold(rows, plain=True, stop=1) == []


@pytest.mark.parametrize("plain", [False, True])
def test_chunks_of_unknown_source_take_the_first_lane_that_has_ended(plain: bool) -> None:
    assign = kernels.assign_lanes.py_func if plain else kernels.assign_lanes
    row = np.array([0, 0, 0, 0, 0, 1, 1, 1], np.int32)
    rank = np.array([0, 0, 0, 1, 2, 0, 0, 2], np.int32)
    min_ms = np.array([0, 5, 11, 0, 0, 0, 10, 0], np.int64)
    max_ms = np.array([9, 20, 30, 9, 9, 9, 20, 9], np.int64)
    lane = np.zeros(8, np.int32)
    above = assign(row, rank, min_ms, max_ms, lane, np.zeros(8, np.int64))
    assert lane.tolist() == [0, 1, 0, 2, 3, 0, 0, 3]
    assert above == 4


def test_rows_that_do_not_rise_are_found() -> None:
    start = np.array([0, 2, 2, 4], np.int64)
    for find_disorder in (kernels.find_disorder, kernels.find_disorder.py_func):
        assert find_disorder(start, np.array([1, 2, 1, 2], np.int64)) == 3
        assert find_disorder(start, np.array([1, 2, 2, 2], np.int64)) == 2
        assert find_disorder(start, np.array([2, 1, 1, 2], np.int64)) == 0
