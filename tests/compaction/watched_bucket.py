"""A bucket that remembers its operations, and lets a test put something in the way of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from promontory.bucket.port import Bucket, ObjectInfo

Hook = Callable[[str, str], Awaitable[None]]
"""Is awaited before an operation (its name, the key); may raise, or change the bucket."""


async def _nothing(operation: str, key: str) -> None:
    return


class WatchedBucket:
    """Passes all on to `inner`; `before` and `after` may be replaced at any time."""

    def __init__(self, inner: Bucket) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        self.before: Hook = _nothing
        self.after: Hook = _nothing

    @property
    def name(self) -> str:
        return self.inner.name

    def keys_of(self, *operations: str) -> list[str]:
        return [key for operation, key in self.calls if operation in operations]

    async def get(self, key: str) -> bytes:
        await self._begin("get", key)
        return await self.inner.get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        await self._begin("get_range", key)
        return await self.inner.get_range(key, start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [await self.get_range(key, start, end) for start, end in ranges]

    async def info(self, key: str) -> ObjectInfo:
        await self._begin("info", key)
        return await self.inner.info(key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        await self._begin("list", prefix)
        async for found in self.inner.list(prefix, recursive=recursive):
            yield found

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        await self._begin("put", key)
        await self.inner.put(key, body, if_absent=if_absent)
        await self.after("put", key)

    async def upload(self, key: str, path: Path) -> None:
        await self._begin("upload", key)
        await self.inner.upload(key, path)
        await self.after("upload", key)

    async def download(self, key: str, path: Path) -> None:
        await self._begin("download", key)
        await self.inner.download(key, path)
        await self.after("download", key)

    async def delete(self, key: str) -> None:
        await self._begin("delete", key)
        await self.inner.delete(key)

    async def close(self) -> None:
        await self.inner.close()

    async def _begin(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        await self.before(operation, key)
