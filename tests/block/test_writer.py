from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from promontory.block.meta import parse_meta
from promontory.block.writer import BlockWriter
from promontory.chunk.decode import ChunkStatus, decode_chunks
from promontory.chunk.encode import encode_cuts, encode_series
from promontory.errors import InputError
from promontory.model.frame import ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from tests.block.openmetrics import make_series, to_openmetrics
from tests.block.plain_block import PlainSeries, read_block
from tests.block.promtool import make_blocks, run_promtool

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def promtool_blocks(tmp_path_factory) -> list[Path]:
    return make_blocks(tmp_path_factory.mktemp("promtool"), to_openmetrics(make_series()))


def columns_of(series: list[PlainSeries], segment: bytes) -> tuple[ChunkColumns, np.ndarray]:
    """Return chunk columns that point into a segment file."""
    flat = [(row, chunk) for row, each in enumerate(series) for chunk in each.chunks]
    starts = [segment.index(chunk.payload, chunk.ref & 0xFFFFFFFF) for _, chunk in flat]
    count = len(flat)
    return ChunkColumns(
        row=np.array([row for row, _ in flat], np.int32),
        min_ms=np.array([chunk.min_ms for _, chunk in flat]), max_ms=np.array([chunk.max_ms for _, chunk in flat]),
        aggregate=np.zeros(count, np.uint8), encoding=np.array([chunk.encoding for _, chunk in flat], np.uint8),
        buffer=np.zeros(count, np.int32), start=np.array(starts),
        length=np.array([len(chunk.payload) for _, chunk in flat]), source=np.zeros(count, np.int32),
    ), np.frombuffer(segment, np.uint8)  # fmt: skip


@pytest.mark.parts
def test_chunks_of_prometheus_own_blocks_encode_again_to_the_same_bytes(promtool_blocks):
    checked = 0
    for block in promtool_blocks:
        chunks, data = columns_of(read_block(block), (block / "chunks" / "000001").read_bytes())
        decoded = decode_chunks(chunks, [data])
        assert set(decoded.status.tolist()) == {ChunkStatus.OK}
        again = encode_cuts(chunks.row, decoded.chunk_start, decoded.timestamps_ms, decoded.values)
        assert np.array_equal(again.min_ms, chunks.min_ms)
        assert np.array_equal(again.max_ms, chunks.max_ms)
        for i in range(len(chunks)):
            ours = again.data[again.start[i] : again.start[i] + again.length[i]]
            assert np.array_equal(ours, data[chunks.start[i] : chunks.start[i] + chunks.length[i]])
            checked += 1
    assert checked > 200


@pytest.mark.parts
def test_a_block_of_copied_chunks_equals_prometheus_own_byte_for_byte(promtool_blocks, tmp_path):
    for block in promtool_blocks:
        series = read_block(block)
        chunks, data = columns_of(series, (block / "chunks" / "000001").read_bytes())
        symbols = SymbolTable()
        labels = LabelRows.from_labels([each.labels for each in series], symbols)
        with BlockWriter(tmp_path, ulid=block.name, symbols=symbols) as writer:
            half = len(series) // 2
            early = np.flatnonzero(chunks.row < half)
            late = chunks.take(np.flatnonzero(chunks.row >= half))
            late.row[:] -= half
            writer.add(labels.slice(0, half), chunks.take(early), [data])
            writer.add(labels.slice(half, len(series)), late, [data])
            meta = writer.finish()
        for name in ("index", "chunks/000001", "tombstones"):
            assert (tmp_path / block.name / name).read_bytes() == (block / name).read_bytes(), name
        theirs = parse_meta((block / "meta.json").read_bytes(), source="promtool")
        # 2.42 does not tell floats from histograms yet.
        stats = replace(theirs.stats, float_sample_count=theirs.stats.sample_count)
        assert (meta.stats, meta.compaction) == (stats, theirs.compaction)
        assert meta.max_time_ms == max(int(chunks.max_ms.max()) + 1, meta.min_time_ms)


def one_series(value: str = "v", **labels: str):
    symbols = SymbolTable()
    rows = LabelRows.from_labels([Labels.from_mapping({"__name__": "m", "l": value, **labels})], symbols)
    encoded = encode_series(np.array([0, 3], np.int64), np.arange(3, dtype=np.int64), np.arange(3.0))
    return symbols, rows, encoded


def test_leaving_without_finish_leaves_nothing_behind(tmp_path):
    symbols, rows, encoded = one_series()
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols) as writer:
        writer.add(rows, encoded.columns(), [encoded.data])
        writer.seal()
        assert [path.name for path in tmp_path.iterdir()] == [f"{ULID}.tmp-for-creation"]
    assert list(tmp_path.iterdir()) == []


def test_series_out_of_order_or_given_twice_are_refused_by_name(tmp_path):
    symbols, rows, encoded = one_series()
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols) as writer:
        writer.add(rows, encoded.columns(), [encoded.data])
        with pytest.raises(InputError, match='l="v"'):
            writer.add(rows, encoded.columns(), [encoded.data])


def test_overlapping_chunks_of_a_series_are_refused(tmp_path):
    symbols, rows, encoded = one_series()
    chunks = encoded.columns().take(np.array([0, 0]))
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols) as writer, pytest.raises(InputError, match="0 to 2"):
        writer.add(rows, chunks, [encoded.data])


def test_series_without_chunks_are_left_out(tmp_path):
    symbols = SymbolTable()
    labels = [Labels.from_mapping({"__name__": "m", "i": str(i)}) for i in range(3)]
    encoded = encode_series(np.array([0, 2, 2, 3], np.int64), np.array([1, 2, 1], np.int64), np.arange(3.0))
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols) as writer:
        writer.add(LabelRows.from_labels(labels, symbols), encoded.columns(), [encoded.data])
        meta = writer.finish()
    assert meta.stats.series_count == 2
    assert [series.labels for series in read_block(tmp_path / ULID)] == [labels[0], labels[2]]


@pytest.mark.parts
def test_chunks_go_on_in_the_next_segment_where_one_is_full(tmp_path):
    symbols = SymbolTable()
    rng = np.random.default_rng(1)
    labels = [Labels.from_mapping({"__name__": "m", "i": f"{i:02d}"}) for i in range(20)]
    row_start = np.arange(21, dtype=np.int64) * 300
    times = np.tile(np.arange(300, dtype=np.int64) * 15_000, 20)
    encoded = encode_series(row_start, times, rng.normal(0, 1, 6000))
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols, segment_limit_bytes=4000) as writer:
        writer.add(LabelRows.from_labels(labels, symbols), encoded.columns(), [encoded.data])
        writer.finish()
    segments = sorted((tmp_path / ULID / "chunks").iterdir())
    assert len(segments) > 10
    assert all(path.stat().st_size <= 4000 for path in segments)
    payloads = [chunk.payload for series in read_block(tmp_path / ULID) for chunk in series.chunks]
    assert b"".join(payloads) == encoded.data.tobytes()
    assert "6000" in run_promtool("list", tmp_path)
