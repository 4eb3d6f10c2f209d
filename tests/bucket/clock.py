"""The clock of tests, under the name by which they know it."""

from promontory.testing.still_clock import START_MS, StillClock

__all__ = ["START_MS", "StillClock"]
