"""Gate: how many queries run at once, and how many may wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from promontory.api.failure import ApiError
from promontory.model.context import QueryContext

WAITING_PER_SLOT = 10


class Gate:
    """`limit` queries at once; ten times as many wait, the rest are turned away with 503."""

    def __init__(self, limit: int) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._waiting_limit = WAITING_PER_SLOT * limit
        self.limit = limit
        self.waiting = 0
        self.running = 0

    @asynccontextmanager
    async def enter(self, context: QueryContext) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises ApiError where too many wait, LimitError past the deadline."""
        if self._slots.locked() and self.waiting >= self._waiting_limit:
            raise ApiError(
                503, "unavailable",
                f"too many queries: {self.waiting} are waiting (--query.max-concurrent), try again later",
            )  # fmt: skip
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            context.check()
            yield
        finally:
            self.running -= 1
            self._slots.release()
