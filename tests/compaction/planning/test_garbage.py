"""What becomes superfluous, and what may hide what."""

from __future__ import annotations

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.compaction.planning.garbage import GarbagePlan, plan_garbage
from promontory.compaction.planning.state import Deletion, count_blocks
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import HOUR_MS, NOW_MS, block, marks, number_of, state_of, ulid_of

SETTINGS = CompactionSettings()
CHILDREN = [block(1, 0, 20), block(2, 20, 40)]
COVER = block(3, 0, 40, sources=(1, 2))


def verified(*numbers: int) -> frozenset[str]:
    return frozenset(ulid_of(number) for number in numbers)


def gone(plan: GarbagePlan) -> list[int]:
    return [number_of(deletion.ulid) for deletion in plan.deletions]


def counted(blocks: list[BlockMeta], **fields: object) -> list[int]:
    state = state_of(blocks, **fields)
    return sorted(number_of(ulid) for ulid in count_blocks(state, SETTINGS, now_ms=NOW_MS))


def test_blocks_whose_sources_a_verified_block_holds_are_outdated() -> None:
    plan = plan_garbage(state_of([*CHILDREN, COVER], verified=verified(3)), SETTINGS)
    assert plan.deletions[0] == Deletion(ulid_of(1), "outdated block", (ulid_of(3),))
    assert gone(plan) == [1, 2]


def test_an_unverified_block_makes_nothing_garbage_and_is_to_be_read() -> None:
    plan = plan_garbage(state_of([*CHILDREN, COVER], verified=verified(1, 2)), SETTINGS)
    assert plan == GarbagePlan(unverified=(ulid_of(3),))


def test_of_equal_blocks_the_older_stays() -> None:
    twins = [block(4, 0, 40, sources=(1, 2)), COVER]
    assert gone(plan_garbage(state_of(twins, verified=verified(3, 4)), SETTINGS)) == [4]


def test_a_block_of_another_stream_or_resolution_covers_nothing() -> None:
    others = [
        block(3, 0, 40, sources=(1, 2), labels=Labels.from_mapping({"cluster": "b"})),
        block(4, 0, 40, sources=(1, 2), resolution_ms=300_000),
    ]
    assert plan_garbage(state_of([*CHILDREN, *others], verified=verified(3, 4)), SETTINGS) == GarbagePlan()


def test_replicas_cover_each_other_once_their_label_is_left_out() -> None:
    other = block(3, 0, 40, sources=(1, 2), labels=Labels.from_mapping({"cluster": "a"}))
    settings = CompactionSettings(replica_labels=("replica",))
    assert gone(plan_garbage(state_of([*CHILDREN, other], verified=verified(3)), settings)) == [1, 2]


def test_a_block_marked_for_deletion_covers_nothing() -> None:
    state = state_of([*CHILDREN, COVER], verified=verified(3), deletion_marks=marks(MarkKind.DELETION, 3))
    assert plan_garbage(state, SETTINGS) == GarbagePlan()


def test_a_broken_block_covers_nothing_and_goes_for_its_parents() -> None:
    state = state_of([*CHILDREN, COVER], verified=verified(1, 2), broken=verified(3))
    (deletion,) = plan_garbage(state, SETTINGS).deletions
    assert (deletion.ulid, deletion.covers) == (ulid_of(3), (ulid_of(1), ulid_of(2)))


def test_a_broken_block_stays_until_its_parents_were_read_and_where_one_is_gone() -> None:
    state = state_of([*CHILDREN, COVER], verified=verified(1), broken=verified(3))
    assert plan_garbage(state, SETTINGS) == GarbagePlan(unverified=(ulid_of(2),))
    state = state_of([CHILDREN[0], COVER], verified=verified(1), broken=verified(3))
    assert plan_garbage(state, SETTINGS) == GarbagePlan()


def test_a_broken_downsampled_block_goes_for_the_raw_one_it_was_made_of() -> None:
    coarse = block(4, 0, 40, sources=(1, 2), resolution_ms=300_000)
    state = state_of([COVER, coarse], verified=verified(3), broken=verified(4))
    assert gone(plan_garbage(state, SETTINGS)) == [4]


def test_duplicates_and_broken_blocks_do_not_count() -> None:
    assert counted([*CHILDREN, COVER]) == [3]
    assert counted([*CHILDREN, COVER], broken=verified(3)) == [1, 2]


def test_a_marked_block_counts_for_half_the_delay_unless_another_holds_its_sources() -> None:
    fresh = marks(MarkKind.DELETION, 1)
    assert counted(CHILDREN, deletion_marks=fresh) == [1, 2]
    assert counted([*CHILDREN, COVER], deletion_marks=fresh | marks(MarkKind.DELETION, 2)) == [3]
    assert counted([*CHILDREN, COVER], deletion_marks=marks(MarkKind.DELETION, 3)) == [1, 2]
    old = marks(MarkKind.DELETION, 1, time_ms=NOW_MS - 24 * HOUR_MS - 1000)
    assert counted(CHILDREN, deletion_marks=old) == [2]
    assert counted(CHILDREN, deletion_marks=marks(MarkKind.DELETION, 1, time_ms=NOW_MS - 24 * HOUR_MS)) == [1, 2]
