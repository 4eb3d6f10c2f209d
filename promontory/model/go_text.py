"""Values as Go prints them: scripts that read the output of Thanos' tools read ours.

duration   2h0m0s  1m30s  1.5s  250ms  0s  -40h0m0s        time.Duration.String
time       2026-01-31T12:00:00Z                            time.RFC3339, always in UTC here
"""

from __future__ import annotations

from promontory.model.quoting import quote_text
from promontory.model.rfc3339 import format_rfc3339_ms

_SECOND_MS, _MINUTE_MS, _HOUR_MS = 1000, 60_000, 3_600_000


def format_go_duration(duration_ms: int) -> str:
    """Return a duration in milliseconds as Go prints it."""
    sign, rest = ("-", -duration_ms) if duration_ms < 0 else ("", duration_ms)
    if 0 < rest < _SECOND_MS:
        return f"{sign}{rest}ms"
    hours, rest = divmod(rest, _HOUR_MS)
    minutes, rest = divmod(rest, _MINUTE_MS)
    seconds = f"{rest / _SECOND_MS:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def format_go_time(time_ms: int) -> str:
    """Return a time to the second, as Thanos' tools print those of blocks."""
    return format_rfc3339_ms(time_ms // _SECOND_MS * _SECOND_MS).removesuffix(".000Z") + "Z"


def show_text(text: str) -> str:
    """Return a text that cannot steer a terminal: control characters are escaped."""
    return quote_text(text)[1:-1].replace('\\"', '"')
