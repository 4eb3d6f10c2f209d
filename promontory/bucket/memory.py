"""MemoryBucket: objects in a dictionary; for tests, demonstrations and short-lived processes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from promontory.bucket.keys import SEPARATOR, check_key, check_range, collapse_directories
from promontory.bucket.local_file import opened_source, replaced_target
from promontory.bucket.port import ObjectInfo
from promontory.errors import ObjectExists, ObjectNotFound
from promontory.model.clock import Clock


class MemoryBucket:
    """A bucket that lives as long as its process."""

    def __init__(self, clock: Clock, *, name: str = "memory") -> None:
        self._clock = clock
        self._name = name
        self._objects: dict[str, tuple[bytes, ObjectInfo]] = {}

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        return self._find(key, "get")[0]

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        check_range(key, start, end)
        return self._find(key, "get range")[0][start:end]

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object."""
        return [await self.get_range(key, start, end) for start, end in ranges]

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        return self._find(key, "info")[1]

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield the objects as they are when the listing starts."""
        found = [info for key, (_, info) in sorted(self._objects.items()) if key.startswith(prefix)]
        for info in found if recursive else collapse_directories(found, prefix):
            yield info

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once."""
        check_key(key)
        if if_absent and key in self._objects:
            raise ObjectExists("the object exists", key=key, operation="put")
        etag = hashlib.blake2b(body, digest_size=16).hexdigest()
        self._objects[key] = (bytes(body), ObjectInfo(key, len(body), self._clock.now_ms(), etag))

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        check_key(key)
        await self.put(key, await asyncio.to_thread(_read_file, path, key))

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        await asyncio.to_thread(_write_file, path, key, await self.get(key))

    async def delete(self, key: str) -> None:
        """Delete an object."""
        check_key(key.removesuffix(SEPARATOR))
        self._objects.pop(key, None)

    async def close(self) -> None:
        """Do nothing: the objects stay for the next reader."""

    def _find(self, key: str, operation: str) -> tuple[bytes, ObjectInfo]:
        check_key(key)
        try:
            return self._objects[key]
        except KeyError:
            raise ObjectNotFound("there is no such object", key=key, operation=operation) from None


def _read_file(path: Path, key: str) -> bytes:
    with opened_source(path, key) as source:
        return source.read()


def _write_file(path: Path, key: str, body: bytes) -> None:
    with replaced_target(path, key) as target:
        target.write(body)
