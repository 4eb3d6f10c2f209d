"""Downsampled blocks downsampled further: by the definition, along the borders of chunks, whatever lies in them."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import CorruptionError
from tests.compaction.downsample import plain
from tests.compaction.downsample.blocks import (
    FIVE_MINUTES_MS,
    HOUR_MS,
    START_MS,
    ULIDS,
    aggregate_chunk,
    downsample,
    write_chunks,
    write_raw,
    xor_chunk,
)
from tests.compaction.downsample.shown import shown, shown_plain

AGGREGATES = 0xFF
XOR = 1
VALUES = st.one_of(st.integers(-50, 1000).map(float), st.sampled_from([0.0, -0.0, math.inf, -math.inf, 0.1, 1e300]))


@st.composite
def aggregate_series(draw: st.DrawFn) -> list[plain.Chunk]:
    """Draw chunks of 5 minutes, one after the other; a part may be missing, and windows may."""
    chunks, at_ms = [], START_MS
    for _ in range(draw(st.integers(1, 6))):
        times = []
        for _ in range(draw(st.integers(1, 12))):
            at_ms += FIVE_MINUTES_MS * draw(st.sampled_from([1, 1, 1, 2, 30]))
            times.append(at_ms - 1)
        parts = {
            name: [(time_ms, draw(VALUES)) for time_ms in times]
            for name in plain.AGGREGATES[:4] if name == "count" or draw(st.integers(0, 9))
        }  # fmt: skip
        if draw(st.integers(0, 9)):
            rising = [(time_ms, draw(VALUES)) for time_ms in times]
            parts["counter"] = [(times[0] - 1000, draw(VALUES)), *rising, (times[-1], draw(VALUES))]
        chunks.append(plain.Chunk(times[0], times[-1], parts))
        at_ms += FIVE_MINUTES_MS * draw(st.integers(0, 2))
    return chunks


def encode(chunk: plain.Chunk) -> tuple[int, int, int, bytes]:
    payload = aggregate_chunk({name: xor_chunk(points) for name, points in chunk.parts.items()})
    return chunk.min_ms, chunk.max_ms, AGGREGATES, payload


@settings(max_examples=60, deadline=None)
@given(st.lists(aggregate_series(), min_size=1, max_size=3), st.sampled_from([600_000, HOUR_MS, 86_400_000]))
def test_aggregates_give_what_the_definition_says(rows: list[list[plain.Chunk]], resolution_ms: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chunks = {f"m{number}": [encode(chunk) for chunk in row] for number, row in enumerate(rows)}
        found = downsample(write_chunks(Path(folder), ULIDS[0], chunks), resolution_ms)
    for number, row in enumerate(rows):
        expected = plain.coarsen(row, FIVE_MINUTES_MS, resolution_ms)
        assert shown(found[f"m{number}"]) == shown_plain(expected)


def test_a_ladder_of_any_resolutions_gives_what_the_definition_says_at_each_step(tmp_path: Path) -> None:
    row = [(START_MS + number * 15_000, float(number * 7 % 1000)) for number in range(20_000)]
    source, from_ms, expected = write_raw(tmp_path, {"m": row}), 0, plain.downsample_floats(row, 60_000)
    for resolution_ms, ulid in ((60_000, ULIDS[1]), (120_000, ULIDS[2]), (HOUR_MS, ULIDS[3])):
        if from_ms:
            expected = plain.coarsen(expected, from_ms, resolution_ms)
        found = downsample(source, resolution_ms, ulid=ulid)["m"]
        assert shown(found) == shown_plain(expected)
        source, from_ms = source.parent / ulid, resolution_ms


def test_more_chunks_wanted_than_there_are_is_no_end_without_end(tmp_path: Path) -> None:
    times = [START_MS + FIVE_MINUTES_MS * (number + 1) - 1 for number in range(600)]
    points = [(time_ms, 1.0) for time_ms in times]
    chunk = plain.Chunk(times[0], times[-1], dict.fromkeys(("count", "sum"), points))
    found = downsample(write_chunks(tmp_path, ULIDS[0], {"m": [encode(chunk)]}), 2 * FIVE_MINUTES_MS)["m"]
    assert shown(found) == shown_plain(plain.coarsen([chunk], FIVE_MINUTES_MS, 2 * FIVE_MINUTES_MS))


def test_raw_chunks_in_a_downsampled_block_count_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    first = plain.downsample_floats([(START_MS + 1000 * number, float(number)) for number in range(700)], 300_000)
    raw = [(START_MS + HOUR_MS + 1000 * number, float(number)) for number in range(700)]
    after_ms = START_MS + 2 * HOUR_MS
    chunks = {
        "m": [
            *map(encode, first),
            (first[-1].max_ms + 1, first[-1].max_ms + 1, XOR, xor_chunk([])),
            (raw[0][0], raw[-1][0], XOR, xor_chunk(raw)),
        ],
        "nothing": [(after_ms, after_ms, XOR, xor_chunk([]))],
    }
    found = downsample(write_chunks(tmp_path, ULIDS[0], chunks), HOUR_MS)
    assert list(found) == ["m"]
    together = [*first, *plain.downsample_floats(raw, FIVE_MINUTES_MS)]
    assert shown(found["m"]) == shown_plain(plain.coarsen(together, FIVE_MINUTES_MS, HOUR_MS))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\5\1ab", "expected five parts that fill it, found other bytes"),
        (b"\0\0\0\0\0", "expected five parts that fill it, found other bytes"),
        (b"\2\3\0\0\0\0\0\0", "expected a COUNT that fits, found encoding 3"),
        (b"\2\x09\0\0\0\0\0\0", "expected a COUNT that fits, found encoding 9"),
        (b"\4\1\0\7ab\0\0\0\0", "expected samples of encoding 1, found bytes that break it"),
    ],
)
def test_a_broken_aggregate_chunk_is_an_error_that_names_block_and_series(
    tmp_path: Path, payload: bytes, words: str
) -> None:  # fmt: skip
    good = encode(plain.Chunk(START_MS, START_MS, {"count": [(START_MS, 1.0)]}))
    chunks = {"a": [good], "m": [(START_MS, START_MS, AGGREGATES, payload)]}
    source = write_chunks(tmp_path, ULIDS[0], chunks)
    with pytest.raises(CorruptionError, match=words) as caught:
        downsample(source, HOUR_MS)
    assert ULIDS[0] in str(caught.value)
    assert '__name__="m"' in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [ULIDS[0]]
