"""Workspace: the directory of one group's jobs, and the blocks in it.

    <data directory>/compact/<group>/<ULID of an input>/     chunks/* index meta.json
    <data directory>/compact/<group>/<ULID of an output>/

A copy of an earlier try is used again where its sizes, and hashes where the block has them, are those of the bucket.
What a block is made of is fetched; marks, and whatever else lies there, is not.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from promontory.block.meta import CHUNKS_DIRECTORY, INDEX_FILE, META_FILE, BlockFile, BlockMeta, parse_meta
from promontory.block.tombstones import TOMBSTONES_FILE
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, LinkingBucket
from promontory.compaction.job import SPARE_BYTES
from promontory.compaction.reasons import INCOMPLETE, UNREADABLE_META
from promontory.errors import BadBlockError, BucketUnavailable, CorruptionError, ObjectNotFound, StoppedError
from promontory.model.sizes import format_size

SHA256 = "SHA256"
HASHED_AT_ONCE = 1 << 20
_SEGMENT = re.compile(rf"{CHUNKS_DIRECTORY}/[0-9]+")

Stop = Callable[[], bool]
Notify = Callable[[int], None]


async def read_input_meta(bucket: Bucket, ulid: str) -> BlockMeta:
    """Return what a block says of itself now. Raises BadBlockError where it cannot be read, BucketError."""
    key = f"{ulid}/{META_FILE}"
    try:
        meta = parse_meta(await bucket.get(key), source=key)
        if meta.ulid != ulid:
            raise CorruptionError("field ulid", source=key, offset=0, expected=ulid, found=meta.ulid)
    except CorruptionError as error:
        raise BadBlockError(str(error), ulids=(ulid,), reason=UNREADABLE_META) from error
    return meta


async def list_input_files(bucket: Bucket, meta: BlockMeta) -> dict[str, int]:
    """Return the bytes by path of what a block is made of.

    Raises BadBlockError where the bucket has not what meta.json names: upload writes meta.json last.
    """
    prefix = f"{meta.ulid}/"
    found = {info.key.removeprefix(prefix): info.size_bytes async for info in bucket.list(prefix)}
    files = {path: size for path, size in found.items() if _is_data(path)}
    for file in meta.thanos.files if meta.thanos else ():
        if not _is_data(file.path) or not file.size_bytes or files.get(file.path) == file.size_bytes:
            continue
        files[file.path] = await _ask_size(bucket, meta.ulid, file)
    if INDEX_FILE not in files:
        files[INDEX_FILE] = await _ask_size(bucket, meta.ulid, BlockFile(INDEX_FILE))
    return files


async def fetch_block(
    bucket: Bucket,
    meta: BlockMeta,
    files: Mapping[str, int],
    directory: Path,
    *,
    concurrency: int,
    stop: Stop,
    notify: Notify,
) -> bool:
    """Have a block in a directory, whole; say whether any of it was there from before. Raises BucketError.

    `notify` is told the bytes of each file that is there.
    """
    hashes = {file.path: file for file in (meta.thanos.files if meta.thanos else ()) if file.hash_function == SHA256}
    # Not without meta.json, which another part of the same merge may be reading.
    await asyncio.to_thread(_begin, directory, {*files, META_FILE})
    reused: list[str] = []

    async def fetch(path: str) -> None:
        if stop():
            raise StoppedError(f"block {meta.ulid}: told to stop before it was downloaded")
        target = directory / path
        if await asyncio.to_thread(_is_same, target, files[path], hashes.get(path)):
            reused.append(path)
        else:
            await _bring(bucket, f"{meta.ulid}/{path}", target)
            if not await asyncio.to_thread(_is_same, target, files[path], hashes.get(path)):
                target.unlink(missing_ok=True)
                message = f"the object did not arrive whole: expected {files[path]} bytes as meta.json has them"
                raise BucketUnavailable(message, key=f"{meta.ulid}/{path}", operation="download")
        notify(files[path])

    await map_concurrently(fetch, sorted(files), limit=concurrency)
    await bucket.download(f"{meta.ulid}/{META_FILE}", directory / META_FILE)
    return bool(reused)


async def _bring(bucket: Bucket, key: str, target: Path) -> None:
    """Have an object as a file, which is read only: of a bucket on this disk no copy is made."""
    if not (isinstance(bucket, LinkingBucket) and await bucket.link(key, target)):
        await bucket.download(key, target)


def need_space(directory: Path, need_bytes: int) -> None:
    """Raise OSError ENOSPC where a directory's file system has not as much free."""
    directory.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < need_bytes + SPARE_BYTES:
        message = (
            f"expected {format_size(need_bytes + SPARE_BYTES)} free for the blocks of a job, "
            f"found {format_size(free_bytes)}"
        )
        raise OSError(errno.ENOSPC, message, str(directory))


def remove_others(directory: Path, kept: Collection[str]) -> None:
    """Remove what lies in a data directory's workspace but `kept`, paths `<group>/<ULID>`; and empty groups."""
    if not directory.is_dir():
        return
    for group in directory.iterdir():
        if not group.is_dir():
            group.unlink(missing_ok=True)
            continue
        for block in group.iterdir():
            if f"{group.name}/{block.name}" not in kept:
                remove_tree(block)
        if not any(group.iterdir()):
            group.rmdir()


def remove_tree(path: Path) -> None:
    """Remove a directory or a file, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, as Thanos keeps it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(HASHED_AT_ONCE):
            digest.update(piece)
    return digest.hexdigest()


def _begin(directory: Path, files: Collection[str]) -> None:
    """Leave what an earlier try has of the files, and nothing else: half a download would be taken for a segment."""
    chunks = directory / CHUNKS_DIRECTORY
    chunks.mkdir(parents=True, exist_ok=True)
    for path in (*directory.iterdir(), *chunks.iterdir()):
        if path != chunks and path.relative_to(directory).as_posix() not in files:
            remove_tree(path)


def _is_data(path: str) -> bool:
    return path in (INDEX_FILE, TOMBSTONES_FILE) or _SEGMENT.fullmatch(path) is not None


def _is_same(path: Path, size_bytes: int, hashed: BlockFile | None) -> bool:
    try:
        if os.stat(path).st_size != size_bytes:
            return False
    except FileNotFoundError:
        return False
    return hashed is None or hash_file(path) == hashed.hash_value


async def _ask_size(bucket: Bucket, ulid: str, file: BlockFile) -> int:
    """Return the size of a file that a listing has not, or has otherwise: listings may be stale."""
    expected = f"{file.size_bytes} bytes" if file.size_bytes else "some bytes"
    try:
        found = (await bucket.info(f"{ulid}/{file.path}")).size_bytes
    except ObjectNotFound as error:
        await bucket.info(f"{ulid}/{META_FILE}")  # where the block is gone, nothing is wrong with it
        message = f"block {ulid}: {file.path}: expected {expected}, found no such file"
        raise BadBlockError(message, ulids=(ulid,), reason=INCOMPLETE) from error
    if file.size_bytes and found != file.size_bytes:
        message = f"block {ulid}: {file.path}: expected {expected}, found {found}"
        raise BadBlockError(message, ulids=(ulid,), reason=INCOMPLETE)
    return found
