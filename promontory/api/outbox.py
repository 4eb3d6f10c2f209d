"""Outbox: how much memory the answers may hold that are on their way to clients.

A large answer is written from its columns while the client reads, and holds these until its last piece is sent. Clients
that read slowly, or not at all, would otherwise fill the process: beyond the limit an answer waits for others to leave,
in order, for as long as its query may take and within its slot of the gate.
"""

from __future__ import annotations

import asyncio
from collections import deque

UNLIMITED_BYTES = 1 << 62


class Outbox:
    """`limit_bytes` at once; an answer larger than that goes alone."""

    def __init__(self, limit_bytes: int = UNLIMITED_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.held_bytes = 0

    async def admit(self, size_bytes: int) -> None:
        """Wait until an answer of so many bytes may be held, and hold them."""
        if not self._waiting and self._has_room(size_bytes):
            self.held_bytes += size_bytes
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (size_bytes, turn)
        self._waiting.append(place)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(place)
            else:
                self.release(size_bytes)
            raise

    def release(self, size_bytes: int) -> None:
        """Hold so many bytes less."""
        self.held_bytes -= size_bytes
        self._admit_next()

    def _admit_next(self) -> None:
        while self._waiting and self._has_room(self._waiting[0][0]):
            size_bytes, turn = self._waiting.popleft()
            if not turn.cancelled():
                self.held_bytes += size_bytes
                turn.set_result(None)

    def _forget(self, place: tuple[int, asyncio.Future[None]]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
            self._admit_next()

    def _has_room(self, size_bytes: int) -> bool:
        return self.held_bytes == 0 or self.held_bytes + size_bytes <= self._limit_bytes
