from __future__ import annotations

import pytest

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta
from promontory.catalog.filters import (
    BlockFilter,
    ConsistencyDelayFilter,
    DeletionMarkFilter,
    DuplicateFilter,
    FilterFacts,
    TimePartitionFilter,
    store_filters,
)
from promontory.model.labels import Labels
from promontory.model.time_range import ALL_TIME, TimeRange
from tests.bucket.clock import START_MS
from tests.catalog.blocks import meta_of, ulid_of

HOUR_MS = 3_600_000


def excluded(
    block_filter: BlockFilter,
    *metas: BlockMeta,
    marks: dict[str, Mark] | None = None,
    modified_ms: dict[str, int] | None = None,
) -> set[str]:
    facts = FilterFacts(now_ms=START_MS, marks=marks or {}, modified_ms=modified_ms or {})
    return set(block_filter.exclude({meta.ulid: meta for meta in metas}, facts))


def mark_of(number: int, *, age_s: int) -> dict[str, Mark]:
    return {ulid_of(number): Mark(MarkKind.DELETION, ulid_of(number), START_MS // 1000 - age_s)}


@pytest.mark.parametrize(
    ("wanted_hours", "is_in"),
    [((2, 4), True), ((0, 2), True), ((4, 6), True), ((0, 1), False), ((5, 6), False), ((3, 3), True)],
)
def test_a_block_counts_if_it_touches_the_time_partition(wanted_hours: tuple[int, int], is_in: bool) -> None:
    wanted = TimeRange(wanted_hours[0] * HOUR_MS, wanted_hours[1] * HOUR_MS)
    found = excluded(TimePartitionFilter(lambda now_ms: wanted), meta_of(1, hours=(2, 4)))
    assert found == (set() if is_in else {ulid_of(1)})


def test_the_time_partition_may_move_with_the_clock() -> None:
    moving = TimePartitionFilter(lambda now_ms: TimeRange(now_ms - HOUR_MS, now_ms))
    assert excluded(moving, meta_of(1, hours=(0, 2))) == {ulid_of(1)}


def test_a_fresh_block_waits_but_not_that_of_a_compactor() -> None:
    delay = ConsistencyDelayFilter(HOUR_MS)
    assert excluded(delay, meta_of(1)) == {ulid_of(1)}
    assert excluded(delay, meta_of(1, age_ms=HOUR_MS)) == set()
    assert excluded(delay, meta_of(1, upload_time_ms=START_MS - HOUR_MS)) == set()
    assert excluded(delay, meta_of(1, age_ms=5 * HOUR_MS, upload_time_ms=START_MS - 1)) == {
        ulid_of(1, age_ms=5 * HOUR_MS)
    }
    for source in ("compactor", "compactor.repair", "bucket.repair"):
        assert excluded(delay, meta_of(1, source=source)) == set()
    assert excluded(ConsistencyDelayFilter(0), meta_of(1)) == set()


def test_a_writer_whose_clock_runs_ahead_does_not_hide_its_block_for_longer() -> None:
    ahead = meta_of(1, upload_time_ms=START_MS + 48 * HOUR_MS)
    delay = ConsistencyDelayFilter(HOUR_MS)
    assert excluded(delay, ahead, modified_ms={ahead.ulid: START_MS - 1}) == {ahead.ulid}
    assert excluded(delay, ahead, modified_ms={ahead.ulid: START_MS - HOUR_MS}) == set()


def test_a_marked_block_is_served_until_the_delay_is_over() -> None:
    ignore = DeletionMarkFilter(24 * HOUR_MS)
    day_s = 24 * 3600
    assert excluded(ignore, meta_of(1), marks=mark_of(1, age_s=day_s)) == set()
    assert excluded(ignore, meta_of(1), marks=mark_of(1, age_s=day_s + 1)) == {ulid_of(1)}
    assert excluded(ignore, meta_of(2), marks=mark_of(1, age_s=day_s + 1)) == set()


def test_a_block_whose_sources_are_covered_is_a_duplicate() -> None:
    metas = [meta_of(1), meta_of(2), meta_of(3, sources=(1, 2)), meta_of(4, sources=(1, 2, 5)), meta_of(6)]
    assert excluded(DuplicateFilter(), *metas) == {ulid_of(1), ulid_of(2), ulid_of(3)}


def test_of_equal_blocks_the_older_stays() -> None:
    assert excluded(DuplicateFilter(), meta_of(8, sources=(1, 2)), meta_of(7, sources=(1, 2))) == {ulid_of(8)}


def test_a_cover_that_only_shares_sources_hides_nothing() -> None:
    assert excluded(DuplicateFilter(), meta_of(7, sources=(1, 2)), meta_of(8, sources=(2, 3))) == set()


def test_duplicates_are_judged_within_labels_and_resolution() -> None:
    others = [meta_of(3, sources=(1, 2), labels=Labels.from_mapping({"cluster": "b"}))]
    others += [meta_of(4, sources=(1, 2), resolution_ms=300_000)]
    assert excluded(DuplicateFilter(), meta_of(1), *others) == set()


def test_a_block_marked_away_does_not_hide_what_it_covers() -> None:
    filters = store_filters(
        range_at=lambda now_ms: ALL_TIME, consistency_delay_ms=0, ignore_deletion_marks_delay_ms=24 * HOUR_MS
    )
    left = {meta.ulid: meta for meta in (meta_of(1), meta_of(2), meta_of(3, sources=(1, 2)))}
    facts = FilterFacts(now_ms=START_MS, marks=mark_of(3, age_s=25 * 3600), modified_ms={})
    for block_filter in filters:
        left = {ulid: meta for ulid, meta in left.items() if ulid not in block_filter.exclude(left, facts)}
    assert set(left) == {ulid_of(1), ulid_of(2)}
