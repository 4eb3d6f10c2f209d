"""Small blocks of chosen chunks, and what a merge made of them, chunk by chunk."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from promontory.block.meta import BlockMeta, ThanosMeta
from promontory.block.writer import BlockWriter
from promontory.chunk.encode import encode_cuts
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.compaction.merge.blocks import merge_blocks
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from tests.block.plain_block import read_block
from tests.compaction.merge.plain_merge import Chunk
from tests.golden.plain_chunks import read_plain

OUTPUT = "01ARZ3NDEKTSV4RRFFQ69G5ZZZ"


def name_ulid(number: int) -> str:
    """Return a ULID that sorts by its number."""
    return f"01ARZ3NDEKTSV4RRFFQ69G5{number:03d}"


def write_block(
    directory: Path,
    number: int,
    series: Mapping[Labels, Sequence[Chunk]],
    *,
    range_ms: tuple[int, int] | None = None,
    external: Mapping[str, str] | None = None,
) -> Path:
    """Write a block of float chunks; series without chunks are left out."""
    symbols = SymbolTable()
    rows = sorted(labels for labels in series if series[labels])
    flat = [(row, chunk) for row, labels in enumerate(rows) for chunk in series[labels]]
    samples = [sample for _, chunk in flat for sample in chunk]
    encoded = encode_cuts(
        np.array([row for row, _ in flat], np.int32),
        np.cumsum([0, *(len(chunk) for _, chunk in flat)]),
        np.array([time_ms for time_ms, _ in samples], np.int64),
        np.array([bits for _, bits in samples], np.uint64).view(np.float64),
    )
    thanos = ThanosMeta(labels=Labels.from_mapping(external or {"cluster": "one"}), source="sidecar")
    ulid = name_ulid(number)
    with BlockWriter(
        directory, ulid=ulid, symbols=symbols, thanos=thanos, range_ms=range_ms, durable=False
    ) as writer:  # fmt: skip
        writer.add(LabelRows.from_labels(rows, symbols), encoded.columns(), [encoded.data])
        writer.finish()
    return directory / ulid


def merge(
    inputs: Sequence[Path], target: Path, deduplication: Deduplication = Deduplication.ONE_TO_ONE, **more: object
) -> BlockMeta | None:
    """Merge blocks into the block OUTPUT; `more` are fields of the job."""
    names = tuple(path.name for path in inputs)
    job = Job(**{"kind": JobKind.MERGE, "group": "g", "inputs": names, "resolution_ms": 0, **more})
    job = Job(**{**{name: getattr(job, name) for name in job.__slots__}, "deduplication": deduplication})
    return merge_blocks(inputs, target, ulid=OUTPUT, job=job)


def read_chunks(block: Path) -> dict[Labels, list[Chunk]]:
    """Return the float chunks of a block by series."""
    found = {}
    for series in read_block(block):
        chunks = []
        for chunk in series.chunks:
            samples = [(sample.time_ms, sample.bits) for sample in read_plain(chunk.encoding, chunk.payload)]
            assert (samples[0][0], samples[-1][0]) == (chunk.min_ms, chunk.max_ms)
            chunks.append(samples)
        found[series.labels] = chunks
    return found


def make_up_chunks(source: random.Random, *, count: int) -> list[Chunk]:
    """Return the chunks of a series in a block: times rise over all of them, values are few."""
    time_ms, chunks = source.randrange(0, 3000), []
    for _ in range(count):
        chunk = []
        for _ in range(source.choice((1, 2, 5, 40))):
            chunk.append((time_ms, source.randrange(4)))
            time_ms += source.choice((1, 10, 10, 10, 500, 6000))
        chunks.append(chunk)
    return chunks
