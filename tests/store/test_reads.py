"""A reading gets the same bytes and the same failures from a disk and from a bucket that is awaited."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket
from promontory.errors import CorruptionError, ObjectNotFound
from promontory.model.context import QueryContext
from promontory.store.reads import ObjectRanges, ReadBack, Reading, carry_out
from promontory.testing.still_clock import StillClock

FIRST = ObjectRanges("a", [(0, 3), (8, 12), (20, 30)])
MISSING = ObjectRanges("none", [(0, 5), (7, 9)])
LAST = ObjectRanges("dir/b", [(1, 1), (1, 4)])


@pytest.fixture(params=["disk", "awaited"])
async def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    bucket: Bucket = FilesystemBucket(tmp_path) if request.param == "disk" else MemoryBucket(StillClock())
    await bucket.put("a", b"0123456789")
    await bucket.put("dir/b", b"abcdef")
    return bucket


def bytes_of(back: ReadBack) -> list[bytes]:
    spans = zip(back.start.tolist(), back.length.tolist(), strict=True)
    return [back.data[start : start + length].tobytes() for start, length in spans]


async def test_ranges_of_several_objects_come_in_their_order_and_failures_by_object(
    bucket: Bucket, context: QueryContext
) -> None:
    def read() -> Reading[tuple[ReadBack, ReadBack]]:
        first = yield [FIRST, MISSING, LAST]
        second = yield [LAST]
        return first, second

    first, second = await carry_out(read(), bucket, context)
    assert bytes_of(first) == [b"012", b"89", b"", b"", b"", b"", b"bcd"]
    assert {number: type(error) for number, error in first.errors.items()} == {1: ObjectNotFound}
    assert bytes_of(second) == [b"", b"bcd"]


async def test_what_does_not_read_has_its_result_at_once(bucket: Bucket, context: QueryContext) -> None:
    def read() -> Reading[str]:
        return "done"
        yield []

    assert await carry_out(read(), bucket, context) == "done"


@pytest.mark.parametrize(("asked", "error"), [(FIRST, CorruptionError), (MISSING, ObjectNotFound)])
async def test_ranges_that_have_to_be_whole_are_checked(
    bucket: Bucket, context: QueryContext, asked: ObjectRanges, error: type[Exception]
) -> None:
    def read() -> Reading[None]:
        back = yield [asked]
        back.check_whole(asked, source="index of a")

    with pytest.raises(error):
        await carry_out(read(), bucket, context)
