"""StoreSettings: plain values, read once from the flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promontory.catalog.index_object import FRESH_MS
from promontory.errors import InputError
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.service.values import Values


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Which blocks of a bucket are served and how they are kept.

    `directory` None keeps headers in memory. `range_at` gives the served range of time at a wall time in ms.
    """

    directory: Path | None = None
    sync_interval_s: float = 900.0
    opened_at_once: int = 20
    range_at: Callable[[int], TimeRange] = lambda now_ms: ALL_TIME
    consistency_delay_ms: int = 0
    deletion_marks_delay_ms: int = 24 * 3_600_000
    bucket_index: bool = True

    @property
    def index_fresh_ms(self) -> int:
        """The greatest age of a bucket index that is used: no mark is honoured later for it."""
        return min(FRESH_MS, self.deletion_marks_delay_ms) if self.bucket_index else 0

    @staticmethod
    def from_values(values: Values, *, now_ms: int) -> StoreSettings:
        """Read the flags of `promontory store`. Raises InputError where they contradict each other."""

        def range_at(now_ms: int) -> TimeRange:
            return TimeRange(values.time_ms("--min-time", now_ms=now_ms), values.time_ms("--max-time", now_ms=now_ms))

        directory = values.text("--data-dir")
        settings = StoreSettings(
            directory=Path(directory) if directory and values.flag("--cache-index-header") else None,
            sync_interval_s=values.duration_s("--sync-block-duration"),
            opened_at_once=values.integer("--block-sync-concurrency"),
            range_at=range_at,
            consistency_delay_ms=values.duration_ms("--consistency-delay"),
            deletion_marks_delay_ms=values.duration_ms("--ignore-deletion-marks-delay"),
            bucket_index=values.flag("--bucket-index.enabled"),
        )
        if range_at(now_ms).min_time_ms > range_at(now_ms).max_time_ms:
            raise InputError("flags --min-time and --max-time: expected the first not to be after the second")
        return settings
