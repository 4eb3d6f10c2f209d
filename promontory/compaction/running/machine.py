"""Machine: the disk and the cores that the jobs of one process share.

One rule: what is promised to one job is not promised to another. A job that the disk has no room for beside the others
waits until one of them ends; alone, it is told that there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from promontory.compaction.running.workspace import need_space
from promontory.model.cores import count_cores


class Machine:
    """Where jobs run side by side; used by one event loop at a time."""

    def __init__(self, *, core_count: int = 0) -> None:
        self._core_count = core_count or count_cores()
        self._shares: list[Share] = []
        self._ended = asyncio.Event()
        self._asking = asyncio.Lock()
        self._copies: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Give a job its share, which ends with the context."""
        share = Share(self)
        self._shares.append(share)
        try:
            yield share
        finally:
            self._shares.remove(share)
            self._ended.set()
            self._ended = asyncio.Event()

    def count_workers(self) -> int:
        """Return how many threads a job should have now: an equal part of the cores, as two threads on one only wait
        for each other.
        """
        return max(1, self._core_count // max(1, len(self._shares)))

    def copying(self, copy: Path) -> asyncio.Lock:
        """Return what to hold while a block is copied: the parts of a merge have the copies of its inputs in common."""
        return self._copies.setdefault(copy, asyncio.Lock())

    async def reserve(self, share: Share, directory: Path, need_bytes: int) -> None:
        """Wait until a directory's file system has room beside what others hold. Raises OSError ENOSPC."""
        while True:
            async with self._asking:
                ended = self._ended
                held = sum(other.held_bytes for other in self._shares if other is not share)
                try:
                    await asyncio.to_thread(need_space, directory, need_bytes + held)
                except OSError:
                    if not held:
                        raise
                else:
                    share.held_bytes = need_bytes
                    return
            await ended.wait()


class Share:
    """What one job has of a machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.held_bytes = 0

    async def reserve(self, directory: Path, need_bytes: int) -> None:
        """Wait until there is room for so many bytes beside what other jobs hold. Raises OSError ENOSPC."""
        await self._machine.reserve(self, directory, need_bytes)

    def count_workers(self) -> int:
        """Return how many threads to work with now."""
        return self._machine.count_workers()

    def copying(self, copy: Path) -> asyncio.Lock:
        """Return what to hold while a block is copied to a place."""
        return self._machine.copying(copy)
