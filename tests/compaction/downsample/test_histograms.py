"""Native histograms downsampled, those among them too at which Thanos fails, loses windows or counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promontory.model.histograms import CUSTOM_SCHEMA, ResetHint
from promontory.testing.histogram_values import HistogramValue
from tests.compaction.downsample.blocks import (
    FIVE_MINUTES_MS,
    HOUR_MS,
    START_MS,
    ULIDS,
    ReadChunk,
    Value,
    bits_of,
    downsample,
    write_raw,
)
from tests.compaction.downsample.plain import end_of

BOUNDS = (0.1, 1.0, 10.0)
Points = list[tuple[int, HistogramValue]]
STEP_MS = 60_000


def histogram(
    counts: Sequence[float],
    *,
    schema: int = 3,
    bounds: tuple[float, ...] = (),
    total: float | None = None,
    zero_count: float = 0.0,
    zero_threshold: float = 0.0,
) -> HistogramValue:
    """Return a histogram of buckets 1, 2, … on the positive side, or 0, 1, … of custom bounds."""
    first = 0 if schema == CUSTOM_SCHEMA else 1
    return HistogramValue(
        schema=schema, count=sum(counts) + zero_count, sum=float(sum(counts) * 2) if total is None else total,
        zero_count=zero_count, zero_threshold=zero_threshold, custom_values=bounds,
        positive={first + place: float(count) for place, count in enumerate(counts) if count},
    )  # fmt: skip


def custom(counts: Sequence[float], bounds: tuple[float, ...] = BOUNDS) -> HistogramValue:
    """Return a histogram of custom bounds."""
    return histogram(counts, schema=CUSTOM_SCHEMA, bounds=bounds)


def series_of(values: Sequence[Value]) -> list[tuple[int, Value]]:
    """Return the values a minute apart."""
    return [(START_MS + number * STEP_MS, value) for number, value in enumerate(values)]


def add(left: HistogramValue, right: HistogramValue, factor: float = 1.0) -> HistogramValue:
    """Return the sum of two histograms of one layout."""
    keys = sorted(left.positive.keys() | right.positive.keys())
    positive = {key: left.positive.get(key, 0.0) + factor * right.positive.get(key, 0.0) for key in keys}
    return replace(
        left, count=left.count + factor * right.count, sum=left.sum + factor * right.sum,
        zero_count=left.zero_count + factor * right.zero_count,
        positive={key: count for key, count in positive.items() if count},
    )  # fmt: skip


def expected_parts(points: list[tuple[int, Value]], width_ms: int) -> dict[str, list[tuple[int, Any]]]:
    """Return count, sum and counter of one batch of histograms of one layout; a reset is a count that falls."""
    parts: dict[str, list[tuple[int, Any]]] = {"count": [], "sum": [], "counter": []}
    grown = before = None
    windows: dict[int, list[HistogramValue]] = {}
    for time_ms, value in points:
        assert isinstance(value, HistogramValue)
        windows.setdefault(min(end_of(time_ms, width_ms), points[-1][0]), []).append(value)
    for time_ms, values in windows.items():
        total = values[0]
        for value in values[1:]:
            total = add(total, value)
        for value in values:
            if grown is None or before is None:
                grown = value
            else:
                grown = add(grown, value if value.count < before.count else add(value, before, -1.0))
            before = value
        assert grown is not None
        hint = ResetHint.UNKNOWN if not parts["counter"] else ResetHint.NOT_RESET
        parts["count"].append((time_ms, bits_of(float(len(values)))))
        parts["sum"].append((time_ms, replace(total, hint=ResetHint.GAUGE)))
        parts["counter"].append((time_ms, replace(grown, hint=hint)))
    return parts


def only(found: dict[str, list[ReadChunk]]) -> ReadChunk:
    """Return the one chunk of the one series."""
    ((chunk,),) = found.values()
    return chunk


def counts_of(chunk: ReadChunk, part: str) -> list[float]:
    """Return how many observations the histograms of a part have."""
    return [value.count for _, value in chunk.parts[part]]


@pytest.mark.parametrize("make", [histogram, custom])
def test_windows_of_histograms_are_their_sums_and_counters(tmp_path: Path, make: object) -> None:
    assert callable(make)
    random = np.random.default_rng(5)
    held = np.zeros(4)
    values = []
    for number in range(40):
        held = np.zeros(4) if number in (13, 27) else held + random.integers(0, 5, 4)
        values.append(make(held.tolist()))
    points = series_of(values)
    source = write_raw(tmp_path, {"m": points})
    assert only(downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[1])).parts == expected_parts(points, FIVE_MINUTES_MS)
    ours = only(downsample(tmp_path / ULIDS[1], HOUR_MS))
    direct = expected_parts(points, HOUR_MS)
    assert ours.parts["count"] == direct["count"]
    assert ours.parts["sum"] == direct["sum"]
    # A counter within one batch is followed on: the coarser one is at the same height.
    assert counts_of(ours, "counter") == [value.count for _, value in direct["counter"]]


def test_custom_bounds_that_change_begin_another_chunk(tmp_path: Path) -> None:
    values = [custom([number, 1, 2]) for number in range(7)] + [custom([5, 5], (0.1, 1.0)) for _ in range(7)]
    points = series_of(values)
    found = downsample(write_raw(tmp_path, {"m": points}), FIVE_MINUTES_MS, ulid=ULIDS[1])["m"]
    assert [chunk.parts for chunk in found] == [
        expected_parts(points[:7], FIVE_MINUTES_MS), expected_parts(points[7:], FIVE_MINUTES_MS)
    ]  # fmt: skip
    coarser = downsample(tmp_path / ULIDS[1], HOUR_MS)["m"]
    assert [len(chunk.parts["sum"]) for chunk in coarser] == [1, 1]


def test_custom_and_exponential_histograms_and_floats_are_not_mixed(tmp_path: Path) -> None:
    values: list[Value] = [*[custom([1, 2])] * 6, *[histogram([1, 2])] * 6, *[3.5] * 6]
    found = downsample(write_raw(tmp_path, {"m": series_of(values)}), FIVE_MINUTES_MS)["m"]
    assert [sorted(chunk.parts) for chunk in found] == [
        ["count", "counter", "sum"], ["count", "counter", "sum"], ["count", "counter", "max", "min", "sum"]
    ]  # fmt: skip


def test_a_zero_threshold_that_changes_loses_no_window(tmp_path: Path) -> None:
    values = [histogram([number, 2], zero_count=1.0, zero_threshold=0.001) for number in range(12)]
    values += [histogram([number, 2], zero_count=1.0, zero_threshold=0.01) for number in range(12, 20)]
    found = downsample(write_raw(tmp_path, {"m": series_of(values)}), FIVE_MINUTES_MS)["m"]
    assert [value.zero_threshold for chunk in found for _, value in chunk.parts["sum"]] == [0.001] * 3 + [0.01] * 2
    assert sum(count for chunk in found for count in counts_of(chunk, "sum")) == sum(value.count for value in values)


def test_a_chunk_of_a_higher_schema_is_no_reset_beside_one_of_a_lower(tmp_path: Path) -> None:
    # Three chunks in one batch: two of schema 3, which go on, and one of schema 1, to which all are brought.
    values = [histogram([number, 0, 3], schema=3) for number in range(1, 7)]
    values += [histogram([number, 0, 3], schema=1) for number in range(7, 10)]
    chunk = only(downsample(write_raw(tmp_path, {"m": series_of(values)}, samples_per_chunk=3), FIVE_MINUTES_MS))
    assert {value.schema for _, value in chunk.parts["counter"]} == {1}
    assert counts_of(chunk, "counter")[0] == values[4].count
    assert counts_of(chunk, "sum") == [sum(value.count for value in values[:5]), sum(v.count for v in values[5:])]


def test_a_gauge_is_never_reset_whatever_its_schema(tmp_path: Path) -> None:
    values = [replace(histogram([9 - number, 4], schema=3), hint=ResetHint.GAUGE) for number in range(6)]
    values += [replace(histogram([number, 1], schema=0), hint=ResetHint.GAUGE) for number in range(6)]
    points = series_of(values)
    chunk = only(downsample(write_raw(tmp_path, {"m": points}), FIVE_MINUTES_MS))
    assert counts_of(chunk, "counter") == [values[4].count, values[9].count, values[11].count]
    assert {value.hint for part in ("sum", "counter") for _, value in chunk.parts[part]} == {ResetHint.GAUGE}


def test_a_reset_hidden_by_a_sum_that_is_no_number_is_seen_in_the_buckets(tmp_path: Path) -> None:
    values = [histogram([10.0, 5]), histogram([20.0, 5]), histogram([1.0], total=float("nan")), histogram([2.0, 1])]
    points = series_of(values)
    chunk = only(downsample(write_raw(tmp_path, {"m": points}), FIVE_MINUTES_MS))
    assert chunk.parts["count"] == [(points[-1][0], bits_of(3.0))]
    assert counts_of(chunk, "counter") == [28.0]


def test_much_that_is_decoded_and_written_in_several_calls_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    rows = {
        f"m{name}": series_of([histogram([number * name + 1, number]) for number in range(50)]) for name in range(1, 5)
    }
    source = write_raw(tmp_path, rows)
    whole = downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[1])
    coarser = downsample(tmp_path / ULIDS[1], HOUR_MS, ulid=ULIDS[2])
    monkeypatch.setattr("promontory.compaction.downsample.histogram_windows.BUCKETS_AT_ONCE", 1)
    assert downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[3]) == whole
    for limit in ("HISTOGRAM_BYTES", "AGGREGATE_BYTES"):
        monkeypatch.setattr(f"promontory.compaction.downsample.decoding.{limit}", 100)
    assert downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[4]) == whole
    assert downsample(tmp_path / ULIDS[1], HOUR_MS, ulid=ULIDS[5]) == coarser
