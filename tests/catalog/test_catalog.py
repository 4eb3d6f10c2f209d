from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from promontory.block.meta import render_meta
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import DeletionMarkFilter, DuplicateFilter
from promontory.catalog.transfer import delete_block, mark_for_deletion
from promontory.errors import BucketError
from tests.bucket.clock import StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of
from tests.catalog.failing_bucket import FailingBucket


async def test_complete_blocks_count_and_all_else_is_ignored(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    metas = [await put_block(bucket, tmp_path, meta_of(number)) for number in (2, 1)]
    for key in ("debug/metas/x.json", "x", f"{ulid_of(3).lower()}/meta.json", f"deep/{ulid_of(4)}/meta.json"):
        await bucket.put(key, b"{}")
    view = await Catalog(bucket, clock=StillClock()).sync()
    assert view.blocks == {meta.ulid: meta for meta in metas}
    assert list(view.blocks) == sorted(view.blocks)
    assert (view.partial, view.corrupt, view.excluded) == ({}, {}, {})


async def test_a_block_without_meta_is_partial(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await bucket.put(f"{ulid_of(1)}/chunks/000001", b"c")
    await bucket.put(f"{ulid_of(2)}/deletion-mark.json", b"garbage")
    view = await Catalog(bucket, clock=StillClock()).sync()
    assert set(view.partial) == {ulid_of(1), ulid_of(2)}
    assert view.blocks == {}
    assert ulid_of(2) in view.unreadable_marks


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b'{"version": 2}', "version"),
        (render_meta(meta_of(9)), f"expected {ulid_of(1)}, found {ulid_of(9)}"),
        (b" " * (16 * 2**20 + 1), "at most 16777216"),
    ],
)
async def test_a_meta_that_cannot_be_read_is_named_and_harms_no_other(tmp_path: Path, body: bytes, words: str) -> None:
    bucket = MemoryBucket(StillClock())
    for number in (1, 2):
        await put_block(bucket, tmp_path, meta_of(number))
    await bucket.put(f"{ulid_of(1)}/meta.json", body)
    catalog = Catalog(bucket, clock=StillClock())
    view = await catalog.sync()
    assert list(view.blocks) == [ulid_of(2)]
    assert words in view.corrupt[ulid_of(1)]
    assert await catalog.list_blocks() == (view.blocks, view.corrupt)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("chunks/000002", None, "chunks/000002: expected 200 bytes, found no such file"),
        ("index", b"i" * 99, "index: expected 100 bytes, found 99 bytes"),
    ],
)
async def test_a_block_whose_files_do_not_fit_its_meta_is_not_served(
    tmp_path: Path, name: str, body: bytes | None, words: str
) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    key = f"{ulid_of(1)}/{name}"
    await (bucket.delete(key) if body is None else bucket.put(key, body))
    view = await Catalog(bucket, clock=StillClock()).sync()
    assert view.corrupt == {ulid_of(1): words}


async def test_a_meta_without_a_list_of_files_needs_an_index(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await bucket.put(f"{ulid_of(1)}/meta.json", render_meta(meta_of(1)))
    catalog = Catalog(bucket, clock=StillClock())
    assert set((await catalog.sync()).corrupt) == {ulid_of(1)}
    await bucket.put(f"{ulid_of(1)}/index", b"i")
    assert set((await catalog.sync()).blocks) == {ulid_of(1)}


async def test_a_sync_that_fails_anywhere_keeps_the_old_view(tmp_path: Path) -> None:
    bucket = FailingBucket()
    await put_block(bucket, tmp_path, meta_of(1))
    catalog = Catalog(bucket, clock=StillClock())
    before = await catalog.sync()
    await put_block(bucket, tmp_path, meta_of(2))
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=StillClock())
    for prefix in ("list", "after", f"get {ulid_of(2)}/meta.json", f"get {ulid_of(1)}/deletion-mark.json"):
        bucket.fails_on = lambda call, prefix=prefix: call.startswith(prefix)  # type: ignore[misc]
        if prefix == "after":
            bucket.fails_on, bucket.fails_at, bucket.fails_after = (lambda call: False), len(bucket.log), True
        with pytest.raises(BucketError):
            await catalog.sync()
        bucket.fails_at = None
        assert catalog.view is before
    bucket.fails_on = lambda call: False
    assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}


