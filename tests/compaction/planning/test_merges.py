"""The planner of merges, on the cases that Thanos' planner is known by."""

from __future__ import annotations

import pytest

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.compaction.groups import group_blocks
from promontory.compaction.job import JobKind, Part
from promontory.compaction.ladder import Ladder, SeriesRule, Step, StreamLadder
from promontory.compaction.planning.merges import plan_merges
from promontory.compaction.settings import CompactionSettings
from promontory.errors import HaltError
from promontory.model.matcher import Matcher, MatchKind
from tests.compaction.planning.made_up import (
    DAY_MS,
    NOW_MS,
    block,
    inputs_of,
    marks,
    merge_plan,
    row,
    state_of,
    ulid_of,
)

RANGES = (20, 60, 240, 720, 2160)
SETTINGS = CompactionSettings(ranges_ms=RANGES)
VERTICAL = CompactionSettings(ranges_ms=RANGES, vertical=True)


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        pytest.param([(0, 20)], [], id="one block"),
        pytest.param([(0, 20), (20, 40)], [], id="the newest stays out, and one is left"),
        pytest.param([(0, 20), (20, 40), (40, 60)], [], id="the range is not full without the newest"),
        pytest.param([(0, 20), (20, 40), (40, 60), (60, 80)], [[1, 2, 3]], id="a full range"),
        pytest.param([(0, 20), (20, 40), (60, 80)], [], id="a gap at the end, and the newest just behind"),
        pytest.param([(0, 20), (20, 40), (60, 80), (80, 100)], [[1, 2]], id="a gap before a newer block"),
        pytest.param([(0, 20), (40, 60), (60, 80)], [[1, 2]], id="a gap inside"),
        pytest.param([(0, 60), (60, 120), (120, 180), (180, 200)], [], id="three of four of the next range"),
        pytest.param([(0, 60), (60, 120), (120, 180), (180, 240), (240, 260)], [[1, 2, 3, 4]], id="the next range"),
        pytest.param([(0, 60), (60, 120), (120, 180), (240, 260), (260, 280)], [[1, 2, 3]], id="complete with a gap"),
        pytest.param([(0, 40), (40, 80), (80, 120), (120, 140)], [], id="a block across the border fits in no range"),
        pytest.param([(0, 20), (20, 40), (40, 60), (60, 80), (80, 100), (100, 120), (120, 140)], [[1, 2, 3], [4, 5, 6]],
                     id="two ranges side by side"),
        pytest.param([(-60, -40), (-40, -20), (-20, 0), (0, 20)], [[1, 2, 3]], id="before the epoch"),
        pytest.param([(0, 720), (720, 1440), (1440, 2160), (2160, 2180)], [[1, 2, 3]], id="the largest range"),
        pytest.param([(0, 2160), (2160, 4320), (4320, 4340)], [], id="nothing is larger"),
    ],
)  # fmt: skip
def test_aligned_ranges_are_merged_as_thanos_merges_them(
    ranges: list[tuple[int, int]], expected: list[list[int]]
) -> None:
    assert inputs_of(merge_plan(row(*ranges), SETTINGS).jobs) == expected


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ([1], [[2, 3]]),
        ([2], []),
        ([3], [[1, 2]]),
        ([1, 3], []),
        ([4], [[1, 2, 3]]),
    ],
)
def test_a_mark_splits_a_range_into_runs(excluded: list[int], expected: list[list[int]]) -> None:
    plan = merge_plan(
        row((0, 20), (20, 40), (40, 60), (60, 80)), SETTINGS, no_compact=marks(MarkKind.NO_COMPACT, *excluded)
    )
    assert inputs_of(plan.jobs) == expected


def test_both_runs_beside_a_mark_are_merged() -> None:
    blocks = row(*((20 * n, 20 * n + 20) for n in range(13)))
    plan = merge_plan(blocks, CompactionSettings(ranges_ms=(20, 240)), no_compact=marks(MarkKind.NO_COMPACT, 5))
    assert inputs_of(plan.jobs) == [[1, 2, 3, 4], [6, 7, 8, 9, 10, 11, 12]]


def test_a_marked_newest_block_still_stays_out() -> None:
    plan = merge_plan(row((0, 20), (20, 40), (40, 60)), SETTINGS, no_compact=marks(MarkKind.NO_COMPACT, 3))
    assert not plan.jobs


def test_a_block_marked_for_deletion_is_not_merged_nor_across() -> None:
    blocks = row(*((20 * n, 20 * n + 20) for n in range(7)))
    (group,) = group_blocks(blocks, ())
    state = state_of(blocks, deletion_marks=marks(MarkKind.DELETION, 3))
    plan = plan_merges(group, state, CompactionSettings(ranges_ms=(20, 120)), now_ms=NOW_MS)
    assert inputs_of(plan.jobs) == [[1, 2], [4, 5, 6]]


def test_a_range_with_a_failed_block_is_passed_over() -> None:
    blocks = [block(1, 0, 20), block(2, 20, 40, failed=True), block(3, 40, 60), block(4, 60, 80)]
    assert not merge_plan(blocks, SETTINGS).jobs


def test_merges_that_need_an_output_are_counted_and_not_planned() -> None:
    blocks = row(*((20 * n, 20 * n + 20) for n in range(13)))
    plan = merge_plan(blocks, SETTINGS)
    assert inputs_of(plan.jobs) == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    assert (plan.todo_jobs, plan.todo_blocks) == (5, 16)


def test_a_single_range_means_no_merging() -> None:
    assert not merge_plan(row((0, 20), (20, 40), (60, 80)), CompactionSettings(ranges_ms=(20,))).jobs


