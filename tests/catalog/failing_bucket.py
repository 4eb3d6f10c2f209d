"""A memory bucket that counts its operations, and stops for good before or after the n-th."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.errors import BucketUnavailable
from tests.bucket.clock import StillClock


class FailingBucket(MemoryBucket):
    def __init__(self) -> None:
        super().__init__(StillClock())
        self.log: list[str] = []
        self.fails_at: int | None = None
        self.fails_after = False
        self.fails_on: Callable[[str], bool] = lambda call: False

    def enter(self, call: str, *, leaving: bool = False) -> None:
        if not leaving:
            self.log.append(call)
        position = len(self.log) - 1
        is_hit = position == self.fails_at and leaving == self.fails_after
        is_past = self.fails_at is not None and position > self.fails_at
        if is_hit or is_past or (not leaving and self.fails_on(call)):
            operation, _, key = call.partition(" ")
            raise BucketUnavailable("gone", key=key, operation=operation)

    async def get(self, key: str) -> bytes:
        self.enter(f"get {key}")
        return await super().get(key)

    async def info(self, key: str) -> ObjectInfo:
        self.enter(f"info {key}")
        return await super().info(key)

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        self.enter(f"put {key}")
        await super().put(key, body, if_absent=if_absent)
        self.enter(f"put {key}", leaving=True)

    async def upload(self, key: str, path: Path) -> None:
        self.enter(f"upload {key}")
        await MemoryBucket.put(self, key, await asyncio.to_thread(path.read_bytes))
        self.enter(f"upload {key}", leaving=True)

    async def delete(self, key: str) -> None:
        self.enter(f"delete {key}")
        await super().delete(key)
        self.enter(f"delete {key}", leaving=True)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        self.enter(f"list {prefix}")
        async for found in super().list(prefix, recursive=recursive):
            yield found
            self.enter(f"after {found.key}", leaving=True)
