"""What is kept no longer, what waits for its cover, and a clock that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promontory.block.markers import MarkKind
from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.ladder import Ladder, Step, StreamLadder, default_ladder
from promontory.compaction.planning.guard import clock_behind
from promontory.compaction.planning.retention import RetentionPlan, plan_retention
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, NOW_MS, block, marks, number_of, state_of, ulid_of

FIVE_MINUTES_MS = 300_000
YEAR_MS = 365 * DAY_MS
THIRTY_DAYS = default_ladder(raw_keep_ms=30 * DAY_MS, five_minutes_keep_ms=60 * DAY_MS)
PLAIN = CompactionSettings(ladder=THIRTY_DAYS, downsampling=False)
COVERED = CompactionSettings(ladder=THIRTY_DAYS)


def ended(number: int, age_ms: int, **fields: object) -> BlockMeta:
    """Return a block of two hours that ended so long ago."""
    return block(number, NOW_MS - age_ms - 2 * HOUR_MS, NOW_MS - age_ms, **fields)  # type: ignore[arg-type]


NEWEST = ended(99, HOUR_MS)


def plan(
    blocks: list[BlockMeta], settings: CompactionSettings = PLAIN, *, now_ms: int = NOW_MS, **fields: object
) -> RetentionPlan:
    return plan_retention(state_of([*blocks, NEWEST], **fields), settings, now_ms=now_ms)


def gone(found: RetentionPlan) -> list[int]:
    return [number_of(deletion.ulid) for deletion in found.deletions]


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [(30 * DAY_MS - 1, []), (30 * DAY_MS, []), (30 * DAY_MS + 1, [1]), (31 * DAY_MS, [1])],
)
def test_a_block_goes_when_it_ended_longer_ago_than_its_keep(age_ms: int, expected: list[int]) -> None:
    assert gone(plan([ended(1, age_ms)])) == expected


def test_ends_count_in_whole_seconds_as_in_thanos() -> None:
    within_a_second = block(1, 0, NOW_MS - 30 * DAY_MS + 999)
    assert gone(plan([within_a_second])) == []
    assert gone(plan([within_a_second], now_ms=NOW_MS + 1)) == [1]


def test_resolutions_are_kept_apart_and_zero_is_for_ever() -> None:
    blocks = [ended(n, 61 * DAY_MS, resolution_ms=r) for n, r in ((1, 0), (2, FIVE_MINUTES_MS), (3, HOUR_MS))]
    assert gone(plan(blocks)) == [1, 2]
    assert gone(plan(blocks, CompactionSettings(downsampling=False))) == []


def test_the_reason_names_the_retention() -> None:
    assert plan([ended(1, 31 * DAY_MS)]).deletions[0].reason == "block exceeding retention of 30d"


def test_raw_samples_wait_for_the_coarser_block() -> None:
    found = plan([ended(1, 31 * DAY_MS)], COVERED)
    assert gone(found) == []
    assert found.waiting == {ulid_of(1): "resolution 5m does not cover it yet"}


def test_all_parts_of_the_coarser_block_together_cover_raw_samples() -> None:
    labels = NEWEST.labels.pairs
    parts = [
        ended(number, 31 * DAY_MS, sources=(1,), resolution_ms=FIVE_MINUTES_MS, labels=Labels(tuple(sorted(pairs))))
        for number, pairs in ((2, (*labels, (PART_LABEL, b"1_of_2"))), (3, (*labels, (PART_LABEL, b"2_of_2"))))
    ]
    raw, read = ended(1, 31 * DAY_MS), frozenset((ulid_of(2), ulid_of(3)))
    found = plan([raw, *parts], COVERED, verified=read)
    assert [(number_of(one.ulid), one.covers) for one in found.deletions] == [(1, (ulid_of(2), ulid_of(3)))]
    assert plan([raw, *parts], COVERED, verified=frozenset((ulid_of(2),))).unverified == (ulid_of(3),)
    assert list(plan([raw, parts[0]], COVERED, verified=read).waiting) == [raw.ulid]


def test_raw_samples_wait_until_the_coarser_block_was_read() -> None:
    blocks = [ended(1, 31 * DAY_MS), ended(2, 31 * DAY_MS, sources=(1,), resolution_ms=FIVE_MINUTES_MS)]
    found = plan(blocks, COVERED)
    assert (gone(found), found.unverified) == ([], (ulid_of(2),))
    found = plan(blocks, COVERED, verified=frozenset((ulid_of(2),)))
    assert (gone(found), found.deletions[0].covers) == ([1], (ulid_of(2),))


@pytest.mark.parametrize("trouble", ["marked", "broken"])
def test_a_coarser_block_that_goes_or_is_broken_covers_nothing(trouble: str) -> None:
    blocks = [ended(1, 31 * DAY_MS), ended(2, 31 * DAY_MS, sources=(1,), resolution_ms=FIVE_MINUTES_MS)]
    broken = frozenset((ulid_of(2),)) if trouble == "broken" else frozenset[str]()
    marked = marks(MarkKind.DELETION, 2) if trouble == "marked" else {}
    found = plan(blocks, COVERED, verified=frozenset((ulid_of(2),)), broken=broken, deletion_marks=marked)
    assert list(found.waiting) == [ulid_of(1)]


def test_the_cover_is_of_the_next_step_that_still_keeps_the_time() -> None:
    blocks = [ended(1, 61 * DAY_MS), ended(2, 61 * DAY_MS, sources=(1,), resolution_ms=FIVE_MINUTES_MS)]
    found = plan(blocks, COVERED, verified=frozenset((ulid_of(2),)))
    assert found.waiting == dict.fromkeys((ulid_of(1), ulid_of(2)), "resolution 1h does not cover it yet")
    blocks.append(ended(3, 61 * DAY_MS, sources=(1,), resolution_ms=HOUR_MS))
    assert gone(plan(blocks, COVERED, verified=frozenset((ulid_of(3),)))) == [1, 2]


def test_nothing_is_waited_for_where_no_step_keeps_the_time() -> None:
    ladder = default_ladder(raw_keep_ms=DAY_MS, five_minutes_keep_ms=DAY_MS, hour_keep_ms=DAY_MS)
    assert gone(plan([ended(1, 4 * DAY_MS)], CompactionSettings(ladder=ladder))) == [1]


def test_nothing_is_waited_for_where_the_operator_forbade_downsampling() -> None:
    blocks = [ended(1, 31 * DAY_MS)]
    assert gone(plan(blocks, COVERED, no_downsample_marks=marks(MarkKind.NO_DOWNSAMPLE, 1))) == [1]
    bad = marks(MarkKind.NO_DOWNSAMPLE, 1, reason="unreadable")  # type: ignore[arg-type]
    assert gone(plan(blocks, COVERED, no_downsample_marks=bad)) == []


def test_a_ladder_is_chosen_by_external_labels() -> None:
    short = StreamLadder((Step(0, DAY_MS),), matchers=(Matcher(MatchKind.EQUAL, b"tenant", b"x"),))
    settings = CompactionSettings(ladder=Ladder((short, StreamLadder((Step(0),)))))
    blocks = [ended(1, 9 * DAY_MS, labels=Labels.from_mapping({"tenant": "x"})), ended(2, 9 * DAY_MS)]
    assert gone(plan(blocks, settings)) == [1]


def test_a_clock_ten_years_ahead_marks_nothing_and_says_why() -> None:
    blocks = [ended(n, n * DAY_MS) for n in range(1, 29)]
    found = plan(blocks, now_ms=NOW_MS + 10 * YEAR_MS)
    assert gone(found) == []
    assert "29 of 29 blocks are due by this machine's clock alone" in found.refused
    assert "--delete.max-share" in found.refused


def test_a_clock_ten_years_ahead_still_lets_go_what_both_clocks_let_go() -> None:
    blocks = [ended(n, n * DAY_MS) for n in range(25, 40)]
    assert gone(plan(blocks, now_ms=NOW_MS + 10 * YEAR_MS)) == list(range(30, 40))


def test_blocks_of_other_compactors_speak_for_the_clock() -> None:
    blocks = [ended(n, n * DAY_MS) for n in range(30, 60)]
    own = state_of(blocks)
    now_ms = NOW_MS + 20 * DAY_MS
    assert plan_retention(own, PLAIN, now_ms=now_ms).refused
    found = plan_retention(replace(own, newest_sample_ms=now_ms), PLAIN, now_ms=now_ms)
    assert (len(found.deletions), found.refused) == (30, "")


def test_the_share_can_be_raised() -> None:
    settings = CompactionSettings(ladder=THIRTY_DAYS, downsampling=False, deletion_share=1)
    assert gone(plan([ended(1, DAY_MS)], settings, now_ms=NOW_MS + 10 * YEAR_MS)) == [1, 99]


def test_a_bucket_that_nobody_writes_to_still_empties_slowly() -> None:
    blocks = [ended(n, n * DAY_MS) for n in range(1, 29)]
    now_ms = NOW_MS + 6 * DAY_MS
    found = plan(blocks, now_ms=now_ms)
    assert (gone(found), found.refused) == ([25, 26, 27, 28], "")


def test_what_the_clock_alone_marked_before_counts_too() -> None:
    blocks = [ended(n, n * DAY_MS) for n in range(1, 29)]
    marked = marks(MarkKind.DELETION, 25, 26, 27, 28)
    assert plan(blocks, now_ms=NOW_MS + 9 * DAY_MS, deletion_marks=marked).refused == ""
    found = plan(blocks, now_ms=NOW_MS + 11 * DAY_MS, deletion_marks=marked)
    assert gone(found) == []
    assert found.refused


def test_a_clock_before_most_blocks_is_behind() -> None:
    state = state_of([block(n, 0, 1) for n in range(3 * DAY_MS, 3 * DAY_MS + 3)])
    assert clock_behind(state, now_ms=3 * DAY_MS) == ""
    assert "3 of 3 blocks" in clock_behind(state, now_ms=DAY_MS)
    assert clock_behind(state_of([]), now_ms=0) == ""


def test_a_broken_block_goes_in_its_time_but_is_no_cover() -> None:
    raw, broken = ended(1, 31 * DAY_MS), frozenset({ulid_of(2)})
    cover = ended(2, 31 * DAY_MS, sources=(1,), resolution_ms=FIVE_MINUTES_MS)
    assert gone(plan([raw, cover], COVERED, broken=broken)) == []
    assert gone(plan([raw], COVERED, broken=frozenset({ulid_of(1)}))) == []
    assert gone(plan([raw], PLAIN, broken=frozenset({ulid_of(1)}))) == [1]
    held = plan([raw, cover], COVERED, broken=frozenset({ulid_of(1)}), verified=frozenset({ulid_of(2)}))
    assert gone(held) == [1]
