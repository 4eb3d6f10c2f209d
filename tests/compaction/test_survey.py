"""A survey knows the marks of all kinds, and forgets one only where the bucket says that it is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from promontory.block.markers import Mark, MarkKind
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.catalog.transfer import mark_block
from promontory.compaction.ledger import Ledger
from promontory.compaction.settings import CompactionSettings
from promontory.compaction.survey import Surveyor
from promontory.errors import BucketUnavailable
from tests.bucket.clock import START_MS, StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of
from tests.compaction.watched_bucket import WatchedBucket

KINDS = [MarkKind.NO_COMPACT, MarkKind.NO_DOWNSAMPLE]


class StaleBucket(WatchedBucket):
    """Its listings leave out what `hidden` ends with."""

    hidden = "nothing"

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        async for info in super().list(prefix, recursive=recursive):
            if not info.key.endswith(self.hidden):
                yield info


@pytest.fixture
def bucket() -> StaleBucket:
    return StaleBucket(MemoryBucket(StillClock()))


@pytest.fixture
def surveyor(bucket: StaleBucket, tmp_path: Path) -> Surveyor:
    clock = StillClock()
    clock.time_ms = START_MS + 3_600_000
    ledger = Ledger(tmp_path / "ledger.json")
    return Surveyor(bucket, CompactionSettings(), clock=clock, directory=tmp_path, ledger=ledger)


def marks_of(state: object, kind: MarkKind) -> set[str]:
    return set(getattr(state, {"no-c": "no_compact_marks", "no-d": "no_downsample_marks"}[kind.file_name[:4]]))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mark_stays_while_only_a_listing_hides_it(
    bucket: StaleBucket, surveyor: Surveyor, tmp_path: Path, kind: MarkKind
) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_block(bucket, Mark(kind, ulid_of(1), 1, reason="manual"))
    assert marks_of((await surveyor.look()).state, kind) == {ulid_of(1)}
    bucket.hidden = kind.file_name
    assert marks_of((await surveyor.look()).state, kind) == {ulid_of(1)}
    await bucket.delete(f"{ulid_of(1)}/{kind.file_name}")
    assert not marks_of((await surveyor.look()).state, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"{", b'{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "version": 1}'])
async def test_a_mark_that_cannot_be_read_counts_as_none(
    bucket: StaleBucket, surveyor: Surveyor, tmp_path: Path, kind: MarkKind, body: bytes
) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await bucket.put(f"{ulid_of(1)}/{kind.file_name}", body)
    assert not marks_of((await surveyor.look()).state, kind)


async def test_marks_are_read_once(bucket: StaleBucket, surveyor: Surveyor, tmp_path: Path) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_block(bucket, Mark(MarkKind.NO_COMPACT, ulid_of(1), 1, reason="manual"))
    await surveyor.look()
    bucket.calls.clear()
    await surveyor.look()
    assert [operation for operation, _ in bucket.calls] == ["list"]


async def test_partial_blocks_are_as_old_as_their_newest_object(
    bucket: StaleBucket, surveyor: Surveyor, tmp_path: Path
) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await bucket.delete(f"{ulid_of(1)}/meta.json")
    assert (await surveyor.look()).state.partial_ms == {ulid_of(1): START_MS}


async def test_fresh_blocks_are_left_out_but_not_what_was_rewritten(bucket: StaleBucket, tmp_path: Path) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await put_block(bucket, tmp_path, meta_of(2, source="bucket.rewrite"))
    surveyor = Surveyor(
        bucket, CompactionSettings(), clock=StillClock(), directory=tmp_path, ledger=Ledger(tmp_path / "ledger.json")
    )
    assert set((await surveyor.look()).state.blocks) == {ulid_of(2)}


async def test_a_survey_that_fails_in_part_fails(bucket: StaleBucket, surveyor: Surveyor, tmp_path: Path) -> None:
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_block(bucket, Mark(MarkKind.NO_COMPACT, ulid_of(1), 1, reason="manual"))

    async def fail(operation: str, key: str) -> None:
        if key.endswith(MarkKind.NO_COMPACT.file_name):
            raise BucketUnavailable("a fault", key=key, operation=operation)

    bucket.before = fail
    with pytest.raises(BucketUnavailable):
        await surveyor.look()
