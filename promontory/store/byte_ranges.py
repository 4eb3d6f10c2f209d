"""Byte ranges of one object: many small spans, few requests.

Spans whose gap is small are read in one range: a request costs more than the bytes in between.
Source: thanos pkg/store/bucket.go (partitioner, 512 KiB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.port import Bucket, MappingBucket
from promontory.errors import CorruptionError

GAP_BYTES = 512 << 10
LOCAL_GAP_BYTES = 32 << 10

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RangePlan:
    """Ranges [start, end) of an object, int64[r], and the range of each span, int64[n]."""

    start: Offsets
    end: Offsets
    part: Offsets

    def ranges(self) -> list[tuple[int, int]]:
        """Return the ranges for Bucket.get_ranges."""
        return list(zip(self.start.tolist(), self.end.tolist(), strict=True))

    def positions(self, span_start: Offsets) -> Offsets:
        """Return int64[n]: where each span begins in its range."""
        return span_start - self.start[self.part]

    @property
    def size_bytes(self) -> int:
        """Bytes of all ranges."""
        return int((self.end - self.start).sum())


def choose_gap(bucket: Bucket) -> int:
    """Return the widest gap worth reading over: a request to a local disk costs much less."""
    return LOCAL_GAP_BYTES if isinstance(bucket, MappingBucket) else GAP_BYTES


def plan_ranges(span_start: Offsets, span_end: Offsets, *, gap_bytes: int = GAP_BYTES) -> RangePlan:
    """Return the ranges that cover the spans (int64[n], starts rising), joined over gaps of at most `gap_bytes`."""
    if not len(span_start):
        return RangePlan(span_start, span_end, span_start)
    reach = np.maximum.accumulate(span_end)
    begins = np.ones(len(span_start), np.bool_)
    begins[1:] = span_start[1:] > reach[:-1] + gap_bytes
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(span_start)) - 1
    return RangePlan(span_start[first], reach[last], np.cumsum(begins) - 1)


async def read_plan(bucket: Bucket, key: str, plan: RangePlan, *, source: str = "") -> list[Bytes]:
    """Return the bytes of each range.

    With a `source` every range has to be whole: raises CorruptionError naming it where the object ends before.
    Without one a part is shorter where the object ends.
    """
    read = bucket.map_ranges if isinstance(bucket, MappingBucket) else bucket.get_ranges
    parts = [np.frombuffer(body, np.uint8) for body in await read(key, plan.ranges())]
    for (start, end), part in zip(plan.ranges() if source else (), parts, strict=bool(source)):
        if len(part) != end - start:
            expected, found = f"{end - start} bytes", f"{len(part)}"
            raise CorruptionError("range", source=source, offset=start, expected=expected, found=found)
    return parts


def join_parts(parts: Sequence[Bytes], plan: RangePlan, span_start: Offsets) -> tuple[Bytes, Offsets, Offsets]:
    """Return the parts as one array, where each span begins in it and where its part ends; one part is not copied."""
    base = np.cumsum([0, *(len(part) for part in parts)])
    joined = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint8), *parts])
    return joined, plan.positions(span_start) + base[plan.part], base[plan.part + 1]
