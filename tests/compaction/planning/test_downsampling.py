"""Which blocks are downsampled, by Thanos' rules and by a ladder of one's own."""

from __future__ import annotations

import pytest

from promontory.block.markers import MarkKind
from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.ladder import Ladder, Step, StreamLadder, default_ladder
from promontory.compaction.planning.downsampling import plan_downsampling
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, NOW_MS, block, marks, number_of, state_of

FIVE_MINUTES_MS = 300_000
SETTINGS = CompactionSettings()
START = NOW_MS - 40 * DAY_MS


def hours(number: int, start: int, end: int, **fields: object) -> BlockMeta:
    return block(number, START + start * HOUR_MS, START + end * HOUR_MS, **fields)  # type: ignore[arg-type]


NEWEST = hours(99, 957, 959)


def planned(
    blocks: list[BlockMeta], settings: CompactionSettings = SETTINGS, **fields: object
) -> list[tuple[int, int]]:
    jobs = plan_downsampling(state_of([*blocks, NEWEST], **fields), settings, now_ms=NOW_MS)
    return [(number_of(job.inputs[0]), job.resolution_ms) for job in jobs]


def raw_for(days: int) -> CompactionSettings:
    return CompactionSettings(ladder=default_ladder(raw_keep_ms=days * DAY_MS))


@pytest.mark.parametrize(("length", "expected"), [(39, []), (40, [(1, FIVE_MINUTES_MS)])])
def test_raw_blocks_of_forty_hours_become_five_minutes(length: int, expected: list[tuple[int, int]]) -> None:
    assert planned([hours(1, 0, length)]) == expected


@pytest.mark.parametrize(("length", "expected"), [(239, []), (240, [(1, HOUR_MS)])])
def test_blocks_of_ten_days_become_an_hour(length: int, expected: list[tuple[int, int]]) -> None:
    assert planned([hours(1, 0, length, resolution_ms=FIVE_MINUTES_MS)]) == expected


def test_what_is_covered_is_left_also_by_several_blocks() -> None:
    coarse = [hours(n, 0, 48, sources=(n,), resolution_ms=FIVE_MINUTES_MS) for n in (11, 12)]
    assert planned([hours(1, 0, 96, sources=(11, 12)), *coarse]) == []
    assert planned([hours(1, 0, 96, sources=(11, 12, 13)), *coarse]) == [(1, FIVE_MINUTES_MS)]


def part(name: bytes, *sources: int) -> BlockMeta:
    labels = Labels(tuple(sorted((*NEWEST.labels.pairs, (PART_LABEL, name)))))
    number = 20 + int(name[:1])
    return hours(number, 0, 96, sources=sources, resolution_ms=FIVE_MINUTES_MS, labels=labels)


def test_parts_cover_and_cross_whole_blocks_where_all_of_them_are_there() -> None:
    parts = [part(b"1_of_2", 1, 2), part(b"2_of_2", 1, 2)]
    assert planned([hours(1, 0, 48), *parts]) == []
    assert planned([hours(1, 0, 48), hours(3, 48, 96, sources=(2, 3)), *parts]) == []
    assert planned([hours(1, 0, 48), parts[0]]) == [(1, FIVE_MINUTES_MS)]
    assert planned([hours(1, 0, 48), *parts], broken=frozenset((parts[1].ulid,))) == [(1, FIVE_MINUTES_MS)]


def test_oldest_blocks_come_first() -> None:
    assert planned([hours(2, 0, 48), hours(1, 48, 96)]) == [(1, FIVE_MINUTES_MS), (2, FIVE_MINUTES_MS)]


def test_marked_blocks_are_left_and_an_hour_is_the_end() -> None:
    assert planned([hours(1, 0, 48)], no_downsample_marks=marks(MarkKind.NO_DOWNSAMPLE, 1)) == []
    assert planned([hours(1, 0, 48)], deletion_marks=marks(MarkKind.DELETION, 1)) == []
    assert planned([hours(1, 0, 480, resolution_ms=HOUR_MS)]) == []
    assert planned([hours(1, 0, 48)], CompactionSettings(downsampling=False)) == []


def test_a_block_marked_against_downsampling_still_covers() -> None:
    coarse = hours(2, 0, 48, sources=(1,), resolution_ms=FIVE_MINUTES_MS)
    assert planned([hours(1, 0, 48), coarse], no_downsample_marks=marks(MarkKind.NO_DOWNSAMPLE, 2)) == []


def test_a_cover_that_is_marked_for_deletion_or_broken_is_made_again() -> None:
    coarse = hours(2, 0, 48, sources=(1,), resolution_ms=FIVE_MINUTES_MS)
    blocks = [hours(1, 0, 48), coarse]
    assert planned(blocks, deletion_marks=marks(MarkKind.DELETION, 2)) == [(1, FIVE_MINUTES_MS)]
    assert planned(blocks, broken=frozenset((coarse.ulid,))) == [(1, FIVE_MINUTES_MS)]


def test_a_short_block_that_is_past_its_keep_is_downsampled_so_that_it_can_go() -> None:
    assert planned([hours(1, 0, 2)], raw_for(39)) == [(1, FIVE_MINUTES_MS)]
    assert planned([hours(1, 0, 2)], raw_for(40)) == []


def test_a_step_that_would_not_be_kept_is_made_only_for_a_coarser_one() -> None:
    ladder = default_ladder(five_minutes_keep_ms=10 * DAY_MS, hour_keep_ms=20 * DAY_MS)
    assert planned([hours(1, 0, 48)], CompactionSettings(ladder=ladder)) == []
    ladder = default_ladder(five_minutes_keep_ms=10 * DAY_MS)
    assert planned([hours(1, 0, 48)], CompactionSettings(ladder=ladder)) == [(1, FIVE_MINUTES_MS)]
    hourly = hours(2, 0, 48, sources=(1,), resolution_ms=HOUR_MS)
    assert planned([hours(1, 0, 48), hourly], CompactionSettings(ladder=ladder)) == []


def test_a_block_that_would_overlap_a_coarser_one_waits() -> None:
    coarse = hours(2, 0, 96, sources=(11, 12), resolution_ms=FIVE_MINUTES_MS)
    assert planned([hours(1, 0, 48, sources=(11, 13)), coarse]) == []
    assert planned([hours(1, 0, 96, sources=(11, 12, 13)), coarse]) == [(1, FIVE_MINUTES_MS)]


def test_a_ladder_of_ones_own_goes_by_its_steps() -> None:
    steps = (Step(0, 7 * DAY_MS), Step(60_000, 30 * DAY_MS, 8 * HOUR_MS), Step(HOUR_MS, 0, 240 * HOUR_MS))
    settings = CompactionSettings(ladder=Ladder((StreamLadder(steps),)))
    assert planned([hours(1, 900, 908)], settings) == [(1, 60_000)]
    assert planned([hours(1, 900, 907)], settings) == []
    assert planned([hours(1, 0, 8, resolution_ms=60_000)], settings) == [(1, HOUR_MS)]
    assert planned([hours(1, 0, 480, resolution_ms=FIVE_MINUTES_MS)], settings) == []
