"""A bucket on disk with a real raw block, and copies and a downsampled block of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from promontory.block.meta import META_FILE, BlockMeta, ThanosMeta, parse_meta, render_meta
from promontory.block.ulid import make_ulid
from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.transfer import upload_block
from promontory.compaction.downsample.block import downsample_block
from promontory.compaction.job import Job, JobKind
from promontory.model.labels import Labels
from tests.bucket.clock import StillClock
from tests.program.block_tool.small_block import START_MS, ULID, write_small_block

LABELS = Labels.from_mapping({"cluster": "eu"})
COARSE = make_ulid(START_MS, b"5mofabcdef")


def put_block(directory: Path, block: Path, *, ulid: str, resolution_ms: int = 0) -> None:
    """Upload the files of a block under a name of its own, as one of the stream of this bucket."""
    meta = replace(_read_meta(block), ulid=ulid, thanos=ThanosMeta(labels=LABELS, resolution_ms=resolution_ms))
    asyncio.run(upload_block(FilesystemBucket(directory), block, meta, clock=StillClock()))


def write_bucket(folder: Path) -> Path:
    """Write a bucket of one raw block into a folder and return its directory."""
    for name in ("bucket", "work", "backup"):
        (folder / name).mkdir()
    put_block(folder / "bucket", write_small_block(folder / "work"), ulid=ULID)
    return folder / "bucket"


def put_coarse(directory: Path) -> None:
    """Add the block of 5 minutes that is made of the raw one."""
    source = directory.parent / "work" / ULID
    meta = _read_meta(source)
    (source / META_FILE).write_bytes(render_meta(replace(meta, thanos=ThanosMeta(labels=LABELS))))
    job = Job(JobKind.DOWNSAMPLE, "0@1", (ULID,), 300_000)
    made = downsample_block(source, directory.parent / "work", ulid=COARSE, job=job)
    assert made is not None
    bucket = FilesystemBucket(directory)
    asyncio.run(upload_block(bucket, directory.parent / "work" / COARSE, made, clock=StillClock()))


def _read_meta(block: Path) -> BlockMeta:
    return parse_meta((block / META_FILE).read_bytes(), source=META_FILE)
