"""When the parts of a stream have taken the place of a whole block."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import PART_LABEL, BlockMeta
from promontory.compaction.planning.deletions import COMPACTED, plan_deletions
from promontory.compaction.planning.garbage import GarbagePlan, plan_garbage
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import HOUR_MS, NOW_MS, block, marks, number_of, state_of, ulid_of

SETTINGS = CompactionSettings()
WHOLE = [block(1, 0, 20), block(2, 20, 40)]


def part(number: int, name: bytes, sources: tuple[int, ...] = (1, 2)) -> BlockMeta:
    labels = WHOLE[0].labels
    named = Labels(tuple(sorted((*labels.pairs, (PART_LABEL, name)))))
    return block(number, 0, 40, sources=sources, labels=named)


def due() -> dict[str, Mark]:
    """Return the marks of a compactor that has put others in the place of the whole blocks."""
    found = marks(MarkKind.DELETION, 1, 2, time_ms=NOW_MS - 49 * HOUR_MS)
    return {ulid: replace(mark, details=COMPACTED) for ulid, mark in found.items()}


PARTS = [part(3, b"1_of_2"), part(4, b"2_of_2")]


def plan(blocks: list[BlockMeta], *verified: int) -> GarbagePlan:
    return plan_garbage(state_of(blocks, verified=frozenset(map(ulid_of, verified))), SETTINGS)


def gone(found: GarbagePlan) -> list[int]:
    return [number_of(deletion.ulid) for deletion in found.deletions]


def test_what_a_compactor_cut_off_while_marking_has_left_is_outdated() -> None:
    found = plan([WHOLE[1], *PARTS], 3, 4)
    assert gone(found) == [2]
    assert found.deletions[0].covers == (ulid_of(3), ulid_of(4))


def test_parts_that_were_not_read_are_to_be_read_first() -> None:
    assert plan([WHOLE[1], *PARTS], 3) == GarbagePlan(unverified=(ulid_of(4),))


def test_before_the_first_mark_nothing_tells_that_parts_hold_all_together() -> None:
    assert plan([*WHOLE, *PARTS], 3, 4) == GarbagePlan()


@pytest.mark.parametrize(
    "others",
    [
        PARTS[:1],
        [PARTS[0], part(4, b"2_of_2", (1,))],
        [PARTS[0], part(4, b"2_of_3")],
        [PARTS[0], part(4, b"1_of_2", (2,))],
        [PARTS[0], part(4, b"other")],
    ],
    ids=["one missing", "one without the source", "of another number", "one twice", "another's numbering"],
)
def test_parts_that_are_not_all_there_take_no_place(others: list[BlockMeta]) -> None:
    found = plan([WHOLE[1], *others], 3, 4)
    assert ulid_of(2) not in {deletion.ulid for deletion in found.deletions}


def test_parts_of_different_lengths_hold_what_each_of_them_holds() -> None:
    first = [part(5, b"1_of_2", (1,)), part(6, b"1_of_2", (2, 7))]
    assert gone(plan([WHOLE[1], *first, PARTS[1]], 4, 5, 6)) == [2]


def test_a_marked_input_whose_parts_stand_goes_though_no_newer_sample_confirms_it() -> None:
    state = state_of([*WHOLE, *PARTS], deletion_marks=due())
    assert [*map(number_of, plan_deletions(state, SETTINGS, now_ms=NOW_MS).ulids)] == [1, 2]


def test_a_marked_input_stays_while_a_part_is_bad() -> None:
    state = state_of([*WHOLE, *PARTS], deletion_marks=due(), broken=frozenset({ulid_of(4)}))
    assert plan_deletions(state, SETTINGS, now_ms=NOW_MS).ulids == ()
