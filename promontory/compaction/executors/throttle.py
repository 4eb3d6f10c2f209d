"""Throttle: which steps of a job's progress are worth a message to another process.

The first and the last of each stage, and a few a second between.
"""

from __future__ import annotations

from promontory.compaction.observer import Stage
from promontory.model.clock import SystemClock


class Throttle:
    """Lets one step through in `interval_s`; for one job."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._clock = SystemClock()
        self._stage: Stage | None = None
        self._told_s = 0.0

    def lets_through(self, stage: Stage, done: int, total: int) -> bool:
        """Say whether a step is to be told."""
        now_s = self._clock.monotonic_s()
        if stage is self._stage and done < total and now_s - self._told_s < self._interval_s:
            return False
        self._stage, self._told_s = stage, now_s
        return True
