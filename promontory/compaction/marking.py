"""Marking and deleting, with a second look: what a plan relied on is asked of the bucket again, just before.

    mark for deletion   the block is still there, each block that covers it is there and not marked itself
    delete marked       the mark still stands and says the same time
    delete partial      there is no meta.json, no mark, and nothing was written since

A block whose second look fails is left, and the observer is told; the next pass plans anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from promontory.block.markers import Mark, MarkKind, parse_mark
from promontory.block.meta import META_FILE
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.catalog.listing import find_object
from promontory.catalog.transfer import delete_block, mark_block
from promontory.compaction.observer import PassObserver
from promontory.compaction.planning.state import BucketState, Deletion
from promontory.errors import BucketError, CorruptionError, ObjectNotFound, StoppedError
from promontory.model.clock import Clock

DELETED_AT_ONCE = 4


class Marker:
    """Writes the marks of one compactor and deletes what is due."""

    def __init__(self, bucket: Bucket, *, clock: Clock, observer: PassObserver, stop: Callable[[], bool]) -> None:
        self._bucket = bucket
        self._clock = clock
        self._observer = observer
        self._stop = stop

    async def mark_deletion(self, deletion: Deletion) -> bool:
        """Mark a block for deletion, if what covers it stands; say whether the mark is new. Raises BucketError."""
        if not await self._is_there(deletion.ulid, META_FILE):
            return False
        for cover in deletion.covers:
            is_marked = await self._is_there(cover, MarkKind.DELETION.file_name)
            if is_marked or not await self._is_there(cover, META_FILE):
                what = "marked for deletion" if is_marked else "gone"
                self._observer.on_refused(f"block {deletion.ulid} stays: {cover}, which covers it, is {what}")
                return False
        return await self.mark(deletion.ulid, MarkKind.DELETION, reason=deletion.reason)

    async def mark(self, ulid: str, kind: MarkKind, *, reason: str, details: str = "") -> bool:
        """Write a mark and say whether it is new; the reason of a deletion is its details. Raises BucketError."""
        now_s = self._clock.now_ms() // 1000
        is_deletion = kind is MarkKind.DELETION
        mark = Mark(kind, ulid, now_s, details=reason if is_deletion else details, reason="" if is_deletion else reason)
        is_new = await mark_block(self._bucket, mark)
        if is_new:
            self._observer.on_block_marked(mark)
        return is_new

    async def delete_marked(self, ulids: tuple[str, ...], state: BucketState) -> list[str]:
        """Delete blocks whose marks are due; return those that are gone. What fails is told, and left."""

        async def delete(ulid: str) -> bool:
            self._check_stop()
            mark = await self._read_mark(ulid)
            if mark is None or mark.time_s != state.deletion_marks[ulid].time_s:
                self._observer.on_refused(f"block {ulid} stays: its deletion mark is not what it was")
                return False
            return await self._delete(ulid, is_partial=False)

        gone = await map_concurrently(self._telling(delete), ulids, limit=DELETED_AT_ONCE)
        return [ulid for ulid, is_gone in zip(ulids, gone, strict=True) if is_gone]

    async def delete_partials(self, ulids: tuple[str, ...], state: BucketState) -> list[str]:
        """Delete blocks that have no meta.json; return those that are gone. What fails is told, and left."""

        async def delete(ulid: str) -> bool:
            self._check_stop()
            for name in (META_FILE, MarkKind.DELETION.file_name):
                if await self._is_there(ulid, name):
                    self._observer.on_refused(f"block {ulid} stays: it has a {name}, which the listing had not")
                    return False
            newest_ms = max([info.modified_ms async for info in self._bucket.list(f"{ulid}/")], default=0)
            if newest_ms > (state.partial_ms[ulid] or 0):
                self._observer.on_refused(f"block {ulid} stays: it was written to meanwhile")
                return False
            return await self._delete(ulid, is_partial=True)

        gone = await map_concurrently(self._telling(delete), ulids, limit=DELETED_AT_ONCE)
        return [ulid for ulid, is_gone in zip(ulids, gone, strict=True) if is_gone]

    def _telling(self, delete: Callable[[str], Awaitable[bool]]) -> Callable[[str], Awaitable[bool]]:
        """Return the same, but a failure is told to the observer, and leaves the block."""

        async def try_to(ulid: str) -> bool:
            try:
                return await delete(ulid)
            except BucketError as error:
                self._observer.on_delete_failed(ulid, error)
                return False

        return try_to

    async def _delete(self, ulid: str, *, is_partial: bool) -> bool:
        await delete_block(self._bucket, ulid)
        self._observer.on_block_deleted(ulid, partial=is_partial)
        return True

    async def _read_mark(self, ulid: str) -> Mark | None:
        key = f"{ulid}/{MarkKind.DELETION.file_name}"
        try:
            return parse_mark(await self._bucket.get(key), MarkKind.DELETION, source=key)
        except (ObjectNotFound, CorruptionError):
            return None

    async def _is_there(self, ulid: str, name: str) -> bool:
        return await find_object(self._bucket, f"{ulid}/{name}") is not None

    def _check_stop(self) -> None:
        if self._stop():
            raise StoppedError("deleting blocks: told to stop")
