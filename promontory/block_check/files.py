"""The files of one block, in a directory or in a bucket, each mapped whole.

A bucket on local disk maps the file itself. Of another bucket a file is downloaded on its first use, mapped and
unlinked: the mapping keeps it until the block is closed, and nothing is left behind whatever happens.
What was read through can be released, so that a block of any size needs little memory.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket, MappingBucket
from promontory.errors import InputError

RELEASED_AT_ONCE = 4 * 2**20

Bytes = NDArray[np.uint8]


class BlockFiles:
    """The files of the block `key` of a bucket; `sizes` are their bytes by their path in the block."""

    def __init__(self, bucket: Bucket, key: str, runner: asyncio.Runner, sizes: Mapping[str, int]) -> None:
        self.bucket = bucket
        self.key = key
        self.sizes = sizes
        self._runner = runner
        self._held: dict[str, Bytes] = {}

    def read(self, path: str) -> Bytes:
        """Return the bytes of a file, which has to be there. Raises BucketError."""
        if path not in self._held:
            self._held[path] = self._map(path) if self.sizes[path] else np.empty(0, np.uint8)
        return self._held[path]

    def release(self, path: str, end: int) -> None:
        """Let go of the memory that the bytes [0, end) of a file take; they can be read still."""

    def _map(self, path: str) -> Bytes:
        key, bucket = f"{self.key}/{path}", self.bucket
        if isinstance(bucket, MappingBucket):
            (view,) = self._runner.run(bucket.map_ranges(key, [(0, self.sizes[path])]))
            return np.frombuffer(view, np.uint8)
        with tempfile.TemporaryDirectory(prefix="promontory-block-") as folder:
            target = Path(folder) / "file"
            self._runner.run(bucket.download(key, target))
            with target.open("rb") as file:
                return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


class DirectoryFiles(BlockFiles):
    """The files of a block in a local directory, whose memory is let go of as it was read."""

    def __init__(self, directory: Path, found: BlockFiles) -> None:
        super().__init__(found.bucket, found.key, found._runner, found.sizes)
        self._directory = directory
        self._maps: dict[str, mmap.mmap] = {}
        self._released: dict[str, int] = {}

    def release(self, path: str, end: int) -> None:
        """Let go of the memory that the bytes [0, end) of a file take; they can be read still."""
        end -= end % mmap.PAGESIZE
        start = self._released.get(path, 0)
        start = start if start <= end else 0  # it is read for a second time
        if path in self._maps and end - start >= RELEASED_AT_ONCE:
            self._maps[path].madvise(mmap.MADV_DONTNEED, start, end - start)
            self._released[path] = end

    def _map(self, path: str) -> Bytes:
        with (self._directory / path).open("rb") as file:
            self._maps[path] = mmap.mmap(file.fileno(), self.sizes[path], access=mmap.ACCESS_READ)
        return np.frombuffer(self._maps[path], np.uint8)


@contextmanager
def open_directory(directory: Path) -> Iterator[BlockFiles]:
    """Give the files of a block in a local directory. Raises InputError where there are none."""
    with open_files(FilesystemBucket(directory.parent), directory.name) as found:
        yield DirectoryFiles(directory, found)


@contextmanager
def open_files(bucket: Bucket, key: str) -> Iterator[BlockFiles]:
    """Give the files of a block. Raises InputError where there are none, BucketError."""
    with asyncio.Runner() as runner:
        try:
            sizes = runner.run(_list_files(bucket, key))
            if not sizes:
                raise InputError(f"block {key}: expected files in {bucket.name}/{key}, found none")
            yield BlockFiles(bucket, key, runner, sizes)
        finally:
            runner.run(bucket.close())


async def _list_files(bucket: Bucket, key: str) -> dict[str, int]:
    prefix = f"{key}/"
    return {info.key.removeprefix(prefix): info.size_bytes async for info in bucket.list(prefix)}
