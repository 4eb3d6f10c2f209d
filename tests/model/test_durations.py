"""Durations as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promontory.errors import InputError
from promontory.model.durations import format_duration, parse_duration_ms

WRONG = {
    "": "empty duration string",
    "5": 'not a valid duration string: "5"',
    "m": 'not a valid duration string: "m"',
    "5m5h": 'not a valid duration string: "5m5h"',
    "5m5m": 'not a valid duration string: "5m5m"',
    "-5m": 'not a valid duration string: "-5m"',
    "1.5h": 'unknown unit "." in duration "1.5h"',
    "5 m": 'unknown unit " m" in duration "5 m"',
    "300y": "duration out of range",
    "18446744073709551616s": 'not a valid duration string: "18446744073709551616s"',
    "1" * 5000 + "s": f'not a valid duration string: "{"1" * 5000}s"',
}
WRITTEN = {0: "0s", 1: "1ms", 90_000: "1m30s", 7 * 86_400_000: "1w", 90 * 86_400_000: "90d", -60_000: "-1m",
           365 * 86_400_000: "1y", 366 * 86_400_000: "366d"}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_what_is_no_duration_is_refused_in_prometheus_words(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_duration_ms(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(("duration_ms", "text"), WRITTEN.items())
def test_years_and_weeks_are_written_only_when_exact(duration_ms: int, text: str) -> None:
    assert format_duration(duration_ms) == text


@given(st.integers(0, 290 * 365 * 86_400_000))
def test_a_written_duration_reads_back(duration_ms: int) -> None:
    assert parse_duration_ms(format_duration(duration_ms)) == duration_ms
