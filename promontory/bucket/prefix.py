"""PrefixBucket: a part of a bucket as a bucket of its own; keys in and out are without the prefix.

One rule: what the inner bucket can do beyond a Bucket, its part can do too, and nothing more; `take_part` sees to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from promontory.bucket.keys import SEPARATOR, check_key
from promontory.bucket.port import Bucket, LocalBucket, MappingBucket, ObjectInfo

Lengths = list[int]
Views = list[memoryview]  # `list` means the method inside the class


def take_part(inner: Bucket, prefix: str) -> PrefixBucket:
    """Return the part of a bucket below `prefix`; it maps ranges where the bucket does."""
    return PrefixMappingBucket(inner, prefix) if isinstance(inner, MappingBucket) else PrefixBucket(inner, prefix)


class PrefixBucket:
    """The objects below `prefix`, which is a key without a '/' at its ends."""

    def __init__(self, inner: Bucket, prefix: str) -> None:
        check_key(prefix)
        self._inner = inner
        self._prefix = prefix + SEPARATOR

    @property
    def name(self) -> str:
        """The inner name and the prefix."""
        return f"{self._inner.name}/{self._prefix.removesuffix(SEPARATOR)}"

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        return await self._inner.get(self._full(key))

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        return await self._inner.get_range(self._full(key), start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object."""
        return await self._inner.get_ranges(self._full(key), ranges)

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        return replace(await self._inner.info(self._full(key)), key=key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield the objects below both prefixes."""
        async for found in self._inner.list(self._prefix + prefix, recursive=recursive):
            if len(found.key) > len(self._prefix):
                yield replace(found, key=found.key[len(self._prefix) :])

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once."""
        await self._inner.put(self._full(key), body, if_absent=if_absent)

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        await self._inner.upload(self._full(key), path)

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        await self._inner.download(self._full(key), path)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        await self._inner.delete(self._full(key))

    async def close(self) -> None:
        """Release the connections of the inner bucket."""
        await self._inner.close()

    def _full(self, key: str) -> str:
        check_key(key.removesuffix(SEPARATOR))
        return self._prefix + key


class PrefixMappingBucket(PrefixBucket):
    """The same of a bucket on local disk, made by `take_part`."""

    async def map_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Views:
        """Return several ranges of one object; large ones are views of the page cache."""
        assert isinstance(self._inner, MappingBucket)
        return await self._inner.map_ranges(self._full(key), ranges)

    def size_here(self, key: str) -> int:
        """Return the bytes of an object."""
        assert isinstance(self._inner, LocalBucket)
        return self._inner.size_here(self._full(key))

    def read_here(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> Lengths:
        """Fill each of `into` from its start on."""
        assert isinstance(self._inner, LocalBucket)
        return self._inner.read_here(self._full(key), starts, into)

    def read_cached(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> Lengths | None:
        """Fill each of `into` from its start on as far as no disk is waited for."""
        assert isinstance(self._inner, LocalBucket)
        return self._inner.read_cached(self._full(key), starts, into)
