"""Index headers on local disk: opened where they are good, built from the bucket where they are not.

    <directory>/<ULID>/index-header

One rule: the directory is disposable. A file that cannot be read or does not fit its checksums is built again; where
the disk takes no file the header is kept in memory. Format: docs/formats/index-header.md.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_header import IndexHeader, build_header, read_frame
from promontory.block.index_layout import INDEX_HEAD_BYTES, TOC_BYTES, check_head, parse_toc
from promontory.block.meta import INDEX_FILE
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, CorruptionError
from promontory.store.small_indexes import SMALL_BYTES, SmallIndexes

HEADER_FILE = "index-header"


class HeaderFile:
    """A block's header, opened when it is first needed: that costs the kernels, and memory."""

    def __init__(self, bucket: Bucket, ulid: str, kept: Path | bytes, small: SmallIndexes | None = None) -> None:
        self._bucket = bucket
        self._ulid = ulid
        self._kept = kept
        self._small = small
        self._gate = asyncio.Lock()
        self._header: IndexHeader | None = None
        self.error: CorruptionError | None = None

    async def open(self) -> IndexHeader:
        """Return the header. Raises CorruptionError naming the block, the same each time, or the bucket's errors."""
        async with self._gate:
            if self.error is not None:
                raise self.error.with_traceback(None)
            if self._header is None:
                try:
                    header = await self._open()
                except CorruptionError as error:
                    self.error = error
                    raise
                await self._fetch_small(header.toc.index_bytes)
                self._header = header
            return self._header

    def find_whole(self) -> NDArray[np.uint8] | None:
        """Return the whole index where it is in memory."""
        return None if self._small is None else self._small.find(self._ulid)

    def doubt_whole(self) -> None:
        """Take the index from the bucket again: what is in memory was found corrupt."""
        if self._small is not None:
            self._small.forget(self._ulid)

    async def _fetch_small(self, index_bytes: int) -> None:
        """Fetch the whole index where it is small; what does not come is asked for in parts, which tell why."""
        if self._small is not None and self._small.wants(self._ulid, index_bytes):
            with suppress(BucketError):
                body = await self._bucket.get_range(f"{self._ulid}/{INDEX_FILE}", 0, index_bytes)
                if len(body) == index_bytes:
                    self._small.keep(self._ulid, body)

    async def _open(self) -> IndexHeader:
        source = f"index of block {self._ulid}"
        if isinstance(self._kept, Path):
            with suppress(OSError, CorruptionError, ValueError):
                return await asyncio.to_thread(_open, self._kept, source)
            self._kept = await _build(self._bucket, self._ulid, self._kept, self._small)
        if isinstance(self._kept, Path):
            return await asyncio.to_thread(_open, self._kept, source)
        return await asyncio.to_thread(IndexHeader, np.frombuffer(self._kept, np.uint8), source=source)


async def prepare_header(
    bucket: Bucket,
    ulid: str,
    *,
    directory: Path | None,
    index_bytes: int | None = None,
    small: SmallIndexes | None = None,
) -> HeaderFile:
    """Make sure that a block's header is in `directory`, building it from the bucket; None keeps it in memory.

    Checks its frame only, and that it was made of an index of `index_bytes` where that is known. Raises
    CorruptionError naming the block, or the bucket's errors.
    """
    path = None if directory is None else directory / ulid / HEADER_FILE
    if path is not None:
        with suppress(OSError, CorruptionError, ValueError):
            await asyncio.to_thread(_check, path, ulid, index_bytes)
            return HeaderFile(bucket, ulid, path, small)
    return HeaderFile(bucket, ulid, await _build(bucket, ulid, path, small), small)


async def _build(bucket: Bucket, ulid: str, path: Path | None, small: SmallIndexes | None) -> Path | bytes:
    body = await fetch_header(bucket, ulid, small)
    if path is not None:
        with suppress(OSError):
            await asyncio.to_thread(_write, path, body)
            return path
    return body


async def fetch_header(bucket: Bucket, ulid: str, small: SmallIndexes | None = None) -> bytes:
    """Return a header file made of range reads of the block's index: one where that is small, and it is kept.

    Raises CorruptionError naming the block.
    """
    source = f"index of block {ulid}"
    key = f"{ulid}/{INDEX_FILE}"
    first = await bucket.get_range(key, 0, SMALL_BYTES + 1)
    is_whole = len(first) <= SMALL_BYTES
    size = len(first) if is_whole else (await bucket.info(key)).size_bytes

    async def read(ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        if is_whole:
            return [first[start:end] for start, end in ranges]
        return await bucket.get_ranges(key, ranges)

    check_head(np.frombuffer(first[:INDEX_HEAD_BYTES], np.uint8), source=source)
    (tail,) = await read([(max(0, size - TOC_BYTES), size)])
    toc = parse_toc(np.frombuffer(tail, np.uint8), index_bytes=size, source=source)
    sections = [(toc.symbols, toc.series), (toc.postings_table, size)]
    bodies = await read(sections)
    for (start, end), body in zip(sections, bodies, strict=True):
        if len(body) != end - start:
            expected, found = f"{end - start} bytes", f"{len(body)}"
            raise CorruptionError("section", source=source, offset=start, expected=expected, found=found)
    header = await asyncio.to_thread(build_header, toc, symbols=bodies[0], tail=bodies[1])
    if is_whole and small is not None:
        small.keep(ulid, first)
    return header


def drop_headers(directory: Path, *, keep: set[str]) -> None:
    """Delete the headers of blocks that are not in `keep`; what cannot be deleted stays."""
    with suppress(OSError):
        for entry in list(os.scandir(directory)):
            if entry.is_dir(follow_symlinks=False) and entry.name not in keep:
                path = Path(entry.path)
                if (path / HEADER_FILE).is_file():
                    shutil.rmtree(path, ignore_errors=True)


def _open(path: Path, source: str) -> IndexHeader:
    return IndexHeader(_map(path), source=source)


def _check(path: Path, ulid: str, index_bytes: int | None) -> None:
    source = f"index of block {ulid}"
    found = read_frame(_map(path), source=source).toc.index_bytes
    if index_bytes not in (None, found):
        expected = f"that of an index of {index_bytes} bytes"
        raise CorruptionError("header", source=source, offset=0, expected=expected, found=f"of {found}")


def _map(path: Path) -> NDArray[np.uint8]:
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=HEADER_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
