from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.errors import BucketError, CorruptionError, HaltError, InputError
from promontory.model.labels import Labels
from promontory.shipper.local_blocks import UPLOAD_DIRECTORY
from promontory.shipper.shipper import Shipper, ShipReport
from promontory.shipper.state import STATE_FILE
from tests.bucket.clock import StillClock
from tests.catalog.blocks import LABELS, meta_of, put_block, ulid_of, write_block
from tests.catalog.failing_bucket import FailingBucket
from tests.catalog.test_transfer import assert_no_half_block, keys_of


async def ship(tsdb: Path, bucket: Bucket, *, upload_compacted: bool = False, labels: Labels = LABELS) -> ShipReport:
    """One pass of a sidecar that was just started."""
    clock = StillClock()
    shipper = Shipper(tsdb, bucket, lambda: labels, clock=clock, upload_compacted=upload_compacted)
    return await shipper.sync()


def state_of(tsdb: Path) -> list[str]:
    state = json.loads((tsdb / STATE_FILE).read_text())
    assert state["version"] == 1
    return list(state["uploaded"])


def write_plain_block(tsdb: Path, meta: BlockMeta) -> None:
    write_block(tsdb, meta, is_plain=True)


async def blocks_of(bucket: Bucket) -> dict[str, BlockMeta]:
    view = await Catalog(bucket, clock=StillClock()).sync()
    assert (view.partial, view.corrupt) == ({}, {})
    return dict(view.blocks)


async def test_finished_blocks_are_shipped_oldest_first_with_external_labels(tmp_path: Path) -> None:
    bucket = FailingBucket()
    write_plain_block(tmp_path, meta_of(1, hours=(2, 4)))
    write_plain_block(tmp_path, meta_of(2, hours=(0, 2)))
    for name in ("wal", "chunks_head", f"{ulid_of(3)}.tmp-for-creation"):
        (tmp_path / name).mkdir()
    report = await ship(tmp_path, bucket)
    assert report == ShipReport(uploaded=(ulid_of(2), ulid_of(1)))
    assert report.is_complete
    blocks = await blocks_of(bucket)
    assert {meta.labels for meta in blocks.values()} == {LABELS}
    assert {meta.thanos.source for meta in blocks.values() if meta.thanos} == {"sidecar"}
    assert state_of(tmp_path) == [ulid_of(2), ulid_of(1)]
    assert not (tmp_path / UPLOAD_DIRECTORY).exists()
    assert b"thanos" not in (tmp_path / ulid_of(1) / "meta.json").read_bytes()


async def test_what_the_state_file_knows_costs_no_request(tmp_path: Path) -> None:
    bucket = FailingBucket()
    write_plain_block(tmp_path, meta_of(1))
    await ship(tmp_path, bucket)
    bucket.log.clear()
    assert await ship(tmp_path, bucket) == ShipReport(known=(ulid_of(1),))
    assert bucket.log == []


@pytest.mark.parametrize(
    "state", [None, b"", b"garbage", b'{"version": 2, "uploaded": []}', b'{"version":1,"uploaded":["x"]}']
)
async def test_a_lost_or_broken_state_file_is_made_anew_without_uploading_again(
    tmp_path: Path, state: bytes | None
) -> None:
    bucket = FailingBucket()
    write_plain_block(tmp_path, meta_of(1))
    await ship(tmp_path, bucket)
    (tmp_path / STATE_FILE).unlink()
    if state is not None:
        (tmp_path / STATE_FILE).write_bytes(state)
    bucket.log.clear()
    report = await ship(tmp_path, bucket)
    assert report.known == (ulid_of(1),)
    assert bool(report.state_problem) == (state is not None)
    assert bucket.log == [f"info {ulid_of(1)}/meta.json"]
    assert state_of(tmp_path) == [ulid_of(1)]


async def test_a_state_file_that_cannot_be_written_does_not_hinder_uploads(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    write_plain_block(tmp_path, meta_of(1))
    (tmp_path / STATE_FILE).mkdir()
    report = await ship(tmp_path, bucket)
    assert report.uploaded == (ulid_of(1),)
    assert "not written" in report.state_problem
    assert set(await blocks_of(bucket)) == {ulid_of(1)}
    assert sorted(path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))) == [
        ulid_of(1),
        "thanos",
        STATE_FILE,
    ]


