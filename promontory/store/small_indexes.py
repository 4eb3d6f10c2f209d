"""Small indexes kept whole in memory, so that postings and series of their blocks cost no request.

Over a network a request of a kilobyte costs as much as one of 64 KiB, and a bucket of few series has hundreds of
blocks: with these a query asks each block for its chunks alone.

One rule: what is kept is as good as the bucket. Who finds it corrupt forgets it, and the bucket is asked again.
"""

from __future__ import annotations

import threading
from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

SMALL_BYTES = 64 << 10
"""An index of at most so much is small; more does not come in one request."""
LARGEST_TOTAL_BYTES = 32 << 20


class SmallIndexes:
    """Indexes by the ULIDs of their blocks, together at most `largest_bytes`; what finds no room is not kept.

    Thread-safe: kernel threads find and forget.
    """

    def __init__(self, largest_bytes: int = LARGEST_TOTAL_BYTES) -> None:
        self._left_bytes = largest_bytes
        self._lock = threading.Lock()
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def wants(self, ulid: str, size_bytes: int) -> bool:
        """Say whether an index of so many bytes would be kept, and is not yet."""
        return size_bytes <= min(SMALL_BYTES, self._left_bytes) and ulid not in self._kept

    def keep(self, ulid: str, body: bytes) -> None:
        """Keep a whole index where there is room."""
        with self._lock:
            self._forget(ulid)
            if self.wants(ulid, len(body)):
                self._kept[ulid] = np.frombuffer(body, np.uint8)
                self._left_bytes -= len(body)

    def find(self, ulid: str) -> NDArray[np.uint8] | None:
        """Return the index, None where it is not kept."""
        return self._kept.get(ulid)

    def forget(self, ulid: str) -> None:
        """Keep the index no more."""
        with self._lock:
            self._forget(ulid)

    def forget_others(self, ulids: Container[str]) -> None:
        """Keep only the indexes of these blocks."""
        with self._lock:
            for ulid in [ulid for ulid in self._kept if ulid not in ulids]:
                self._forget(ulid)

    def _forget(self, ulid: str) -> None:
        body = self._kept.pop(ulid, None)
        if body is not None:
            self._left_bytes += len(body)
