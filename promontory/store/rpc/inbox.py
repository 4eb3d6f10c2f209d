"""Inbox: messages that were received and not yet decoded, bounded in bytes.

Peers that send one series a message send thousands of small ones; what has come together is decoded together.
"""

from __future__ import annotations

import asyncio
from collections import deque

from promontory.store.rpc.frame_reader import is_frame

# A message from this size on is decoded where it lies; smaller ones are joined up to JOINED_BYTES.
LARGE_BYTES = 128 << 10
JOINED_BYTES = 1 << 20


class Inbox:
    """One writer, one reader. The writer waits while `limit_bytes` or more are held.

    The reader waits for `least_bytes`: 0 where what has come is wanted at once, more where all is gathered anyway.
    """

    def __init__(self, *, limit_bytes: int = 4 << 20, least_bytes: int = 0) -> None:
        self._limit_bytes = limit_bytes
        self._least_bytes = least_bytes
        self._messages: deque[bytes] = deque()
        self._held_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._is_closed = False
        self._error: Exception | None = None

    async def put(self, message: bytes) -> None:
        """Add a message; returns once there is room for another. An empty one says nothing, and would be the end."""
        if not message:
            return
        self._messages.append(message)
        self._held_bytes += len(message)
        self._arrived.set()
        if self._held_bytes >= self._limit_bytes:
            self._room.clear()
            await self._room.wait()

    def close(self, error: Exception | None = None) -> None:
        """Say that no more messages come, and why where that is a failure."""
        self._is_closed = True
        self._error = error
        self._arrived.set()

    async def take(self) -> bytes:
        """Return one large message, one Frame or several small messages laid end to end, empty at the end.

        Raises the writer's error once all messages before it were taken.
        """
        while not self._is_closed and (not self._messages or self._held_bytes < self._least_bytes):
            self._arrived.clear()
            await self._arrived.wait()
        if not self._messages:
            if self._error is not None:
                raise self._error
            return b""
        taken = [self._messages.popleft()]
        size = len(taken[0])
        while self._messages and _may_join(taken[0], size, self._messages[0]):
            taken.append(self._messages.popleft())
            size += len(taken[-1])
        self._held_bytes -= size
        self._room.set()
        return taken[0] if len(taken) == 1 else b"".join(taken)


def _may_join(first: bytes, size: int, message: bytes) -> bool:
    """Say whether a message may be laid behind `size` bytes that begin with `first`; Frames stand alone."""
    is_small = size < LARGE_BYTES and size + len(message) <= JOINED_BYTES
    return is_small and not is_frame(first) and not is_frame(message)
