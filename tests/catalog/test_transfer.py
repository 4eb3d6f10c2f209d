from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.markers import MarkKind, parse_mark
from promontory.block.meta import parse_meta
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.transfer import delete_block, mark_for_deletion, upload_block
from promontory.errors import BucketError, BucketUnavailable, InputError, ObjectNotFound
from promontory.model.labels import Labels
from tests.bucket.clock import START_MS, StillClock
from tests.catalog.blocks import LABELS, meta_of, put_block, write_block
from tests.catalog.failing_bucket import FailingBucket


async def keys_of(bucket: MemoryBucket) -> list[str]:
    return [info.key async for info in MemoryBucket.list(bucket)]


async def assert_no_half_block(bucket: MemoryBucket) -> None:
    """Wherever a meta.json is, every file that it lists is there at full size."""
    for key in await keys_of(bucket):
        ulid, _, name = key.partition("/")
        if name == "meta.json":
            thanos = parse_meta(await MemoryBucket.get(bucket, key), source=key).thanos
            assert thanos is not None
            assert thanos.files
            for file in thanos.files:
                info = await MemoryBucket.info(bucket, f"{ulid}/{file.path}")
                assert file.size_bytes in (None, info.size_bytes)


async def test_a_block_goes_up_in_order_and_meta_last(tmp_path: Path) -> None:
    bucket, meta = FailingBucket(), meta_of(1)
    written = await put_block(bucket, tmp_path, meta)
    names = [call.split("/", 1)[1] for call in bucket.log if call.startswith(("put", "upload"))]
    assert names == ["chunks/000001", "chunks/000002", "index", "meta.json"]
    assert parse_meta(await bucket.get(f"{meta.ulid}/meta.json"), source="meta") == written
    assert written.thanos is not None
    assert written.thanos.upload_time_ms == START_MS
    assert [(file.path, file.size_bytes) for file in written.thanos.files] == [
        ("chunks/000001", 300),
        ("chunks/000002", 200),
        ("index", 100),
        ("meta.json", None),
    ]
    assert written.thanos.segment_files == ("000001", "000002")
    assert f"{meta.ulid}/tombstones" not in await keys_of(bucket)


@pytest.mark.parametrize("fails_after", [False, True])
async def test_an_upload_cut_off_anywhere_shows_no_half_block_and_is_completed_by_the_next(
    tmp_path: Path, fails_after: bool
) -> None:
    meta = meta_of(1)
    directory = write_block(tmp_path, meta)
    whole = FailingBucket()
    await upload_block(whole, directory, meta, clock=StillClock())
    for position in range(len(whole.log)):
        bucket = FailingBucket()
        bucket.fails_at, bucket.fails_after = position, fails_after
        try:
            await upload_block(bucket, directory, meta, clock=StillClock())
        except BucketUnavailable:
            pass
        else:
            assert fails_after
        await assert_no_half_block(bucket)
        bucket.fails_at = None
        await upload_block(bucket, directory, meta, clock=StillClock())
        await assert_no_half_block(bucket)
        assert await keys_of(bucket) == await keys_of(whole)
        assert list((await Catalog(bucket, clock=StillClock()).sync()).blocks) == [meta.ulid]


async def test_files_that_are_there_at_full_size_are_not_sent_again(tmp_path: Path) -> None:
    bucket, meta = FailingBucket(), meta_of(1)
    directory = write_block(tmp_path, meta)
    await bucket.put(f"{meta.ulid}/chunks/000001", b"c" * 300)
    await bucket.put(f"{meta.ulid}/chunks/000002", b"d" * 199)
    await upload_block(bucket, directory, meta, clock=StillClock())
    assert [call.rsplit("/", 1)[1] for call in bucket.log if call.startswith("upload")] == ["000002", "index"]


