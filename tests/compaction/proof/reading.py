"""A bucket of files read in plain Python, without a line of what wrote it: what is in it, and what counts of it.

The readers' rules are written out here once more: which blocks a store gateway serves (no meta.json: none; sources
covered by another block of the same stream and resolution: not; marked for deletion more than a day ago: not).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promontory.block.meta import BlockMeta, parse_meta
from promontory.block.ulid import is_ulid
from promontory.model.labels import Labels
from promontory.testing.histogram_values import HistogramValue
from tests.block.plain_block import PlainChunk, read_block
from tests.compaction.proof.history import DAY_MS, Content, Sample, Value
from tests.golden.chunks import GoldenSample
from tests.golden.plain_chunks import read_plain, split_plain

AGGREGATES = ("count", "sum", "min", "max", "counter")
AGGREGATE_ENCODING = 0xFF
Windows = dict[str, list[list[Sample]]]
"""By aggregate, the samples of one chunk after the other."""


@dataclass(frozen=True)
class Lying:
    """What lies in a bucket: whole blocks, and by ULID the times of deletion marks and reasons of other marks."""

    blocks: dict[str, BlockMeta]
    deletions_s: dict[str, int]
    no_compact: dict[str, str]
    no_downsample: dict[str, str]
    partial: frozenset[str]

    def served(self, now_ms: int) -> list[BlockMeta]:
        """Return the blocks that a store gateway serves, by time."""
        alive = [
            meta
            for ulid, meta in self.blocks.items()
            if ulid not in self.deletions_s or now_ms - self.deletions_s[ulid] * 1000 <= DAY_MS
        ]
        kept: list[BlockMeta] = []
        for meta in sorted(alive, key=lambda meta: (-len(meta.compaction.sources), meta.ulid)):
            if not any(_covers(other, meta) for other in kept):
                kept.append(meta)
        return sorted(kept, key=lambda meta: (meta.labels, meta.resolution_ms, meta.min_time_ms, meta.ulid))

    def unmarked(self) -> list[BlockMeta]:
        """Return the blocks without a deletion mark, by time."""
        kept = [meta for ulid, meta in self.blocks.items() if ulid not in self.deletions_s]
        return sorted(kept, key=lambda meta: (meta.labels, meta.resolution_ms, meta.min_time_ms, meta.ulid))


def look(root: Path) -> Lying:
    """Return what lies in the directory of a bucket."""
    blocks: dict[str, BlockMeta] = {}
    marks: dict[str, dict[str, Any]] = {"deletion": {}, "no-compact": {}, "no-downsample": {}}
    partial = set()
    for block in sorted(path for path in root.iterdir() if path.is_dir() and is_ulid(path.name)):
        for kind, found in marks.items():
            path = block / f"{kind}-mark.json"
            if path.exists():
                found[block.name] = json.loads(path.read_text())
        if (block / "meta.json").exists():
            blocks[block.name] = parse_meta((block / "meta.json").read_bytes(), source=str(block))
        elif any(path.is_file() for path in block.rglob("*")):
            partial.add(block.name)
    return Lying(
        blocks,
        {ulid: mark["deletion_time"] for ulid, mark in marks["deletion"].items()},
        {ulid: mark["reason"] for ulid, mark in marks["no-compact"].items()},
        {ulid: mark["reason"] for ulid, mark in marks["no-downsample"].items()},
        frozenset(partial),
    )


def read_raw(block: Path) -> Content:
    """Return the samples of a raw block; its chunks have to follow one another, and so do its samples."""
    content: Content = {}
    for series in read_block(block):
        assert series.labels not in content, "a series stands twice"
        samples = [sample for chunk in series.chunks for sample in _read_chunk(chunk)]
        _check_rising(samples)
        content[series.labels] = samples
    assert list(content) == sorted(content), "series out of order"
    return content


def read_windows(block: Path) -> dict[Labels, Windows]:
    """Return the aggregates of a downsampled block, chunk by chunk; those that are absent are not there."""
    found: dict[Labels, Windows] = {}
    for series in read_block(block):
        windows: Windows = {}
        for chunk in series.chunks:
            assert chunk.encoding == AGGREGATE_ENCODING
            for name, part in zip(AGGREGATES, split_plain(chunk.payload), strict=True):
                if part is not None:
                    windows.setdefault(name, []).append([_plain(sample) for sample in read_plain(*part)])
        found[series.labels] = windows
    return found


def join_raw(root: Path, metas: Iterable[BlockMeta]) -> dict[Labels, Content]:
    """Return the samples of raw blocks by external labels and series; none may stand twice."""
    found: dict[Labels, Content] = {}
    for meta in sorted(metas, key=lambda meta: meta.min_time_ms):
        stream = found.setdefault(meta.labels, {})
        for labels, samples in read_raw(root / meta.ulid).items():
            stream.setdefault(labels, []).extend(samples)
    for stream in found.values():
        for samples in stream.values():
            _check_rising(samples)
    return {labels: dict(sorted(stream.items())) for labels, stream in found.items()}


def _read_chunk(chunk: PlainChunk) -> list[Sample]:
    samples = [_plain(sample) for sample in read_plain(chunk.encoding, chunk.payload)]
    assert (samples[0][0], samples[-1][0]) == (chunk.min_ms, chunk.max_ms), "the index is wrong about a chunk"
    return samples


def _plain(sample: GoldenSample) -> Sample:
    value: Value | None = sample.bits
    if sample.histogram is not None:
        value = _bare(sample.histogram)
    assert value is not None
    return sample.time_ms, value


def _bare(value: HistogramValue) -> HistogramValue:
    sides = {
        side: {index: count for index, count in getattr(value, side).items() if count}
        for side in ("positive", "negative")
    }
    return replace(value, **sides, hint=HistogramValue().hint)


def _check_rising(samples: list[Sample]) -> None:
    for (before_ms, _), (time_ms, _) in itertools.pairwise(samples):
        assert before_ms < time_ms, f"a sample stands twice, or too late: {time_ms} after {before_ms}"


def _covers(other: BlockMeta, meta: BlockMeta) -> bool:
    same = other.labels == meta.labels and other.resolution_ms == meta.resolution_ms
    return same and set(meta.compaction.sources) <= set(other.compaction.sources)
