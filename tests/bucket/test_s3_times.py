"""Times of S3's answers are what botocore takes them for."""

from __future__ import annotations

import pytest
from botocore.utils import parse_timestamp

from promontory.bucket.s3_times import parse_time


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T14:26:00.123Z",
        "2026-11-21T14:26:00Z",
        "2026-11-21T14:26:00.123456789Z",
        "2026-11-21T14:26:00.1Z",
        "20261121T142600Z",
        "2026-11-21T14:26:00+02:00",
        "Sat, 21 Nov 2026 14:26:00 GMT",
        "Sat, 01 Feb 2025 00:00:00 GMT",
        "Saturday, 21-Nov-26 14:26:00 GMT",
        "1795271160",
        1795271160.5,
    ],
)
def test_a_time_in_any_form_is_what_botocore_reads_in_it(text: str | float) -> None:
    found, expected = parse_time(text), parse_timestamp(text)
    assert int(found.timestamp() * 1000) == int(expected.timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "Z", "yesterday", "2026-13-45T99:00:00Z", "Sat, 99 Nov 2026 14:26:00 GMT"])
def test_what_is_no_time_is_an_error_and_no_other_time(text: str) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        parse_time(text)