async def test_an_object_that_arrives_short_is_never_committed(tmp_path: Path) -> None:
    class ShortBucket(MemoryBucket):
        async def upload(self, key: str, path: Path) -> None:
            await self.put(key, (await asyncio.to_thread(path.read_bytes))[:-1])

    bucket = ShortBucket(StillClock())
    with pytest.raises(BucketUnavailable, match="expected 300 bytes, found 299"):
        await put_block(bucket, tmp_path, meta_of(1))
    assert not [key for key in await keys_of(bucket) if key.endswith("meta.json")]


async def test_a_block_without_external_labels_or_index_is_refused(tmp_path: Path) -> None:
    bucket, meta = MemoryBucket(StillClock()), meta_of(1)
    directory = write_block(tmp_path, meta)
    for unlabelled in (meta_of(1, labels=Labels()), replace(meta, thanos=None)):
        with pytest.raises(InputError, match="external labels"):
            await upload_block(bucket, directory, unlabelled, clock=StillClock())
    (directory / "index").unlink()
    with pytest.raises(InputError, match="index"):
        await upload_block(bucket, directory, meta, clock=StillClock())
    assert await keys_of(bucket) == []


async def test_deletion_takes_meta_first_and_the_mark_last(tmp_path: Path) -> None:
    bucket, meta = FailingBucket(), meta_of(1)
    await put_block(bucket, tmp_path, meta)
    other = await put_block(bucket, tmp_path, meta_of(2))
    await mark_for_deletion(bucket, meta.ulid, details="", clock=StillClock())
    await MemoryBucket.put(bucket, f"{meta.ulid}/no-compact-mark.json", b"{}")
    bucket.log.clear()
    await delete_block(bucket, meta.ulid)
    deletes = [call.split("/", 1)[1] for call in bucket.log if call.startswith("delete")]
    assert deletes[0] == "meta.json"
    assert deletes[-1] == "deletion-mark.json"
    assert {key.partition("/")[0] for key in await keys_of(bucket)} == {other.ulid}
    await delete_block(bucket, meta.ulid)


async def test_a_deletion_cut_off_anywhere_keeps_its_mark_until_the_end(tmp_path: Path) -> None:
    meta = meta_of(1)
    for position in range(9):
        bucket = FailingBucket()
        await put_block(bucket, tmp_path / f"{position}", meta)
        await mark_for_deletion(bucket, meta.ulid, details="", clock=StillClock())
        bucket.log.clear()
        bucket.fails_at = position
        with suppress(BucketError):
            await delete_block(bucket, meta.ulid)
        left = await keys_of(bucket)
        await assert_no_half_block(bucket)
        assert not left or f"{meta.ulid}/deletion-mark.json" in left
        bucket.fails_at = None
        await delete_block(bucket, meta.ulid)
        assert await keys_of(bucket) == []


async def test_the_first_deletion_time_stays() -> None:
    bucket, clock, meta = MemoryBucket(StillClock()), StillClock(), meta_of(1)
    assert await mark_for_deletion(bucket, meta.ulid, details="old", clock=clock)
    clock.time_ms += 60_000
    assert not await mark_for_deletion(bucket, meta.ulid, details="new", clock=clock)
    body = await bucket.get(f"{meta.ulid}/deletion-mark.json")
    mark = parse_mark(body, MarkKind.DELETION, source="mark")
    assert (mark.time_s, mark.details) == (START_MS // 1000, "old")


async def test_only_a_ulid_can_be_deleted_or_marked() -> None:
    bucket = MemoryBucket(StillClock())
    await bucket.put("debug/x", b"")
    for name in ("", "debug", "..", meta_of(1).ulid.lower()):
        with pytest.raises(InputError, match="ULID"):
            await delete_block(bucket, name)
        with pytest.raises(InputError, match="ULID"):
            await mark_for_deletion(bucket, name, details="", clock=StillClock())
    with pytest.raises(ObjectNotFound):
        await bucket.info("debug")
    assert LABELS.pairs
