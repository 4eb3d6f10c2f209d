"""The bucket index in a bucket: who writes it, and how a catalog reads the bucket with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.markers import Mark, MarkKind, render_mark
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, BucketIndex, parse_bucket_index, render_bucket_index
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import DeletionMarkFilter
from promontory.catalog.index_object import CLOCK_SKEW_MS, FRESH_MS, write_bucket_index
from promontory.catalog.listing import MOST_UNKNOWN
from promontory.catalog.transfer import delete_block, mark_for_deletion
from promontory.errors import AccessDenied, BucketError
from tests.bucket.clock import START_MS, StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of
from tests.catalog.failing_bucket import FailingBucket
from tests.catalog.test_catalog import HidingBucket

EMPTY = BucketIndex({}, listed_ms=START_MS, writer="test")


async def fill(bucket: MemoryBucket, directory: Path, *numbers: int) -> set[str]:
    return {(await put_block(bucket, directory, meta_of(number))).ulid for number in numbers}


async def write(bucket: MemoryBucket, *, clock: StillClock | None = None) -> BucketIndex:
    clock = clock or StillClock()
    index = BucketIndex.of_view(await Catalog(bucket, clock=clock).sync(), writer="test")
    assert await write_bucket_index(bucket, index, clock=clock)
    return index


def reader(bucket: MemoryBucket, *, clock: StillClock | None = None, fresh_ms: int = FRESH_MS) -> Catalog:
    return Catalog(bucket, clock=clock or StillClock(), index_fresh_ms=fresh_ms)


async def test_a_cold_catalog_reads_the_index_and_the_names_of_blocks_alone(tmp_path: Path) -> None:
    bucket = FailingBucket()
    ulids = await fill(bucket, tmp_path, 1, 2, 3)
    await mark_for_deletion(bucket, ulid_of(2), details="", clock=StillClock())
    listed = await Catalog(bucket, clock=StillClock()).sync()
    await write(bucket)
    bucket.log.clear()
    view = await reader(bucket).sync()
    assert bucket.log == [f"info {BUCKET_INDEX_KEY}", f"get {BUCKET_INDEX_KEY}", "list "]
    assert set(view.blocks) == ulids
    assert view.index_ms == START_MS
    assert replace(view, index_ms=None) == listed


async def test_an_index_is_read_again_only_when_it_is_another(tmp_path: Path) -> None:
    bucket, clock = FailingBucket(), StillClock()
    await fill(bucket, tmp_path, 1)
    await write(bucket)
    catalog = reader(bucket, clock=clock)
    await catalog.sync()
    bucket.log.clear()
    await catalog.sync()
    assert bucket.log == [f"info {BUCKET_INDEX_KEY}", "list "]
    await fill(bucket, tmp_path, 2)
    clock.time_ms += 1000
    await write(bucket, clock=clock)
    bucket.log.clear()
    assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}
    assert bucket.log == [f"info {BUCKET_INDEX_KEY}", f"get {BUCKET_INDEX_KEY}", "list "]


async def test_blocks_uploaded_since_are_seen_and_alone_are_read(tmp_path: Path) -> None:
    bucket = FailingBucket()
    await fill(bucket, tmp_path, 1, 2)
    await bucket.put(f"{ulid_of(3)}/index", b"i" * 100)
    await write(bucket)
    await fill(bucket, tmp_path, 3, 4)
    bucket.log.clear()
    assert len((await reader(bucket).sync()).blocks) == 4
    fresh = [call for call in bucket.log if "meta.json" in call or call.startswith("list ")]
    of_new = [
        f"{call} {ulid}/{name}"
        for ulid in (ulid_of(3), ulid_of(4))
        for call, name in (("list", ""), ("get", "meta.json"))
    ]
    assert sorted(fresh) == sorted(["list ", *of_new])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body, clock: None, "there is none"),
        (lambda body, clock: body[:-1], "gzip"),
        (lambda body, clock: b"{}", "gzip"),
        (
            lambda body, clock: setattr(clock, "time_ms", START_MS + FRESH_MS + 1000) or body,
            "its listing is 1801 s old",
        ),
        (lambda body, clock: setattr(clock, "time_ms", START_MS - CLOCK_SKEW_MS - 1000) or body, "301 s ahead"),
        (
            lambda body, clock: render_bucket_index(replace(parse_bucket_index(body), listed_ms=START_MS + 10**12)),
            "ahead of the clock",
        ),
    ],
)
async def test_without_a_good_and_fresh_index_the_bucket_is_listed(
    tmp_path: Path, spoil: Callable[[bytes, StillClock], bytes | None], words: str
) -> None:
    clock = StillClock()
    bucket = MemoryBucket(clock)
    await fill(bucket, tmp_path, 1, 2)
    await write(bucket)
    body = spoil(await bucket.get(BUCKET_INDEX_KEY), clock)
    await bucket.delete(BUCKET_INDEX_KEY)
    if body is not None:
        await bucket.put(BUCKET_INDEX_KEY, body)
    view = await reader(bucket, clock=clock).sync()
    assert len(view.blocks) == 2
    assert view.index_ms is None
    assert words in view.index_problem


async def test_an_old_object_is_not_read_whatever_it_says(tmp_path: Path) -> None:
    bucket, clock = FailingBucket(), StillClock(START_MS + FRESH_MS + 1)
    await fill(bucket, tmp_path, 1)
    await bucket.put(BUCKET_INDEX_KEY, render_bucket_index(replace(EMPTY, listed_ms=clock.time_ms)))
    bucket.log.clear()
    view = await reader(bucket, clock=clock).sync()
    assert len(view.blocks) == 1
    assert "the object is 1800 s old" in view.index_problem
    assert f"get {BUCKET_INDEX_KEY}" not in bucket.log


async def test_who_may_not_read_the_index_lists_the_bucket(tmp_path: Path) -> None:
    class Guarded(FailingBucket):
        def enter(self, call: str, *, leaving: bool = False) -> None:
            if call.endswith(BUCKET_INDEX_KEY):
                raise AccessDenied("no", key=BUCKET_INDEX_KEY, operation="info")
            super().enter(call, leaving=leaving)

    bucket = Guarded()
    await fill(bucket, tmp_path, 1)
    view = await reader(bucket).sync()
    assert len(view.blocks) == 1
    assert "no" in view.index_problem


async def test_a_catalog_that_goes_from_index_to_listing_and_back_reads_no_meta_twice(tmp_path: Path) -> None:
    bucket, clock = FailingBucket(), StillClock()
    await fill(bucket, tmp_path, 1, 2)
    await write(bucket)
    catalog = reader(bucket, clock=clock)
    views = [await catalog.sync()]
    clock.time_ms += FRESH_MS + 1
    bucket.log.clear()
    views.append(await catalog.sync())
    clock.time_ms -= FRESH_MS
    views.append(await catalog.sync())
    assert [view.index_ms for view in views] == [START_MS, None, START_MS]
    assert [call for call in bucket.log if "meta.json" in call and not call.startswith("after")] == []
    assert views[0].blocks == views[1].blocks == views[2].blocks


async def test_a_block_that_is_gone_leaves_and_one_that_a_listing_forgets_stays(tmp_path: Path) -> None:
    bucket = HidingBucket(StillClock())
    await fill(bucket, tmp_path, 1, 2, 3)
    await write(bucket)
    await delete_block(bucket, ulid_of(3))
    bucket.hidden = (ulid_of(1),)
    catalog = reader(bucket)
    assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}
    await delete_block(bucket, ulid_of(1))
    assert set((await catalog.sync()).blocks) == {ulid_of(2)}


async def test_an_index_brings_no_block_back_that_was_seen_without_its_meta(tmp_path: Path) -> None:
    bucket, clock = MemoryBucket(StillClock()), StillClock()
    await fill(bucket, tmp_path, 1)
    await write(bucket)
    body = await bucket.get(BUCKET_INDEX_KEY)
    await bucket.delete(BUCKET_INDEX_KEY)
    await bucket.delete(f"{ulid_of(1)}/meta.json")
    catalog = reader(bucket, clock=clock)
    assert set((await catalog.sync()).partial) == {ulid_of(1)}
    await bucket.put(BUCKET_INDEX_KEY, body)
    for _ in range(3):
        view = await catalog.sync()
        assert (set(view.partial), view.index_ms) == ({ulid_of(1)}, START_MS)


async def test_a_distrusted_index_is_not_used_until_there_is_a_newer(tmp_path: Path) -> None:
    bucket, clock = MemoryBucket(StillClock()), StillClock()
    await fill(bucket, tmp_path, 1, 2)
    await write(bucket)
    await bucket.delete(f"{ulid_of(1)}/meta.json")
    catalog = reader(bucket, clock=clock)
    assert not catalog.distrust_index()
    assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}
    assert catalog.distrust_index()
    view = await catalog.sync()
    assert (set(view.blocks), view.index_problem) == ({ulid_of(2)}, "it tells of blocks that are gone")
    clock.time_ms += 1000
    await write(bucket, clock=clock)
    view = await catalog.sync()
    assert (set(view.blocks), view.index_ms) == ({ulid_of(2)}, clock.time_ms)


async def test_a_mark_that_was_seen_stays_though_an_index_does_not_know_it(tmp_path: Path) -> None:
    bucket, clock = MemoryBucket(StillClock()), StillClock()
    await fill(bucket, tmp_path, 1)
    catalog = Catalog(bucket, clock=clock, filters=[DeletionMarkFilter(1000)], index_fresh_ms=FRESH_MS)
    old = await Catalog(bucket, clock=clock).sync()
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=clock)
    assert set((await catalog.sync()).marks) == {ulid_of(1)}
    await write_bucket_index(bucket, BucketIndex.of_view(old, writer="test"), clock=clock)
    clock.time_ms += 2000
    view = await catalog.sync()
    assert (view.index_ms, set(view.marks), set(view.excluded)) == (START_MS, {ulid_of(1)}, {ulid_of(1)})


async def test_a_block_whose_meta_was_replaced_since_is_taken_as_it_is_when_it_was_doubted(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await fill(bucket, tmp_path, 1)
    await write(bucket)
    body = await bucket.get(BUCKET_INDEX_KEY)
    await bucket.delete(BUCKET_INDEX_KEY)
    await bucket.put(f"{ulid_of(1)}/meta.json", b"broken")
    catalog = reader(bucket)
    await catalog.sync()
    await bucket.put(BUCKET_INDEX_KEY, body)
    assert set((await catalog.sync()).corrupt) == {ulid_of(1)}


async def test_a_sync_fails_where_the_index_cannot_be_asked_for(tmp_path: Path) -> None:
    bucket = FailingBucket()
    await fill(bucket, tmp_path, 1)
    await write(bucket)
    catalog = reader(bucket)
    for operation in ("info", "get"):
        bucket.fails_on = lambda call, operation=operation: call == f"{operation} {BUCKET_INDEX_KEY}"  # type: ignore[misc]
        with pytest.raises(BucketError):
            await catalog.sync()
    bucket.fails_on = lambda call: False
    assert (await catalog.sync()).index_ms == START_MS


async def test_where_many_blocks_are_new_one_listing_finds_them() -> None:
    bucket = FailingBucket()
    for number in range(MOST_UNKNOWN + 1):
        await bucket.put(f"{ulid_of(number)}/index", b"i")
    await write_bucket_index(bucket, EMPTY, clock=StillClock())
    bucket.log.clear()
    view = await reader(bucket).sync()
    assert len(view.partial) == MOST_UNKNOWN + 1
    assert [call for call in bucket.log if call.startswith("list")] == ["list ", "list "]


async def test_an_older_index_is_never_written_over_a_newer_one() -> None:
    bucket, clock = MemoryBucket(StillClock()), StillClock()
    newer = replace(EMPTY, listed_ms=START_MS + 60_000)
    assert await write_bucket_index(bucket, newer, clock=clock)
    assert not await write_bucket_index(bucket, EMPTY, clock=clock)
    assert parse_bucket_index(await bucket.get(BUCKET_INDEX_KEY)) == replace(newer, written_ms=START_MS)
    assert await write_bucket_index(bucket, replace(newer, writer="other"), clock=clock)


@pytest.mark.parametrize("body", [b"", b"garbage, not gzip", render_bucket_index(replace(EMPTY, listed_ms=10**13))])
async def test_what_is_no_index_or_of_the_far_future_is_written_over(body: bytes) -> None:
    bucket = MemoryBucket(StillClock())
    await bucket.put(BUCKET_INDEX_KEY, body)
    assert await write_bucket_index(bucket, EMPTY, clock=StillClock())


async def test_blocks_that_the_writer_leaves_out_are_in_the_index(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await fill(bucket, tmp_path, 1, 2)
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=StillClock())
    view = await Catalog(bucket, clock=StillClock(), filters=[DeletionMarkFilter(-1)]).sync()
    assert (set(view.blocks), set(view.excluded_metas)) == ({ulid_of(2)}, {ulid_of(1)})
    assert set(BucketIndex.of_view(view, writer="test").blocks) == {ulid_of(1), ulid_of(2)}


async def test_marks_of_all_kinds_go_into_the_index(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await fill(bucket, tmp_path, 1)
    marks = [Mark(kind, ulid_of(1), 5, "why", "manual" if kind is not MarkKind.DELETION else "") for kind in MarkKind]
    for mark in marks:
        await bucket.put(f"{ulid_of(1)}/{mark.kind.file_name}", render_mark(mark))
    view = await Catalog(bucket, clock=StillClock()).sync()
    await write_bucket_index(bucket, BucketIndex.of_view(view, marks, writer="test"), clock=StillClock())
    block = parse_bucket_index(await bucket.get(BUCKET_INDEX_KEY)).blocks[ulid_of(1)]
    assert sorted(block.marks.values(), key=str) == sorted(marks, key=str)
    assert {kind.file_name for kind in MarkKind} < set(block.files)
