"""Bucket: a flat space of immutable objects, read by range. Keys are relative, '/'-separated, without '.' or '..'."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object's key, size, last change (ms since the epoch) and entity tag (empty where the bucket has none)."""

    key: str
    size_bytes: int
    modified_ms: int
    etag: str = ""


class Bucket(Protocol):
    """The least that every backend gives; conveniences are functions beside it."""

    @property
    def name(self) -> str:
        """A name for logs and errors; never a secret."""

    async def get(self, key: str) -> bytes:
        """Return a whole object. Raises ObjectNotFound."""

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end); fewer only where the object ends before. Raises ObjectNotFound."""

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object, read concurrently."""

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object. Raises ObjectNotFound."""

    def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield objects whose key starts with `prefix`, sorted by key.

        Not recursive: yields the direct children only; a "directory" has a key that ends with '/' and size 0.
        """

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once. `if_absent` raises ObjectExists where the backend can tell."""

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object: managed multipart where the backend has it."""

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file; nothing is left under `path` on failure."""

    async def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""

    async def close(self) -> None:
        """Release connections."""


@runtime_checkable
class MappingBucket(Protocol):
    """A bucket on local disk that can show ranges of an object without copying them."""

    async def map_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Return several ranges of one object, as get_ranges does; large ones are views of the page cache.

        A view stays as it is when its object is replaced or deleted. A file cut short in place, which no writer of
        ours does, ends the process that reads the view, as it ends Prometheus.
        """


@runtime_checkable
class LinkingBucket(Protocol):
    """A bucket on local disk whose objects can be had as files without copying them."""

    async def link(self, key: str, path: Path) -> bool:
        """Make `path` another name of the object's file; say whether the file systems allowed it.

        The file is to be read only: to write it is to write the object. It stays as it is when its object is replaced
        or deleted. What was under `path` is gone. Raises ObjectNotFound.
        """


@runtime_checkable
class LocalBucket(Protocol):
    """A bucket on local disk: a read takes less than a hop between threads, so the thread that works does it."""

    def size_here(self, key: str) -> int:
        """Return the bytes of an object, in the calling thread. Raises ObjectNotFound."""

    def read_here(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> list[int]:
        """Fill each of `into` from its start on, in the calling thread; return how many bytes each got.

        They are fewer only where the object ends before. Raises ObjectNotFound.
        """

    def read_cached(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> list[int] | None:
        """Do what `read_here` does, but with what the system holds in memory: no disk is waited for.

        A range ends where the rest is not in memory, too. Returns None where nothing can be read, whatever the reason.
        """
