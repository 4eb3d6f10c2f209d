"""A bucket on disk with two streams, three resolutions, an overlap, all marks, and blocks that do not count."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import BlockMeta, BlockStats
from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.transfer import mark_block
from promontory.model.labels import Labels
from tests.catalog.blocks import meta_of, put_block, ulid_of

EU = Labels.from_mapping({"cluster": "eu", "replica": "0"})
US = Labels.from_mapping({"cluster": "us", "note": '<b>"x"</b>'})
MARKED_S = 1_700_000_000

BLOCKS: tuple[BlockMeta, ...] = (
    *(meta_of(number, labels=EU, hours=(2 * number, 2 * number + 2), sample_count=12_345) for number in range(1, 5)),
    meta_of(5, labels=EU, hours=(3, 5), source="receive"),
    meta_of(6, labels=EU, hours=(-8, 2), level=3, source="compactor", sources=(6, 60, 61)),
    meta_of(7, labels=EU, hours=(-48, 0), level=4, source="compactor", resolution_ms=300_000),
    replace(
        meta_of(8, labels=US, hours=(-336, 0), level=4, source="compactor", resolution_ms=3_600_000),
        stats=BlockStats(sample_count=1_234_567, series_count=2_000, chunk_count=3_000),
    ),
)
PARTIAL, CORRUPT = ulid_of(50), ulid_of(51)


def write_bucket(folder: Path) -> Path:
    """Write the bucket into a folder and return its directory."""
    directory = folder / "bucket"
    directory.mkdir()
    asyncio.run(_fill(directory, folder / "blocks"))
    return directory


async def _fill(directory: Path, blocks: Path) -> None:
    bucket = FilesystemBucket(directory)
    for meta in BLOCKS:
        await put_block(bucket, blocks, meta)
    await bucket.put(f"{PARTIAL}/chunks/000001", b"half")
    await bucket.put(f"{CORRUPT}/meta.json", b"{")
    await bucket.put("debug/notes.txt", b"not a block")
    for kind, number, reason in (
        (MarkKind.DELETION, 1, ""),
        (MarkKind.NO_COMPACT, 2, "manual"),
        (MarkKind.NO_DOWNSAMPLE, 7, "manual"),
    ):
        await mark_block(bucket, Mark(kind, ulid_of(number), MARKED_S, details="why not", reason=reason))
    await bucket.put(f"{ulid_of(3)}/no-compact-mark.json", b"[]")