OVERLAPPING = [(0, 20), (10, 30), (20, 40), (40, 60), (60, 80), (70, 90), (90, 110)]


def test_overlapping_blocks_come_first_where_overlaps_may_be_merged() -> None:
    plan = merge_plan(row(*OVERLAPPING), VERTICAL)
    assert inputs_of(plan.jobs) == [[1, 2, 3], [5, 6]]


def test_the_newest_block_too_is_merged_with_what_it_overlaps() -> None:
    assert inputs_of(merge_plan(row((0, 20), (0, 20)), VERTICAL).jobs) == [[1, 2]]


def test_a_marked_block_overlaps_nothing() -> None:
    plan = merge_plan(row((0, 20), (0, 20), (20, 40)), VERTICAL, no_compact=marks(MarkKind.NO_COMPACT, 2))
    assert not plan.jobs


def test_overlapping_blocks_are_set_aside_and_the_others_go_on() -> None:
    blocks = row((0, 20), (20, 40), (40, 60), (60, 80), (70, 80), (80, 100))
    plan = merge_plan(blocks, SETTINGS)
    assert inputs_of(plan.jobs) == [[1, 2, 3]]
    assert [(found.ulid, found.reason) for found in plan.quarantines] == [
        (ulid_of(4), "overlapping-blocks"),
        (ulid_of(5), "overlapping-blocks"),
    ]
    assert plan.quarantines[0].details == f"overlaps in time with {ulid_of(5)}"


def test_an_overlap_halts_where_that_was_asked_for() -> None:
    with pytest.raises(HaltError, match=ulid_of(2)):
        merge_plan(row((0, 20), (10, 30)), CompactionSettings(ranges_ms=RANGES, halt_on_error=True))


def test_overlapping_downsampled_blocks_are_set_aside_also_where_overlaps_are_merged() -> None:
    plan = merge_plan(row((0, 20), (10, 30), (30, 50), resolution_ms=300_000), VERTICAL)
    assert not plan.jobs
    assert [found.reason for found in plan.quarantines] == ["downsample-vertical-compaction"] * 2


def large(number: int, start: int, end: int, size: int) -> BlockMeta:
    return block(number, start, end, index_bytes=size)


def test_the_largest_index_is_set_aside_until_the_rest_fits() -> None:
    blocks = [large(1, 0, 20, 40), large(2, 20, 40, 60), large(3, 40, 60, 30), large(4, 60, 80, 1)]
    plan = merge_plan(blocks, CompactionSettings(ranges_ms=RANGES, max_index_bytes=100))
    assert not plan.jobs
    assert [(found.ulid, found.reason) for found in plan.quarantines] == [(ulid_of(2), "index-size-exceeding")]


def test_of_many_indexes_the_largest_up_to_the_limit_is_set_aside_though_a_larger_one_follows() -> None:
    blocks = [large(1, 0, 20, 50), large(2, 20, 40, 40), large(3, 40, 60, 70), large(4, 60, 80, 1)]
    plan = merge_plan(blocks, CompactionSettings(ranges_ms=RANGES, max_index_bytes=100))
    assert [found.ulid for found in plan.quarantines] == [ulid_of(1), ulid_of(3)]


def test_a_merge_whose_index_would_be_too_large_can_be_cut_into_parts() -> None:
    blocks = [large(1, 0, 20, 40), large(2, 20, 40, 60), large(3, 40, 60, 30), large(4, 60, 80, 1)]
    plan = merge_plan(blocks, CompactionSettings(ranges_ms=RANGES, max_index_bytes=100, parts=2))
    assert [job.part for job in plan.jobs] == [Part(0, 2), Part(1, 2)]
    assert inputs_of(plan.jobs) == [[1, 2, 3], [1, 2, 3]]


def test_a_block_of_which_much_was_deleted_is_written_anew() -> None:
    blocks = [block(1, 0, 240, tombstones=1, series=10), block(2, 240, 260)]
    (job,) = merge_plan(blocks, SETTINGS).jobs
    assert (job.kind, job.inputs) == (JobKind.REWRITE, (ulid_of(1),))


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([block(1, 0, 60, tombstones=5), block(2, 60, 80)], id="too short"),
        pytest.param([block(1, 0, 240, tombstones=1, series=19), block(2, 240, 260)], id="too few"),
        pytest.param([block(1, 0, 240), block(2, 240, 480, tombstones=5)], id="the newest"),
        pytest.param(
            [block(1, 0, 240, tombstones=5), block(2, 240, 260), block(3, 300, 320)], id="behind a shorter one"
        ),
    ],
)
def test_other_blocks_with_tombstones_are_left(blocks: list[BlockMeta]) -> None:
    assert not merge_plan(blocks, SETTINGS).jobs


def test_what_a_ladder_retires_leaves_with_a_merge_whose_output_is_past_it() -> None:
    debug = (Matcher(MatchKind.REGEX, b"__name__", b"debug_.*"),)
    fresh = (Matcher(MatchKind.EQUAL, b"job", b"x"),)
    ladder = StreamLadder((Step(0),), (SeriesRule(debug, DAY_MS), SeriesRule(fresh, NOW_MS)))
    settings = CompactionSettings(ranges_ms=RANGES, ladder=Ladder((ladder,)))
    (job,) = merge_plan(row((0, 20), (20, 40), (40, 60), (60, 80)), settings).jobs
    assert job.retired == (debug,)


def test_ten_thousand_blocks_of_one_stream_are_planned() -> None:
    hour = 3_600_000
    blocks = row(*((2 * n * hour, 2 * (n + 1) * hour) for n in range(10_000)))
    plan = merge_plan(blocks, CompactionSettings())
    assert len(plan.jobs) == 2499
    assert plan.todo_jobs == 2499 + 416 + 59
