"""How many blocks are opened at once: the most where nobody asks, few beside queries.

Opening a block and reading it share the event loop, the connections and the pools, and a query is waited for while a
new block is not. One rule: it goes on beside any number of queries, so that no block stays away for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

FEW_AT_ONCE = 4


class OpeningGate:
    """Counts queries and lets openings through; belongs to one event loop."""

    def __init__(self, most: int, few: int = FEW_AT_ONCE) -> None:
        self._most = asyncio.Semaphore(most)
        self._few = asyncio.Semaphore(min(few, most))
        self._queries = 0

    @contextmanager
    def query(self) -> Iterator[None]:
        """Let openings be few for as long as this lasts."""
        self._queries += 1
        try:
            yield
        finally:
            self._queries -= 1

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Wait until one more block may be opened."""
        async with self._most, self._few if self._queries else nullcontext():
            yield
