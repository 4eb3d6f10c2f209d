"""Real blocks for tests: made by promtool from OpenMetrics, with what promtool says is in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from promontory.block.meta import BlockMeta, ThanosMeta, parse_meta
from promontory.bucket.memory import MemoryBucket
from promontory.chunk.decode import ChunkStatus, decode_chunks
from promontory.model.clock import SystemClock
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from tests.parts import part_path

Sample = tuple[int, int]
"""A time in ms and the bits of a value."""
PROMETHEUS_NAN = 0x7FF8000000000001
Content = dict[Labels, list[Sample]]


@dataclass(frozen=True, slots=True)
class OpenMetricsSeries:
    """A gauge: its labels without the name, and samples of (seconds, text of the value)."""

    name: str
    labels: Mapping[str, str]
    samples: Sequence[tuple[float, str]]


def make_blocks(directory: Path, series: Iterable[OpenMetricsSeries]) -> list[Path]:
    """Write the series as two-hour blocks below `directory` by promtool; return their directories in time order."""
    lines = []
    families: dict[str, list[OpenMetricsSeries]] = {}
    for one in series:
        families.setdefault(one.name, []).append(one)
    for name, members in families.items():
        lines.append(f"# TYPE {name} gauge")
        for one in members:
            inner = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in one.labels.items())
            lines += [f"{name}{{{inner}}} {value} {time_s:.3f}" for time_s, value in one.samples]
    lines.append("# EOF\n")
    directory.mkdir(parents=True, exist_ok=True)
    source = directory / "data.om"
    source.write_text("\n".join(lines))
    target = directory / "blocks"
    argv = [str(part_path("promtool")), "tsdb", "create-blocks-from", "openmetrics", str(source), str(target)]
    subprocess.run(argv, check=True, capture_output=True)
    return sorted((path.parent for path in target.glob("*/meta.json")), key=lambda path: read_meta(path).min_time_ms)


def read_meta(block: Path, labels: Mapping[str, str] | None = None) -> BlockMeta:
    """Return the meta of a block directory, with external labels where they are given."""
    meta = parse_meta((block / "meta.json").read_bytes(), source=str(block))
    return meta if labels is None else replace(meta, thanos=ThanosMeta(labels=Labels.from_mapping(labels)))


async def fill_bucket(blocks: Iterable[Path]) -> MemoryBucket:
    """Return a bucket in memory that holds the blocks."""
    bucket = MemoryBucket(SystemClock())
    for block in blocks:
        for path in block.rglob("*"):
            if path.is_file():
                await bucket.put(path.relative_to(block.parent).as_posix(), path.read_bytes())
    return bucket


async def read_frames(frames: AsyncIterator[Frame]) -> tuple[list[Labels], Content]:
    """Return the label sets in the order they came, and all samples; each series has to come once, in one piece."""
    order: list[Labels] = []
    content: Content = {}
    async for frame in frames:
        decoded = decode_chunks(frame.chunks, frame.buffers)
        assert np.all(decoded.status == ChunkStatus.OK)
        assert np.all(np.diff(frame.chunks.row) >= 0)
        for row in range(len(frame.labels)):
            labels = frame.labels.labels(row)
            if not order or order[-1] != labels:
                order.append(labels)
            samples = content.setdefault(labels, [])
            for chunk in np.flatnonzero(frame.chunks.row == row):
                span = slice(int(decoded.chunk_start[chunk]), int(decoded.chunk_start[chunk + 1]))
                bits = decoded.values[span].view(np.int64)
                samples += zip(decoded.timestamps_ms[span].tolist(), bits.tolist(), strict=True)
    assert len(set(order)) == len(order), "a series came back"
    return order, content


def bits_of(text: str) -> int:
    """Return the bits of a value's text as a signed number; NaN is the one that Prometheus writes."""
    return PROMETHEUS_NAN if text == "NaN" else int(np.float64(text).view(np.int64))