async def test_the_state_forgets_blocks_that_are_no_longer_local(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    for number in (1, 2):
        write_plain_block(tmp_path, meta_of(number))
    await ship(tmp_path, bucket)
    shutil.rmtree(tmp_path / ulid_of(1))
    await ship(tmp_path, bucket)
    assert state_of(tmp_path) == [ulid_of(2)]


async def test_empty_and_compacted_blocks_are_skipped(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    write_plain_block(tmp_path, meta_of(1, sample_count=0))
    write_plain_block(tmp_path, meta_of(2, level=2))
    report = await ship(tmp_path, bucket)
    assert dict(report.skipped) == {ulid_of(1): "empty", ulid_of(2): "compacted to level 2"}
    assert report.is_complete
    assert await keys_of(bucket) == []


async def test_a_compacted_block_is_shipped_on_request_unless_it_overlaps_the_bucket(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path / "other", meta_of(9, hours=(0, 2)))
    elsewhere = meta_of(8, hours=(2, 4), labels=Labels.from_mapping({"cluster": "other"}))
    await put_block(bucket, tmp_path / "other", elsewhere)
    await bucket.put(f"{ulid_of(7)}/meta.json", b"a foreign broken block harms nobody")
    tsdb = tmp_path / "tsdb"
    write_plain_block(tsdb, meta_of(1, level=2, hours=(1, 3)))
    write_plain_block(tsdb, meta_of(2, level=2, hours=(2, 4)))
    report = await ship(tsdb, bucket, upload_compacted=True)
    assert report.uploaded == (ulid_of(2),)
    assert isinstance(report.failed[ulid_of(1)], HaltError)
    assert ulid_of(9) in str(report.failed[ulid_of(1)])


@pytest.mark.parametrize("meta", [None, b"", b"garbage", b'{"version": 2}'])
async def test_one_bad_block_does_not_stop_the_others(tmp_path: Path, meta: bytes | None) -> None:
    bucket = MemoryBucket(StillClock())
    for number in (1, 2, 3):
        write_plain_block(tmp_path, meta_of(number))
    (tmp_path / ulid_of(1) / "meta.json").unlink()
    if meta is not None:
        (tmp_path / ulid_of(1) / "meta.json").write_bytes(meta)
    (tmp_path / ulid_of(2) / "index").unlink()
    report = await ship(tmp_path, bucket)
    assert set(await blocks_of(bucket)) == {ulid_of(3)}
    assert set(report.failed) == {ulid_of(1), ulid_of(2)}
    assert isinstance(report.failed[ulid_of(1)], CorruptionError if meta is not None else FileNotFoundError)
    assert not report.is_complete


async def test_a_block_that_fails_to_upload_does_not_stop_the_others(tmp_path: Path) -> None:
    bucket = FailingBucket()
    for number in (1, 2):
        write_plain_block(tmp_path, meta_of(number))
    bucket.fails_on = lambda call: call == f"upload {ulid_of(1)}/index"
    report = await ship(tmp_path, bucket)
    assert (report.uploaded, set(report.failed)) == ((ulid_of(2),), {ulid_of(1)})
    bucket.fails_on = lambda call: False
    assert (await ship(tmp_path, bucket)).uploaded == (ulid_of(1),)


async def test_a_bucket_that_is_away_ends_the_pass_and_catches_up_later(tmp_path: Path) -> None:
    bucket = FailingBucket()
    write_plain_block(tmp_path, meta_of(1, hours=(0, 2)))
    await ship(tmp_path, bucket)
    for number in (2, 3, 4):
        write_plain_block(tmp_path, meta_of(number, hours=(2 * number, 2 * number + 2)))
    write_plain_block(tmp_path, meta_of(5, hours=(1, 2), level=2))
    bucket.log.clear()
    bucket.fails_at = 0
    report = await ship(tmp_path, bucket)
    assert isinstance(report.failed[ulid_of(2)], BucketError)
    assert report.waiting == (ulid_of(3), ulid_of(4))
    assert len(bucket.log) == 1
    assert state_of(tmp_path) == [ulid_of(1)]
    bucket.fails_at = None
    assert (await ship(tmp_path, bucket)).uploaded == (ulid_of(2), ulid_of(3), ulid_of(4))


@pytest.mark.parametrize("fails_after", [False, True])
async def test_a_sidecar_killed_anywhere_leaves_exactly_one_complete_block(tmp_path: Path, fails_after: bool) -> None:
    class Killed(BaseException):
        """What no handler catches, as a kill would be."""

    class KillingBucket(FailingBucket):
        def enter(self, call: str, *, leaving: bool = False) -> None:
            try:
                super().enter(call, leaving=leaving)
            except BucketError as error:
                raise Killed from error

    write_plain_block(tmp_path, meta_of(1))
    for position in range(12):
        bucket = KillingBucket()
        bucket.fails_at, bucket.fails_after = position, fails_after
        try:
            await ship(tmp_path, bucket)
        except Killed:
            (tmp_path / UPLOAD_DIRECTORY / ulid_of(1)).mkdir(parents=True)  # a kill would not have cleaned up
            await assert_no_half_block(bucket)
        bucket.fails_at = None
        await ship(tmp_path, bucket)
        assert set(await blocks_of(bucket)) == {ulid_of(1)}
        await asyncio.to_thread((tmp_path / STATE_FILE).unlink)


async def test_a_block_that_prometheus_deletes_meanwhile_still_arrives_whole(tmp_path: Path) -> None:
    class DeletingBucket(FailingBucket):
        async def upload(self, key: str, path: Path) -> None:
            shutil.rmtree(tmp_path / ulid_of(1), ignore_errors=True)
            await super().upload(key, path)

    write_plain_block(tmp_path, meta_of(1))
    bucket = DeletingBucket()
    assert (await ship(tmp_path, bucket)).uploaded == (ulid_of(1),)
    assert set(await blocks_of(bucket)) == {ulid_of(1)}


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
async def test_files_are_copied_where_links_are_not_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    write_plain_block(tmp_path, meta_of(1))
    bucket = MemoryBucket(StillClock())
    assert (await ship(tmp_path, bucket)).uploaded == (ulid_of(1),)


async def test_empty_external_labels_are_refused_and_changed_ones_count_for_new_blocks(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    write_plain_block(tmp_path, meta_of(1))
    with pytest.raises(InputError, match="external labels"):
        await ship(tmp_path, bucket, labels=Labels())
    assert await keys_of(bucket) == []
    await ship(tmp_path, bucket)
    write_plain_block(tmp_path, meta_of(2))
    changed = Labels.from_mapping({"cluster": "new"})
    await ship(tmp_path, bucket, labels=changed)
    blocks = await blocks_of(bucket)
    assert (blocks[ulid_of(1)].labels, blocks[ulid_of(2)].labels) == (LABELS, changed)
