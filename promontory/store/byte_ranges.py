"""Byte ranges of one object: many small spans, few requests.

Spans whose gap is small are read in one range: a request costs more than the bytes in between.
Source: thanos pkg/store/bucket.go (partitioner, 512 KiB).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.port import Bucket, LocalBucket

GAP_BYTES = 512 << 10
LOCAL_GAP_BYTES = 32 << 10

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


def choose_gap(bucket: Bucket) -> int:
    """Return the widest gap worth reading over: a request to a local disk costs much less."""
    return LOCAL_GAP_BYTES if isinstance(bucket, LocalBucket) else GAP_BYTES


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
