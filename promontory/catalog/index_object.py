"""The bucket index as an object: written after a pass of a compactor, read by catalogs while it is fresh.

    fresh    0 to 30 minutes old, by the time of its listing and by that of its object; a few minutes ahead pass
    written  unless the bucket holds one whose listing is newer, and not ahead of the clock

Two writers may still cross within a request; the older index then stands until the next pass, and readers that have
seen the newer keep to it. Nothing depends on more: it is a hint.
Format: docs/formats/bucket-index.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from promontory.bucket.port import Bucket, ObjectInfo
from promontory.catalog.bucket_index import (
    BUCKET_INDEX_KEY,
    HEADER_BYTES,
    LARGEST_INDEX_BYTES,
    BucketIndex,
    parse_bucket_index,
    read_listed_s,
    render_bucket_index,
)
from promontory.errors import AccessDenied, BucketError, CorruptionError, ObjectNotFound
from promontory.model.clock import Clock

FRESH_MS = 30 * 60_000
CLOCK_SKEW_MS = 5 * 60_000


async def write_bucket_index(bucket: Bucket, index: BucketIndex, *, clock: Clock) -> bool:
    """Write an index and say whether it was written: one of a newer listing stays. Raises BucketError."""
    try:
        held_s = read_listed_s(await bucket.get_range(BUCKET_INDEX_KEY, 0, HEADER_BYTES))
    except ObjectNotFound:
        held_s = None
    now_ms = clock.now_ms()
    if held_s is not None and index.listed_ms // 1000 < held_s <= (now_ms + CLOCK_SKEW_MS) // 1000:
        return False
    body = await asyncio.to_thread(render_bucket_index, replace(index, written_ms=now_ms))
    await bucket.put(BUCKET_INDEX_KEY, body)
    return True


class BucketIndexReader:
    """The bucket index for one catalog; `problem` says why the last `read` gave none."""

    def __init__(self, bucket: Bucket, *, clock: Clock, fresh_ms: int = FRESH_MS) -> None:
        self._bucket = bucket
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._seen: ObjectInfo | None = None
        self._broken = ""
        self._index: BucketIndex | None = None
        self._distrusted_ms: int | None = None
        self.problem = ""

    async def read(self) -> BucketIndex | None:
        """Return the newest index seen, where it and the object are fresh. Raises BucketError."""
        try:
            self.problem = await self._learn()
        except ObjectNotFound:
            self.problem = "there is none"
        except AccessDenied as error:
            self.problem = str(error)
        if self._index is not None and not self.problem:
            self.problem = self._find_staleness(self._index.listed_ms, "its listing")
        return None if self.problem else self._index

    def distrust(self) -> None:
        """Use no index again whose listing is not newer than that of the one held: it told of what is gone."""
        if self._index is not None:
            self._distrusted_ms = self._index.listed_ms

    async def _learn(self) -> str:
        """Take the object's index if it is newer than the one held; return why none can be used."""
        info = await self._bucket.info(BUCKET_INDEX_KEY)
        if stale := self._find_staleness(info.modified_ms, "the object"):
            return stale
        if info.size_bytes > LARGEST_INDEX_BYTES:
            return f"expected at most {LARGEST_INDEX_BYTES} bytes, found {info.size_bytes}"
        if info != self._seen:
            self._seen, self._broken = info, ""
            try:
                found = await asyncio.to_thread(parse_bucket_index, await self._bucket.get(BUCKET_INDEX_KEY))
            except CorruptionError as error:
                self._broken = str(error)
            except BucketError:
                self._seen = None
                raise
            else:
                self._index = found if self._index is None else max(self._index, found, key=lambda i: i.listed_ms)
        if self._index is not None and self._distrusted_ms is not None and self._index.listed_ms <= self._distrusted_ms:
            return "it tells of blocks that are gone"
        return self._broken

    def _find_staleness(self, time_ms: int, what: str) -> str:
        age_ms = self._clock.now_ms() - time_ms
        if age_ms > self._fresh_ms:
            return f"{what} is {age_ms // 1000} s old, more than {self._fresh_ms // 1000} s"
        if age_ms < -CLOCK_SKEW_MS:
            return f"{what} is {-age_ms // 1000} s ahead of the clock"
        return ""
