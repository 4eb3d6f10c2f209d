from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.contents import read_contents
from promontory.catalog.transfer import mark_block
from tests.bucket.clock import StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of


async def test_all_marks_and_all_sizes_are_read(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    meta = await put_block(bucket, tmp_path, meta_of(1))
    marks = {kind: Mark(kind, meta.ulid, 5, reason="" if kind is MarkKind.DELETION else "manual") for kind in MarkKind}
    for mark in marks.values():
        await mark_block(bucket, mark)
    contents = await read_contents(bucket, clock=StillClock())
    ((found, whole),) = contents.whole
    assert (whole, found.marks, found.unreadable_marks) == (meta, marks, ())
    assert found.sizes["chunks/000001"] == 300
    assert found.total_bytes == sum(found.sizes.values()) > 600
    assert sorted(mark.kind.name for mark in contents.marks) == sorted(kind.name for kind in MarkKind)


async def test_what_does_not_count_stands_there_with_the_reason(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await bucket.delete(f"{ulid_of(1)}/index")
    await bucket.put(f"{ulid_of(2)}/index", b"x")
    await bucket.put(f"{ulid_of(3)}/meta.json", b"[]")
    contents = await read_contents(bucket, clock=StillClock())
    assert contents.whole == []
    assert [found.ulid for found in contents.broken] == [ulid_of(1), ulid_of(2), ulid_of(3)]
    assert [found.is_partial for found in contents.broken] == [False, True, False]


async def test_a_mark_of_another_block_or_one_that_is_too_large_counts_as_absent(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await put_block(bucket, tmp_path, meta_of(2))
    await mark_block(bucket, Mark(MarkKind.DELETION, ulid_of(2), 5))
    await bucket.put(f"{ulid_of(1)}/deletion-mark.json", await bucket.get(f"{ulid_of(2)}/deletion-mark.json"))
    await bucket.put(f"{ulid_of(1)}/no-compact-mark.json", b" " * 20_000_000)
    contents = await read_contents(bucket, clock=StillClock())
    first = contents.blocks[ulid_of(1)]
    assert first.marks == {}
    assert len(first.unreadable_marks) == 2
    assert list(contents.blocks[ulid_of(2)].marks) == [MarkKind.DELETION]
