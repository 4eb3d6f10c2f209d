"""Raw samples downsampled: by the definition in plain Python, to the last sample."""

from __future__ import annotations

import math
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.frame import Encoding
from tests.compaction.downsample import plain
from tests.compaction.downsample.blocks import (
    FIVE_MINUTES_MS,
    HOUR_MS,
    STALE,
    START_MS,
    ULIDS,
    ReadChunk,
    Value,
    bits_of,
    downsample,
    write_chunks,
    write_raw,
    xor_chunk,
)
from tests.compaction.downsample.shown import shown, shown_plain
from tests.golden.chunks import GoldenSample, read_golden_chunks

VALUES = st.one_of(
    st.integers(-1000, 1000).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, STALE, 5e-324, 1.7e308]),
)
STEPS = st.one_of(st.integers(1, 20_000), st.sampled_from([15_000, 60_000, 299_999, 300_000, 300_001, 5_000_000]))


def is_stale(value: float) -> bool:
    return bits_of(value) == bits_of(STALE)


@st.composite
def series(draw: st.DrawFn) -> list[tuple[int, float]]:
    steps = draw(st.lists(STEPS, min_size=1, max_size=60))
    times = [START_MS + draw(st.integers(0, 400_000))]
    for step in steps:
        times.append(times[-1] + step)
    return [(time_ms, draw(VALUES)) for time_ms in times]


@settings(max_examples=60, deadline=None)
@given(st.lists(series(), min_size=1, max_size=4), st.sampled_from([60_000, FIVE_MINUTES_MS, HOUR_MS, 86_400_000]))
def test_floats_give_what_the_definition_says(rows: list[list[tuple[int, float]]], resolution_ms: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = write_raw(Path(folder), {f"m{number}": row for number, row in enumerate(rows)}, samples_per_chunk=7)
        found = downsample(source, resolution_ms)
    for number, row in enumerate(rows):
        expected = plain.downsample_floats([point for point in row if not is_stale(point[1])], resolution_ms)
        assert shown(found.get(f"m{number}", [])) == shown_plain(expected)


@pytest.mark.parametrize("step_ms", [1000, 15_000, 60_000, 1_000_000])
def test_long_series_are_cut_into_chunks_of_about_140_windows(tmp_path: Path, step_ms: int) -> None:
    row = [(START_MS + number * step_ms, float(number * 7 % 1000)) for number in range(9000)]
    found = downsample(write_raw(tmp_path, {"m": row}), FIVE_MINUTES_MS)["m"]
    assert shown(found) == shown_plain(plain.downsample_floats(row, FIVE_MINUTES_MS))
    windows = sum(len(chunk.parts["count"]) for chunk in found)
    assert sum(math.floor(value) for chunk in found for value in counts_of(chunk)) == 9000
    assert windows <= 9000


def counts_of(chunk: ReadChunk) -> list[float]:
    return [struct.unpack("<d", struct.pack("<Q", word))[0] for _, word in chunk.parts["count"]]


def test_a_counter_keeps_its_first_and_last_raw_values(tmp_path: Path) -> None:
    row = [(START_MS + 60_000 * number, value) for number, value in enumerate([5.0, 9.0, 12.0, 3.0, 4.0, 6.0])]
    (chunk,) = downsample(write_raw(tmp_path, {"m": row}), FIVE_MINUTES_MS)["m"]
    ends_ms = START_MS + FIVE_MINUTES_MS - 1
    assert chunk.parts["counter"] == [
        (START_MS, bits_of(5.0)), (ends_ms, bits_of(16.0)), (row[-1][0], bits_of(18.0)), (row[-1][0], bits_of(6.0)),
    ]  # fmt: skip
    assert (chunk.min_ms, chunk.max_ms) == (ends_ms, row[-1][0])


def test_a_window_of_infinities_has_them_as_its_least_and_greatest(tmp_path: Path) -> None:
    row = [(START_MS + 1000 * number, math.inf) for number in range(3)]
    (chunk,) = downsample(write_raw(tmp_path, {"m": row}), FIVE_MINUTES_MS)["m"]
    assert chunk.parts["min"] == chunk.parts["max"] == [(row[-1][0], bits_of(math.inf))]


def test_samples_before_1970_fall_into_windows_of_their_own(tmp_path: Path) -> None:
    row = [(time_ms, 1.0) for time_ms in (-300_001, -300_000, -1, 0, 1)]
    chunks = {"m": [(-300_001, 1, 1, xor_chunk(row))]}
    (chunk,) = downsample(write_chunks(tmp_path, ULIDS[0], chunks, resolution_ms=0), FIVE_MINUTES_MS)["m"]
    assert chunk.parts["count"] == [(-300_001, bits_of(1.0)), (-1, bits_of(2.0)), (1, bits_of(2.0))]


def test_chunks_with_start_times_count_like_those_without(tmp_path: Path) -> None:
    compared = 0
    for chunk in read_golden_chunks():
        encoding, samples = Encoding(chunk.encoding), chunk.samples
        if encoding <= Encoding.FLOAT_HISTOGRAM or chunk.count != len(samples) or len(samples) < 10:
            continue
        if samples[0].time_ms < 0:  # in another block, as blocks are written
            continue
        folder = tmp_path / str(compared)
        span = (min(sample.time_ms for sample in samples), max(sample.time_ms for sample in samples))
        chunks = {"m": [(*span, encoding, chunk.data)]}
        source = write_chunks(folder, ULIDS[0], chunks, resolution_ms=0)
        points = [(sample.time_ms, value_of(sample)) for sample in samples]
        expected = downsample(write_raw(folder / "plain", {"m": points}, samples_per_chunk=60_000), FIVE_MINUTES_MS)
        assert downsample(source, FIVE_MINUTES_MS) == expected
        compared += 1
    assert compared > 10


def value_of(sample: GoldenSample) -> Value:
    if sample.histogram is not None:
        return sample.histogram
    assert sample.bits is not None
    return float(struct.unpack("<d", struct.pack("<Q", sample.bits))[0])


def test_series_of_nothing_but_nan_and_stale_samples_go(tmp_path: Path) -> None:
    rows = {
        "gone": [(START_MS, math.nan), (START_MS + 1, STALE)],
        "kept": [(START_MS, 1.0)],
        "stale": [(START_MS, STALE)],
    }
    assert list(downsample(write_raw(tmp_path, rows), FIVE_MINUTES_MS)) == ["kept"]
    assert downsample(write_raw(tmp_path / "other", {"gone": rows["gone"]}), FIVE_MINUTES_MS) == {}
