"""Times in S3's answers: the two forms that servers send, read fast; any other as botocore reads it.

    listings  2026-11-21T14:26:00.123Z          headers  Sat, 21 Nov 2026 14:26:00 GMT

botocore guesses the form of each time anew. That took two thirds of reading a page of a listing, and a page of a
thousand objects is read in the event loop. Source: Amazon S3 API Reference; RFC 9110 section 5.6.7.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import cast


def parse_time(value: str | float) -> datetime:
    """Return a time with its zone. Raises ValueError, or RuntimeError, where it is none."""
    if isinstance(value, str):
        with suppress(ValueError):
            if value.endswith("Z") and "T" in value:
                return datetime.fromisoformat(value)
            if value.endswith(" GMT"):
                return parsedate_to_datetime(value)
    from botocore.utils import parse_timestamp

    return cast("datetime", parse_timestamp(value))