async def test_metas_are_read_once_also_when_a_sync_fails_halfway(tmp_path: Path) -> None:
    bucket = FailingBucket()
    for number in (1, 2, 3):
        await put_block(bucket, tmp_path, meta_of(number))
    catalog = Catalog(bucket, clock=StillClock())
    bucket.log.clear()
    bucket.fails_on = lambda call: call == f"get {ulid_of(3)}/meta.json"
    with pytest.raises(BucketError):
        await catalog.sync()
    bucket.fails_on = lambda call: False
    await catalog.sync()
    await catalog.sync()
    gets = [call for call in bucket.log if call.startswith("get")]
    assert sorted(gets) == sorted(f"get {ulid_of(n)}/meta.json" for n in (1, 2, 3, 3))


async def test_a_meta_that_changes_is_read_again(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    meta = await put_block(bucket, tmp_path, meta_of(1))
    catalog = Catalog(bucket, clock=StillClock())
    await catalog.sync()
    await bucket.put(f"{meta.ulid}/meta.json", b"broken")
    assert set((await catalog.sync()).corrupt) == {meta.ulid}


async def test_the_cache_on_disk_saves_reading_and_may_be_broken(tmp_path: Path) -> None:
    bucket, cache = FailingBucket(), tmp_path / "cache"
    metas = [await put_block(bucket, tmp_path, meta_of(number)) for number in (1, 2)]
    await Catalog(bucket, clock=StillClock(), cache_directory=cache).sync()
    (broken,) = cache.glob(f"{ulid_of(2)}-*.json")
    broken.write_bytes(b"garbage")
    bucket.log.clear()
    view = await Catalog(bucket, clock=StillClock(), cache_directory=cache).sync()
    assert view.blocks == {meta.ulid: meta for meta in metas}
    assert [call for call in bucket.log if call.startswith("get")] == [f"get {ulid_of(2)}/meta.json"]
    await delete_block(bucket, ulid_of(1))
    await Catalog(bucket, clock=StillClock(), cache_directory=cache).sync()
    assert [path.name[:26] for path in cache.iterdir()] == [ulid_of(2)]


async def test_a_cache_directory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    meta = await put_block(bucket, tmp_path, meta_of(1))
    (tmp_path / "file").write_bytes(b"")
    view = await Catalog(bucket, clock=StillClock(), cache_directory=tmp_path / "file" / "below").sync()
    assert set(view.blocks) == {meta.ulid}


class HidingBucket(MemoryBucket):
    """Its listings forget what starts with one of `hidden`; reads know it."""

    hidden: tuple[str, ...] = ()

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        async for found in super().list(prefix, recursive=recursive):
            if not found.key.startswith(self.hidden):
                yield found


async def test_a_block_does_not_leave_because_a_stale_listing_forgets_it(tmp_path: Path) -> None:
    bucket = HidingBucket(StillClock())
    for number in (1, 2):
        await put_block(bucket, tmp_path, meta_of(number))
    catalog = Catalog(bucket, clock=StillClock())
    bucket.hidden = (f"{ulid_of(1)}/chunks", f"{ulid_of(2)}/index")
    assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}
    for hidden in ((ulid_of(1),), (f"{ulid_of(1)}/meta.json", ulid_of(2)), ()):
        bucket.hidden = hidden
        assert set((await catalog.sync()).blocks) == {ulid_of(1), ulid_of(2)}
    await delete_block(bucket, ulid_of(1))
    assert set((await catalog.sync()).blocks) == {ulid_of(2)}


