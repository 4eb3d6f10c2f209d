"""Time in milliseconds: ranges of queries, and grids of steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_TIME_MS = -(2**63)
MAX_TIME_MS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TimeRange:
    """[min_time_ms, max_time_ms], both inclusive. A block's own range is [start, end): see Block."""

    min_time_ms: int
    max_time_ms: int

    def overlaps(self, other: TimeRange) -> bool:
        """Say whether the two share a millisecond."""
        return self.min_time_ms <= other.max_time_ms and other.min_time_ms <= self.max_time_ms


ALL_TIME = TimeRange(MIN_TIME_MS, MAX_TIME_MS)


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """The evaluation times start, start + step, … not after end. An instant query has start == end and step 0."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def count(self) -> int:
        """How many evaluation times there are."""
        return 1 if self.step_ms == 0 else (self.end_ms - self.start_ms) // self.step_ms + 1

    def times_ms(self) -> NDArray[np.int64]:
        """Return int64[count]: the evaluation times."""
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms
