"""Reading back what was uploaded: every byte in the bucket equals the one on disk.

The files on disk have been checked whole; what equals them is as good, so that sizes, hashes, index, chunk CRCs and
counts of the block in the bucket need no second check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from promontory.block.meta import META_FILE, BlockFile, BlockMeta, render_meta
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, MappingBucket
from promontory.errors import BucketUnavailable, ObjectNotFound, StoppedError

PIECE_BYTES = 8 * 2**20
PIECES_AT_ONCE = 4
COMPARED_BYTES = 128 << 10


async def compare_files(
    bucket: Bucket,
    directory: Path,
    ulid: str,
    files: Sequence[BlockFile],
    *,
    stop: Callable[[], bool],
    notify: Callable[[int], None],
) -> None:
    """Compare files in a bucket with those in a directory. Raises BucketUnavailable where they differ."""
    for file in files:
        key, path, size_bytes = f"{ulid}/{file.path}", directory / file.path, file.size_bytes or 0
        found = (await bucket.info(key)).size_bytes
        if found != size_bytes:
            raise _differs(key, f"{size_bytes} bytes", f"{found}")

        async def compare(start: int, key: str = key, path: Path = path, size_bytes: int = size_bytes) -> None:
            if stop():
                raise StoppedError(f"block {ulid}: told to stop before it was read back")
            end = min(start + PIECE_BYTES, size_bytes)
            body = await _read(bucket, key, start, end)
            if not await asyncio.to_thread(_equals, path, start, end, body):
                raise _differs(key, f"the bytes [{start}, {end}) that were uploaded", "others")
            notify(end - start)

        await map_concurrently(compare, range(0, size_bytes, PIECE_BYTES), limit=PIECES_AT_ONCE)


async def compare_meta(bucket: Bucket, meta: BlockMeta) -> None:
    """Compare the meta.json in a bucket with what was written. Raises BucketUnavailable where they differ."""
    if not await has_meta(bucket, meta):
        raise _differs(f"{meta.ulid}/{META_FILE}", "the document that was written", "another one, or none")


async def has_meta(bucket: Bucket, meta: BlockMeta) -> bool:
    """Say whether a bucket has just this meta.json. Raises BucketError where it does not say."""
    try:
        return await bucket.get(f"{meta.ulid}/{META_FILE}") == render_meta(meta)
    except ObjectNotFound:
        return False


async def _read(bucket: Bucket, key: str, start: int, end: int) -> memoryview:
    if isinstance(bucket, MappingBucket):
        return (await bucket.map_ranges(key, [(start, end)]))[0]
    return memoryview(await bucket.get_range(key, start, end))


def _equals(path: Path, start: int, end: int, body: memoryview) -> bool:
    """Compare, a little at a time: large pieces of fresh memory would cost more than the comparison."""
    if len(body) != end - start:
        return False
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        for offset in range(0, len(body), COMPARED_BYTES):
            part = body[offset : offset + COMPARED_BYTES]
            if file.read(len(part)) != bytes(part):
                return False
    return True


def _differs(key: str, expected: str, found: str) -> BucketUnavailable:
    return BucketUnavailable(f"expected {expected}, found {found}", key=key, operation="read back")
