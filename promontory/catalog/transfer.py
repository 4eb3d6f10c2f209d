"""The order in which blocks are written to a bucket and taken out of it.

    upload   chunks/*  index  meta.json                      each size verified before the next; meta.json commits
    delete   meta.json  everything else  deletion-mark.json  so a block without meta.json is never served

Both may be repeated after being cut off at any point. Source: thanos pkg/block/block.go; issues 3661, 8442.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind, render_mark
from promontory.block.meta import (
    CHUNKS_DIRECTORY,
    INDEX_FILE,
    META_FILE,
    BlockFile,
    BlockMeta,
    ThanosMeta,
    render_meta,
)
from promontory.block.ulid import is_ulid
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.errors import BucketUnavailable, InputError, ObjectExists, ObjectNotFound
from promontory.model.clock import Clock

DELETED_AT_ONCE = 8


async def upload_block(bucket: Bucket, directory: Path, meta: BlockMeta, *, clock: Clock) -> BlockMeta:
    """Write a block and return its meta as written: with files and upload time.

    Files that are there at full size are not sent again. Raises InputError for a block without external labels or
    index, BucketError where a file did not arrive whole.
    """
    _check_labels(meta)
    files = await upload_files(bucket, directory, meta.ulid)
    written = complete_meta(meta, files, now_ms=clock.now_ms())
    await commit_block(bucket, written)
    return written


async def upload_files(bucket: Bucket, directory: Path, ulid: str) -> tuple[BlockFile, ...]:
    """Write all of a block but meta.json, and return it: until `commit_block` nobody reads it."""
    _check_ulid(ulid)
    files = await asyncio.to_thread(list_block_files, directory)
    for file in files:
        await _upload_file(bucket, f"{ulid}/{file.path}", directory / file.path, file.size_bytes or 0)
    return files


def complete_meta(meta: BlockMeta, files: Sequence[BlockFile], *, now_ms: int) -> BlockMeta:
    """Return a meta with the files that were uploaded and the time. Raises InputError without external labels."""
    thanos = replace(
        _check_labels(meta),
        files=(*files, BlockFile(META_FILE)),
        segment_files=tuple(file.path.partition("/")[2] for file in files if file.path != INDEX_FILE),
        upload_time_ms=now_ms,
    )
    return replace(meta, thanos=thanos)


async def commit_block(bucket: Bucket, meta: BlockMeta) -> None:
    """Write the meta.json of a block whose files are there."""
    body = render_meta(meta)
    key = f"{meta.ulid}/{META_FILE}"
    await bucket.put(key, body)
    await _verify_size(bucket, key, len(body))


async def delete_block(bucket: Bucket, ulid: str) -> None:
    """Delete a block, its deletion mark last; what is not there is no error."""
    _check_ulid(ulid)
    meta_key, mark_key = f"{ulid}/{META_FILE}", f"{ulid}/{MarkKind.DELETION.file_name}"
    await bucket.delete(meta_key)
    keys = [info.key async for info in bucket.list(f"{ulid}/") if info.key not in (meta_key, mark_key)]
    await map_concurrently(bucket.delete, [key for key in keys if not key.endswith("/")], limit=DELETED_AT_ONCE)
    await bucket.delete(mark_key)
    for directory in reversed([key for key in keys if key.endswith("/")]):  # some servers keep objects for directories
        await bucket.delete(directory)


async def mark_block(bucket: Bucket, mark: Mark) -> bool:
    """Write a mark and say whether it is new; a mark that is there stays as it is."""
    _check_ulid(mark.ulid)
    key = f"{mark.ulid}/{mark.kind.file_name}"
    try:
        await bucket.info(key)
    except ObjectNotFound:
        try:
            await bucket.put(key, render_mark(mark), if_absent=True)
        except ObjectExists:
            return False
        return True
    return False


async def mark_for_deletion(bucket: Bucket, ulid: str, *, details: str, clock: Clock) -> bool:
    """Mark a block for deletion and say whether the mark is new; the first deletion time stays."""
    return await mark_block(bucket, Mark(MarkKind.DELETION, ulid, clock.now_ms() // 1000, details=details))


def list_block_files(directory: Path) -> tuple[BlockFile, ...]:
    """Return the files of a block directory that go into a bucket, with sizes, in order of upload."""
    chunks = directory / CHUNKS_DIRECTORY
    segments = sorted(path for path in chunks.iterdir() if path.is_file()) if chunks.is_dir() else []
    index = directory / INDEX_FILE
    if not index.is_file():
        raise InputError(f"block directory {directory.name}: expected a file {INDEX_FILE}, found none")
    return tuple(BlockFile(path.relative_to(directory).as_posix(), path.stat().st_size) for path in (*segments, index))


async def _upload_file(bucket: Bucket, key: str, path: Path, size_bytes: int) -> None:
    try:
        if (await bucket.info(key)).size_bytes == size_bytes:
            return
    except ObjectNotFound:
        pass
    await bucket.upload(key, path)
    await _verify_size(bucket, key, size_bytes)


async def _verify_size(bucket: Bucket, key: str, size_bytes: int) -> None:
    found = (await bucket.info(key)).size_bytes
    if found != size_bytes:
        message = f"the object did not arrive whole: expected {size_bytes} bytes, found {found}"
        raise BucketUnavailable(message, key=key, operation="upload")


def _check_labels(meta: BlockMeta) -> ThanosMeta:
    if meta.thanos is None or not meta.thanos.labels.pairs:
        raise InputError(f"block {meta.ulid}: expected external labels, found none")
    return meta.thanos


def _check_ulid(ulid: str) -> None:
    if not is_ulid(ulid):
        raise InputError(f"block: expected a ULID, found {ulid!r}")
