from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promontory.errors import InputError
from promontory.model.rfc3339 import format_rfc3339_ms, parse_rfc3339_ms


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59)))
def test_a_time_means_what_datetime_says(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000)
    assert parse_rfc3339_ms(text) == expected
    assert format_rfc3339_ms(expected) == text


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-01-02T03:04:05.678+01:00", 1704161045678),
        ("2024-01-02T03:04:05,6789Z", 1704164645678),
        ("0000-01-01T00:00:00Z", -62167219200000),
        ("9999-12-31T23:59:59Z", 253402300799000),
        ("-292273086-05-16T16:47:06Z", -9223309901257974000),
        ("292277025-08-18T07:12:54.999999999Z", 9223309901257974999),
    ],
)
def test_known_times(text: str, time_ms: int) -> None:
    assert parse_rfc3339_ms(text) == time_ms


@pytest.mark.parametrize(
    "text",
    ["", "2024-01-02", "2024-01-02T03:04:05", "2024-01-02t03:04:05z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
     "2024-01-02T24:00:00Z", "2024-01-02T03:04:05+99:00", "2024-01-02T03:04:05 01:00"],
)  # fmt: skip
def test_what_is_no_rfc3339_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected"):
        parse_rfc3339_ms(text)
