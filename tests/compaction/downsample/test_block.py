"""downsample_block: what its meta says, what it leaves out, and that nothing stays behind where it ends early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promontory.block.tombstones import TOMBSTONES_FILE
from promontory.chunk.encode import encode_series
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.downsample.decoding import Morsel, check_order
from promontory.compaction.job import Part
from promontory.compaction.reading.local_block import LocalBlock
from promontory.compaction.reading.series_stream import read_series
from promontory.errors import CorruptionError, InputError, StoppedError
from promontory.kernels.crc32c import crc32c
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.symbols import SymbolTable
from tests.compaction.downsample import plain
from tests.compaction.downsample.blocks import (
    EXTERNAL,
    FIVE_MINUTES_MS,
    HOUR_MS,
    START_MS,
    ULIDS,
    downsample,
    job_of,
    labels_of,
    meta_of,
    read_downsampled,
    write_chunks,
    write_raw,
    xor_chunk,
)
from tests.compaction.downsample.shown import shown, shown_plain

XOR = 1
ROWS = {f"m{number:02d}": [(START_MS + 15_000 * i, float(i * number)) for i in range(500)] for number in range(30)}


def raw_chunks(*spans: tuple[int, int]) -> list[tuple[int, int, int, bytes]]:
    """Return chunks of a sample each second from `first` to `last` after the start."""
    chunks = []
    for first, last in spans:
        points = [(START_MS + 1000 * second, float(second)) for second in range(first, last + 1)]
        chunks.append((points[0][0], points[-1][0], XOR, xor_chunk(points)))
    return chunks


def test_the_meta_is_that_of_the_source_at_another_resolution(tmp_path: Path) -> None:
    source = write_chunks(
        tmp_path, ULIDS[5], {"m": raw_chunks((0, 400))}, resolution_ms=0, range_ms=(START_MS - 5, START_MS + HOUR_MS)
    )
    before = meta_of(source)
    told: list[tuple[int, int]] = []
    meta = downsample_block(
        source, tmp_path, ulid=ULIDS[6], job=replace(job_of(source, FIVE_MINUTES_MS), replica_labels=("replica",)),
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert meta == meta_of(tmp_path / ULIDS[6])
    assert meta is not None
    assert meta.thanos is not None
    assert (meta.min_time_ms, meta.max_time_ms, meta.compaction) == (
        START_MS - 5,
        START_MS + HOUR_MS,
        before.compaction,
    )
    assert (meta.resolution_ms, meta.thanos.source) == (FIVE_MINUTES_MS, "compactor")
    assert meta.labels == Labels.from_mapping(EXTERNAL).without([b"replica"])
    assert (meta.stats.sample_count, meta.stats.series_count, meta.stats.chunk_count) == (2, 1, 1)
    assert (meta.stats.float_sample_count, meta.stats.histogram_sample_count) == (0, 0)
    assert [file.path for file in meta.thanos.files] == ["chunks/000001", "index", "meta.json"]
    assert meta.thanos.chunk_max_bytes > 0
    assert told
    assert told[-1][0] <= told[-1][1]


def test_retired_series_and_those_of_other_parts_are_left_out(tmp_path: Path) -> None:
    source = write_raw(tmp_path, ROWS)
    retired = ((Matcher(MatchKind.REGEX, b"__name__", b"m0.*"), Matcher(MatchKind.NOT_EQUAL, b"__name__", b"m07")),)
    job = replace(job_of(source, HOUR_MS), retired=retired)
    assert downsample_block(source, tmp_path, ulid=ULIDS[2], job=job) is not None
    assert list(read_downsampled(tmp_path / ULIDS[2])) == ["m07", *(f"m{number}" for number in range(10, 30))]
    names = []
    for index in range(3):
        job = replace(job_of(source, HOUR_MS), part=Part(index, 3))
        assert downsample_block(source, tmp_path, ulid=ULIDS[3 + index], job=job) is not None
        names += list(read_downsampled(tmp_path / ULIDS[3 + index]))
    assert sorted(names) == sorted(ROWS)


def test_any_number_of_workers_and_morsels_gives_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_raw(tmp_path, ROWS)
    whole = downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[1], workers=1)
    monkeypatch.setattr("promontory.compaction.merge.morsel.MORSEL_CHUNKS", 7)
    assert downsample(source, FIVE_MINUTES_MS, ulid=ULIDS[2], workers=3) == whole
    assert list(whole) == sorted(ROWS)
    index = (tmp_path / ULIDS[1] / "index").read_bytes()
    assert (tmp_path / ULIDS[2] / "index").read_bytes() == index


def test_deleted_samples_do_not_come_back(tmp_path: Path) -> None:
    points = ROWS["m03"]
    source = write_raw(tmp_path, {"a": points, "m": points, "z": points})
    delete(source, 1, points[10][0], points[150][0])
    delete(source, 2, points[0][0], points[-1][0])
    found = downsample(source, FIVE_MINUTES_MS)
    assert list(found) == ["a", "m"]
    assert shown(found["a"]) == shown_plain(plain.downsample_floats(points, FIVE_MINUTES_MS))
    left = [*points[:10], *points[151:]]
    assert shown(found["m"]) == shown_plain(plain.downsample_floats(left, FIVE_MINUTES_MS))


def delete(block: Path, number: int, first_ms: int, last_ms: int) -> None:
    """Add a tombstone for the series of that number in the index."""
    with LocalBlock(block, SymbolTable()) as opened:
        ref = int(np.concatenate([batch.series_ref for batch in read_series(opened)])[number])
    path = block / TOMBSTONES_FILE
    body = path.read_bytes()
    entry = uvarint(ref) + uvarint(first_ms << 1) + uvarint(last_ms << 1)
    entries = np.frombuffer(body[5:-4] + entry, np.uint8)
    path.write_bytes(body[:5] + entries.tobytes() + int(crc32c(entries, 0, len(entries))).to_bytes(4, "big"))


def uvarint(number: int) -> bytes:
    """Return an unsigned varint."""
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


@pytest.mark.parametrize(
    ("from_ms", "to_ms"), [(FIVE_MINUTES_MS, FIVE_MINUTES_MS), (HOUR_MS, 60_000), (420_000, HOUR_MS)]
)
def test_a_resolution_that_does_not_divide_the_wanted_one_is_refused(tmp_path: Path, from_ms: int, to_ms: int) -> None:
    source = write_chunks(tmp_path, ULIDS[0], {"m": raw_chunks((0, 9))}, resolution_ms=from_ms)
    with pytest.raises(InputError, match=f"that divides {to_ms} ms, found {from_ms} ms"):
        downsample(source, to_ms)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    source = write_raw(tmp_path, ROWS)
    with pytest.raises(StoppedError):
        downsample(source, FIVE_MINUTES_MS, stop=lambda: True)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_a_chunk_that_does_not_fit_its_checksum_leaves_nothing_behind(tmp_path: Path) -> None:
    source = write_raw(tmp_path, ROWS)
    segment = source / "chunks" / "000001"
    body = bytearray(segment.read_bytes())
    body[len(body) // 2] ^= 1
    segment.write_bytes(body)
    with pytest.raises(CorruptionError, match=f"{source.name}/chunks/000001"):
        downsample(source, FIVE_MINUTES_MS)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize("resolution_ms", [0, 60_000])
def test_a_chunk_of_an_unknown_encoding_is_named_with_its_series(tmp_path: Path, resolution_ms: int) -> None:
    chunks = {"a": raw_chunks((0, 9)), "m": [(START_MS, START_MS, 77, b"\0\1abc")]}
    source = write_chunks(tmp_path, ULIDS[0], chunks, resolution_ms=resolution_ms)
    with pytest.raises(CorruptionError, match=r'series .*"m".*expected a known encoding, found encoding 77'):
        downsample(source, FIVE_MINUTES_MS)


def test_samples_outside_of_what_the_index_says_of_their_chunk_are_refused(tmp_path: Path) -> None:
    (early,), (late,) = raw_chunks((0, 100)), raw_chunks((50, 200))
    shorter = (early[0], START_MS + 49_000, XOR, early[3])
    source = write_chunks(tmp_path, ULIDS[0], {"m": [shorter, late]}, resolution_ms=0)
    words = f"expected samples up to {START_MS + 49_000} ms, found those from {START_MS} to {START_MS + 100_000} ms"
    with pytest.raises(CorruptionError, match=words):
        downsample(source, FIVE_MINUTES_MS)


def test_overlapping_chunks_are_refused() -> None:
    symbols = SymbolTable()
    chunks = encode_series(np.array([0, 240]), np.arange(240), np.ones(240)).columns()
    labels = LabelRows.from_labels([labels_of("m")], symbols)
    check_order(Morsel(labels, chunks, (), "block", np.zeros(1, np.uint8)))
    overlapping = replace(chunks, max_ms=np.array([120, 239]))
    with pytest.raises(
        CorruptionError, match=r"chunk from 120 ms on in block, series .*after 120 ms, found an overlap"
    ):
        check_order(Morsel(labels, overlapping, (), "block", np.zeros(1, np.uint8)))