async def test_a_mark_once_seen_stays_where_a_stale_listing_forgets_it(tmp_path: Path) -> None:
    clock, bucket = StillClock(), HidingBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=clock)
    catalog = Catalog(bucket, clock=clock, filters=[DeletionMarkFilter(1000)])
    assert set((await catalog.sync()).blocks) == {ulid_of(1)}
    bucket.hidden = (f"{ulid_of(1)}/deletion-mark.json",)
    clock.time_ms += 2000
    view = await catalog.sync()
    assert "marked for deletion" in view.excluded[ulid_of(1)]
    assert set(view.marks) == {ulid_of(1)}
    await delete_block(bucket, ulid_of(1))
    assert (await catalog.sync()).marks == {}


async def test_a_mark_of_a_block_that_is_being_deleted_goes_with_it(tmp_path: Path) -> None:
    class Stale(MemoryBucket):
        keys: tuple[ObjectInfo, ...] = ()

        async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
            for found in self.keys or [info async for info in super().list(prefix, recursive=recursive)]:
                yield found

    bucket = Stale(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    bucket.keys = tuple([info async for info in bucket.list()])
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=StillClock())
    stale, bucket.keys = bucket.keys, ()
    catalog = Catalog(bucket, clock=StillClock())
    assert set((await catalog.sync()).marks) == {ulid_of(1)}
    await delete_block(bucket, ulid_of(1))
    bucket.keys = stale
    assert set((await catalog.sync()).marks) == {ulid_of(1)}


async def test_a_mark_that_was_taken_away_or_written_anew_is_seen(tmp_path: Path) -> None:
    clock, bucket = StillClock(), MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=clock)
    catalog = Catalog(bucket, clock=clock, filters=[DeletionMarkFilter(1000)])
    assert set((await catalog.sync()).marks) == {ulid_of(1)}
    await bucket.delete(f"{ulid_of(1)}/deletion-mark.json")
    clock.time_ms += 2000
    view = await catalog.sync()
    assert (set(view.blocks), view.marks, view.excluded) == ({ulid_of(1)}, {}, {})
    await mark_for_deletion(bucket, ulid_of(1), details="once more", clock=clock)
    await catalog.sync()
    await bucket.delete(f"{ulid_of(1)}/deletion-mark.json")
    clock.time_ms += 5000
    await mark_for_deletion(bucket, ulid_of(1), details="and again", clock=clock)
    view = await catalog.sync()
    assert view.marks[ulid_of(1)].time_s == clock.time_ms // 1000
    assert set(view.blocks) == {ulid_of(1)}


async def test_a_mark_that_cannot_be_read_counts_as_absent_until_it_can(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await bucket.put(f"{ulid_of(1)}/deletion-mark.json", b"{}")
    catalog = Catalog(bucket, clock=StillClock(), filters=[DeletionMarkFilter(-(10**15))])
    view = await catalog.sync()
    assert set(view.blocks) == set(view.unreadable_marks) == {ulid_of(1)}
    await bucket.delete(f"{ulid_of(1)}/deletion-mark.json")
    await mark_for_deletion(bucket, ulid_of(1), details="", clock=StillClock())
    view = await catalog.sync()
    assert (set(view.excluded), view.unreadable_marks) == ({ulid_of(1)}, {})


async def test_a_mark_too_large_to_be_one_is_not_fetched(tmp_path: Path) -> None:
    bucket = FailingBucket()
    await put_block(bucket, tmp_path, meta_of(1))
    key = f"{ulid_of(1)}/deletion-mark.json"
    await bucket.put(key, b" " * (16 * 2**20 + 1))
    bucket.fails_on = lambda call: call == f"get {key}"
    view = await Catalog(bucket, clock=StillClock()).sync()
    assert "at most 16777216" in view.unreadable_marks[ulid_of(1)]
    assert set(view.blocks) == {ulid_of(1)}


async def test_filters_say_why_a_block_does_not_count(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    for meta in (meta_of(1), meta_of(2, sources=(1, 2))):
        await put_block(bucket, tmp_path, meta)
    view = await Catalog(bucket, clock=StillClock(), filters=[DuplicateFilter()]).sync()
    assert list(view.blocks) == [ulid_of(2)]
    assert view.excluded == {ulid_of(1): f"covered by {ulid_of(2)}"}
