"""StillClock: a clock that only moves when somebody sleeps on it or sets it."""

from __future__ import annotations

START_MS = 1_700_000_000_000


class StillClock:
    """A Clock for tests; `slept_s` holds each wait in seconds, none of which took any time."""

    def __init__(self, time_ms: int = START_MS) -> None:
        self.time_ms = time_ms
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        """Return the time that it was set to, in ms since the epoch."""
        return self.time_ms

    def monotonic_s(self) -> float:
        """Return the same time in seconds."""
        return self.time_ms / 1000

    async def sleep(self, duration_s: float) -> None:
        """Move on by a duration, at once."""
        self.slept_s.append(duration_s)
        self.time_ms += round(duration_s * 1000)
