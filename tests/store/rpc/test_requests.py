"""Requests stay within what Thanos and Prometheus can take."""

from __future__ import annotations

import pytest

from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.rpc.requests import (
    label_names_request,
    label_values_request,
    read_series_request,
    series_request,
)

# What Thanos sends where a request names no start and no end.
THANOS_ALL_TIME = (-9223309901257974000, 9223309901257974999)


def over(time_range: TimeRange) -> Selector:
    return Selector(matchers=(Matcher(MatchKind.EQUAL, b"__name__", b"up"),), time_range=time_range)


def test_all_time_is_asked_for_by_the_times_thanos_uses() -> None:
    selector = over(ALL_TIME)
    series = series_request(selector, partial_response=True, batch_size=1)
    names = label_names_request(selector, partial_response=True)
    values = label_values_request(b"job", selector, partial_response=True)
    assert (series.min_time, series.max_time) == THANOS_ALL_TIME
    assert (names.start, names.end) == THANOS_ALL_TIME
    assert (values.start, values.end) == THANOS_ALL_TIME


@pytest.mark.parametrize("time_range", [TimeRange(-5, 5), TimeRange(*THANOS_ALL_TIME)])
def test_other_times_are_sent_as_they_are(time_range: TimeRange) -> None:
    request = series_request(over(time_range), partial_response=True, batch_size=1)
    assert read_series_request(request).time_range == time_range
