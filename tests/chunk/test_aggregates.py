"""Aggregate chunks that Thanos wrote, taken apart and put together again, are the same bytes."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promontory.chunk.aggregate_parts import split_chunks
from promontory.chunk.aggregates import PARTS, join_aggregates
from promontory.kernels.aggregate_write import write_aggregates
from promontory.kernels.chunk_records import check_records
from promontory.model.frame import Aggregate, ChunkColumns, Encoding

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "downsampled.tar.gz"
SEGMENT_HEAD_BYTES = 8


def segments(folder: Path) -> list[np.ndarray]:
    with tarfile.open(GOLDEN) as archive:
        archive.extractall(folder, filter="data")
    return [np.frombuffer(path.read_bytes(), np.uint8) for path in sorted(folder.glob("*/chunks/000001"))]


def records_of(segment: np.ndarray) -> ChunkColumns:
    """Walk the records of a segment, each after the one before."""
    found, position = [], SEGMENT_HEAD_BYTES
    while position < len(segment):
        status, encoding = np.empty(1, np.uint8), np.empty(1, np.uint8)
        start, length = np.empty(1, np.int64), np.empty(1, np.int64)
        check_records(segment, np.array([position]), status, encoding, start, length)
        assert status[0] == 0
        found.append((int(encoding[0]), int(start[0]), int(length[0])))
        position = found[-1][1] + found[-1][2] + 4
    count = len(found)
    return ChunkColumns(
        row=np.arange(count, dtype=np.int32), min_ms=np.arange(count), max_ms=np.arange(count) + 1,
        aggregate=np.zeros(count, np.uint8), encoding=np.array([one[0] for one in found], np.uint8),
        buffer=np.zeros(count, np.int32), start=np.array([one[1] for one in found]),
        length=np.array([one[2] for one in found]), source=np.zeros(count, np.int32),
    )  # fmt: skip


def test_chunks_of_thanos_come_back_byte_for_byte(tmp_path: Path) -> None:
    compared = 0
    for segment in segments(tmp_path):
        whole = records_of(segment)
        assert set(whole.encoding.tolist()) == {Encoding.AGGREGATES}
        parts, unserved = split_chunks(whole, (segment,), PARTS)
        assert not len(unserved)
        joined = join_aggregates(parts, parts.row.astype(np.int64), [segment])
        assert joined.chunks.row.tolist() == whole.row.tolist()
        assert joined.chunks.min_ms.tolist() == whole.min_ms.tolist()
        assert joined.chunks.max_ms.tolist() == whole.max_ms.tolist()
        for index in range(len(whole)):
            start, length = int(joined.chunks.start[index]), int(joined.chunks.length[index])
            ours = joined.data[start : start + length].tobytes()
            assert ours == segment[whole.start[index] : whole.start[index] + whole.length[index]].tobytes()
            compared += 1
    assert compared > 20


def test_the_kernel_equals_its_plain_definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = segments(tmp_path)[-1]
    parts, _ = split_chunks(records_of(segment), (segment,), PARTS)
    expected = join_aggregates(parts, parts.row.astype(np.int64), [segment]).data.tobytes()
    monkeypatch.setattr("promontory.chunk.aggregates.write_aggregates", write_aggregates.py_func)
    assert join_aggregates(parts, parts.row.astype(np.int64), [segment]).data.tobytes() == expected


def test_what_is_no_part_or_comes_twice_is_a_bug_of_the_caller(tmp_path: Path) -> None:
    segment = segments(tmp_path)[0]
    parts, _ = split_chunks(records_of(segment), (segment,), (Aggregate.COUNT,))
    with pytest.raises(AssertionError, match="two parts of one aggregate"):
        join_aggregates(parts, np.zeros(len(parts), np.int64), [segment])
    raw = replace(parts, aggregate=np.zeros(len(parts), np.uint8))
    with pytest.raises(AssertionError, match="raw chunk"):
        join_aggregates(raw, np.arange(len(parts)), [segment])
    assert len(join_aggregates(parts.take(np.empty(0, np.int64)), np.empty(0, np.int64), [segment]).data) == 0
