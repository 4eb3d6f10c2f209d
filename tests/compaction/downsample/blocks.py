"""Blocks for the tests of downsampling: plain samples written, and aggregate chunks read in plain Python."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.block.meta import BlockMeta, Compaction, ParentBlock, ThanosMeta, parse_meta
from promontory.block.writer import BlockWriter
from promontory.chunk.encode import encode_cuts
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Job, JobKind
from promontory.model.frame import Aggregate, ChunkColumns
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.still_clock import StillClock
from tests.block.plain_block import read_block
from tests.compaction.proof.history import to_samples
from tests.golden.plain_chunks import read_plain, split_plain

ULIDS = [f"01M7Z0000000000000000000{number:02d}" for number in range(10, 40)]
EXTERNAL = {"cluster": "one", "replica": "a"}
START_MS = 1_700_006_400_000
FIVE_MINUTES_MS, HOUR_MS = 300_000, 3_600_000
AGGREGATES = ("count", "sum", "min", "max", "counter")
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]

Value = float | HistogramValue
Series = Mapping[str, Sequence[tuple[int, Value]]]


@dataclass(frozen=True)
class ReadChunk:
    """An aggregate chunk: the range in the index, by aggregate (time, bits or histogram), and the payload of each."""

    min_ms: int
    max_ms: int
    parts: dict[str, list[tuple[int, Any]]]
    payloads: dict[str, tuple[int, bytes]]


def bits_of(value: float) -> int:
    """Return the bits of a float."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def labels_of(name: str) -> Labels:
    """Return the labels of a series of the tests."""
    return Labels.from_mapping({"__name__": name, "job": "test"})


def write_raw(root: Path, series: Series, *, samples_per_chunk: int = 120) -> Path:
    """Write a raw block of the series, and return its directory."""
    content = {
        labels_of(name): [
            (time_ms, value if isinstance(value, HistogramValue) else bits_of(value)) for time_ms, value in samples
        ]
        for name, samples in sorted(series.items())
    }
    (meta,) = write_blocks(
        root, [to_samples(content, SymbolTable())], clock=StillClock(START_MS), block_range_ms=2**50,
        external_labels=Labels.from_mapping(EXTERNAL), samples_per_chunk=samples_per_chunk, durable=False,
    )  # fmt: skip
    return root / meta.ulid


def write_chunks(
    root: Path,
    ulid: str,
    chunks: Mapping[str, Sequence[tuple[int, int, int, bytes]]],
    *,
    resolution_ms: int = FIVE_MINUTES_MS,
    range_ms: tuple[int, int] | None = None,
) -> Path:
    """Write a block of ready chunks, (min_ms, max_ms, encoding, payload) by series, and return its directory."""
    names = sorted(chunks)
    flat = [(row, *chunk) for row, name in enumerate(names) for chunk in chunks[name]]
    payloads = [np.frombuffer(payload, np.uint8) for *_, payload in flat]
    count = len(flat)
    columns = ChunkColumns(
        row=np.array([row for row, *_ in flat], np.int32),
        min_ms=np.array([one[1] for one in flat], np.int64), max_ms=np.array([one[2] for one in flat], np.int64),
        aggregate=np.full(count, Aggregate.RAW, np.uint8), encoding=np.array([one[3] for one in flat], np.uint8),
        buffer=np.arange(count, dtype=np.int32), start=np.zeros(count, np.int64),
        length=np.array([len(payload) for payload in payloads]), source=np.zeros(count, np.int32),
    )  # fmt: skip
    symbols = SymbolTable()
    parents = (ParentBlock(ULIDS[0], START_MS, START_MS + 1),)
    writer = BlockWriter(
        root, ulid=ulid, symbols=symbols, durable=False, range_ms=range_ms,
        thanos=ThanosMeta(labels=Labels.from_mapping(EXTERNAL), resolution_ms=resolution_ms, source="compactor"),
        compaction=Compaction(level=3, sources=(ULIDS[0], ULIDS[1]), parents=parents),
    )  # fmt: skip
    with writer:
        writer.add(LabelRows.from_labels([labels_of(name) for name in names], symbols), columns, payloads)
        writer.finish()
    return root / ulid


def xor_chunk(points: Sequence[tuple[int, float]]) -> bytes:
    """Return a chunk of floats; one without samples is two zero bytes."""
    if not points:
        return b"\0\0"
    times = np.array([time_ms for time_ms, _ in points], np.int64)
    encoded = encode_cuts(np.zeros(1, np.int32), np.array([0, len(points)]), times, np.array([v for _, v in points]))
    return encoded.data.tobytes()


def aggregate_chunk(parts: Mapping[str, bytes]) -> bytes:
    """Return an aggregate chunk of XOR chunks, those that are not named absent."""
    found = b""
    for name in AGGREGATES:
        part = parts.get(name, b"")
        assert len(part) < 2**14
        found += bytes([len(part) & 0x7F | 0x80, len(part) >> 7]) if len(part) > 127 else bytes([len(part)])
        found += b"\1" + part if part else b""
    return found


def job_of(source: Path, resolution_ms: int) -> Job:
    """Return the job of downsampling one block."""
    return Job(JobKind.DOWNSAMPLE, "group", (source.name,), resolution_ms)


def downsample(
    source: Path, resolution_ms: int, *, ulid: str = ULIDS[-1], **options: Any
) -> dict[str, list[ReadChunk]]:  # fmt: skip
    """Downsample a block beside itself and return what is in the new one, by name of the series."""
    meta = downsample_block(source, source.parent, ulid=ulid, job=job_of(source, resolution_ms), **options)
    return {} if meta is None else read_downsampled(source.parent / meta.ulid)


def read_downsampled(block: Path) -> dict[str, list[ReadChunk]]:
    """Return the aggregate chunks of a block by the name of their series, read in plain Python."""
    found = {}
    for series in read_block(block):
        chunks = []
        for chunk in series.chunks:
            assert chunk.encoding == 0xFF
            split = zip(AGGREGATES, split_plain(chunk.payload), strict=True)
            payloads = {name: part for name, part in split if part is not None}
            parts = {
                name: [(sample.time_ms, _plain(sample)) for sample in read_plain(*part)]
                for name, part in payloads.items()
            }
            chunks.append(ReadChunk(chunk.min_ms, chunk.max_ms, parts, payloads))
        found[", ".join(value.decode() for name, value in series.labels.pairs if name != b"job")] = chunks
    return found


def _plain(sample: Any) -> Any:
    if sample.histogram is None:
        return sample.bits
    value = sample.histogram
    filled = {side: {k: v for k, v in getattr(value, side).items() if v} for side in ("positive", "negative")}
    return replace(value, **filled)


def meta_of(block: Path) -> BlockMeta:
    """Return the meta of a block directory."""
    return parse_meta((block / "meta.json").read_bytes(), source=str(block))
