"""Pace: how fast jobs went so far, and so how long the backlog will take.

    seconds left = bytes to read / (bytes read by jobs that ended / time in which some job ran)

Time without a job is not counted: a compactor that waits for blocks is not slow.
"""

from __future__ import annotations

from promontory.model.clock import Clock


class Pace:
    """Measures jobs as they start and end; several may run at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running = 0
        self._began_s = 0.0
        self._busy_s = 0.0
        self._done_bytes = 0

    def start(self) -> None:
        """Note that a job starts."""
        if not self._running:
            self._began_s = self._clock.monotonic_s()
        self._running += 1

    def end(self, read_bytes: int) -> None:
        """Note that a job ended that has read so much; 0 where it failed: its time was spent all the same."""
        self._running -= 1
        self._done_bytes += read_bytes
        if not self._running:
            self._busy_s += self._clock.monotonic_s() - self._began_s

    def seconds_for(self, left_bytes: int) -> float | None:
        """Return how long so many bytes will take, None before anything is known of the pace."""
        if not left_bytes:
            return 0.0
        busy_s = self._busy_s + (self._clock.monotonic_s() - self._began_s if self._running else 0.0)
        return left_bytes * busy_s / self._done_bytes if self._done_bytes and busy_s > 0 else None
