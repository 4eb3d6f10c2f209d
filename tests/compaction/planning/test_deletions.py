"""What is deleted for good, and when the clock is not believed."""

from __future__ import annotations

from dataclasses import replace

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta
from promontory.block.ulid import make_ulid
from promontory.compaction.planning.deletions import plan_deletions, plan_partials
from promontory.compaction.settings import CompactionSettings
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, NOW_MS, block, mark, marks, number_of, state_of, ulid_of

SETTINGS = CompactionSettings()
YEAR_MS = 365 * DAY_MS
LIVE = [block(n, NOW_MS - 4 * HOUR_MS, NOW_MS - 2 * HOUR_MS) for n in (90, 91, 92)]


def marked_ago(age_ms: int, *numbers: int) -> dict[str, Mark]:
    return marks(MarkKind.DELETION, *numbers, time_ms=NOW_MS - age_ms)


def deleted(blocks: list[BlockMeta], found: dict[str, Mark], *, now_ms: int = NOW_MS) -> list[int]:
    plan = plan_deletions(state_of([*LIVE, *blocks], deletion_marks=found), SETTINGS, now_ms=now_ms)
    return [number_of(ulid) for ulid in plan.ulids]


def test_a_marked_block_is_deleted_after_the_delay() -> None:
    assert deleted([block(1, 0, 1)], marked_ago(48 * HOUR_MS, 1)) == []
    assert deleted([block(1, 0, 1)], marked_ago(48 * HOUR_MS + 1000, 1)) == [1]


def test_a_block_that_has_lost_its_meta_goes_on_being_deleted() -> None:
    assert deleted([], marked_ago(3 * DAY_MS, 1)) == [1]


def test_a_clock_ten_years_ahead_deletes_nothing_that_was_marked_just_now() -> None:
    blocks = [block(n, 0, 1) for n in range(1, 9)]
    state = state_of([*LIVE, *blocks], deletion_marks=marked_ago(0, *range(1, 9)))
    plan = plan_deletions(state, SETTINGS, now_ms=NOW_MS + 10 * YEAR_MS)
    assert plan.ulids == ()
    assert "8 of 11 blocks are due by this machine's clock alone" in plan.refused


def test_what_other_blocks_hold_goes_after_the_delay_also_where_nobody_writes() -> None:
    cover = block(20, 0, 8, sources=range(1, 9))
    blocks = [block(n, n - 1, n) for n in range(1, 9)]
    state = state_of([cover, *blocks], deletion_marks=marked_ago(0, *range(1, 9)))
    assert len(plan_deletions(state, SETTINGS, now_ms=NOW_MS + 3 * DAY_MS).ulids) == 8
    plan = plan_deletions(state, SETTINGS, now_ms=NOW_MS + 10 * YEAR_MS)
    assert plan.ulids == ()
    assert plan.refused


def partials(written: dict[str, int | None], *, now_ms: int = NOW_MS, **fields: object) -> tuple[tuple[str, ...], str]:
    plan = plan_partials(state_of(LIVE, partial_ms=written, **fields), SETTINGS, now_ms=now_ms)
    return plan.ulids, plan.refused


def test_an_upload_is_given_up_48_hours_after_its_newest_object() -> None:
    assert partials({ulid_of(1): NOW_MS - 48 * HOUR_MS}) == ((), "")
    assert partials({ulid_of(1): NOW_MS - 48 * HOUR_MS - 1}) == ((ulid_of(1),), "")


def test_without_times_of_objects_the_ulid_says_how_old_an_upload_is() -> None:
    young = make_ulid(NOW_MS - DAY_MS, bytes(10))
    assert partials({ulid_of(1): None, young: None}) == ((ulid_of(1),), "")


def test_a_marked_partial_block_is_left_to_the_deletion_of_marked_blocks() -> None:
    assert partials({ulid_of(1): 0}, deletion_marks=marked_ago(0, 1)) == ((), "")


def test_an_upload_of_just_now_is_not_given_up_by_a_clock_ten_years_ahead() -> None:
    found, refused = partials({ulid_of(1): NOW_MS, ulid_of(2): NOW_MS - YEAR_MS}, now_ms=NOW_MS + 10 * YEAR_MS)
    assert found == (ulid_of(2),)
    assert "1 were last written" in refused


def replaced(*numbers: int, details: str = "source of compacted block") -> dict[str, Mark]:
    return {ulid: replace(found, details=details) for ulid, found in marked_ago(3 * DAY_MS, *numbers).items()}


def test_what_a_block_that_turned_out_bad_took_the_place_of_is_kept() -> None:
    parents, merged = [block(1, 0, 1), block(2, 1, 2)], block(3, 0, 2, sources=(1, 2))
    blocks = [*LIVE, *parents, merged]
    known = (
        {"broken": frozenset({merged.ulid})},
        {"no_compact_marks": {merged.ulid: mark(3, MarkKind.NO_COMPACT, reason="block-chunk-corrupt")}},
    )
    for fields in known:
        plan = plan_deletions(state_of(blocks, deletion_marks=replaced(1, 2), **fields), SETTINGS, now_ms=NOW_MS)
        assert plan.ulids == ()
        assert f"2 stay, as the block in their place is bad: {ulid_of(1)}, {ulid_of(2)}" in plan.refused
    assert deleted([*parents, merged], replaced(1, 2)) == [1, 2]


def test_a_bad_block_keeps_nothing_that_another_holds_or_that_people_marked() -> None:
    parents, merged = [block(1, 0, 1), block(2, 1, 2)], block(3, 0, 2, sources=(1, 2))
    bad = frozenset({merged.ulid})
    again = state_of([*LIVE, *parents, merged, block(4, 0, 2, sources=(1, 2))], broken=bad)
    by_hand = state_of([*LIVE, *parents, merged], broken=bad)
    for state, details in ((again, "outdated block"), (by_hand, "")):
        marked = replace(state, deletion_marks=replaced(1, 2, details=details))
        assert plan_deletions(marked, SETTINGS, now_ms=NOW_MS).ulids == (ulid_of(1), ulid_of(2))
