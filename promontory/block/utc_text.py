"""RFC 3339 times in documents, as Go writes them; inside they are ms since the epoch.

Go has no empty time: its zero is 0001-01-01T00:00:00Z and means "not set"; here that is None.
Fractions beyond a millisecond are dropped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

GO_ZERO_TIME = "0001-01-01T00:00:00Z"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(
    r"\A(?P<seconds>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)


def parse_utc_text(text: str) -> int | None:
    """Return the ms since the epoch of an RFC 3339 time, None for Go's zero. Raises ValueError."""
    found = _FORM.match(text)
    if found is None:
        raise ValueError(f"expected a time like 2006-01-02T15:04:05Z, found {text!r}")
    if text == GO_ZERO_TIME:
        return None
    zone = found["zone"].upper().replace("Z", "+00:00")
    seconds = datetime.fromisoformat(found["seconds"].upper() + zone) - _EPOCH
    return seconds // timedelta(milliseconds=1) + int((found["fraction"] or "0").ljust(3, "0")[:3])


def render_utc_text(time_ms: int | None) -> str:
    """Return a time as Go's RFC3339Nano does: no trailing zeros in the fraction."""
    if time_ms is None:
        return GO_ZERO_TIME
    seconds, fraction_ms = divmod(time_ms, 1000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}{f'.{fraction_ms:03d}'.rstrip('0') if fraction_ms else ''}Z"
