"""Blocks of made-up bytes: what lies in their files does not matter to catalog and shipper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from promontory.block.meta import BlockMeta, BlockStats, Compaction, ThanosMeta, render_meta
from promontory.block.ulid import make_ulid
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import upload_block
from promontory.model.labels import Labels
from tests.bucket.clock import START_MS, StillClock

LABELS = Labels.from_mapping({"cluster": "a", "replica": "0"})


def ulid_of(number: int, *, age_ms: int = 0) -> str:
    return make_ulid(START_MS - age_ms, number.to_bytes(10, "big"))


def meta_of(
    number: int,
    *,
    sources: tuple[int, ...] = (),
    labels: Labels = LABELS,
    hours: tuple[int, int] = (0, 2),
    resolution_ms: int = 0,
    source: str = "sidecar",
    upload_time_ms: int | None = None,
    level: int = 1,
    sample_count: int = 10,
    age_ms: int = 0,
) -> BlockMeta:
    return BlockMeta(
        ulid=ulid_of(number, age_ms=age_ms),
        min_time_ms=hours[0] * 3_600_000,
        max_time_ms=hours[1] * 3_600_000,
        stats=BlockStats(sample_count=sample_count, series_count=1, chunk_count=1),
        compaction=Compaction(level=level, sources=tuple(ulid_of(n, age_ms=age_ms) for n in sources or (number,))),
        thanos=ThanosMeta(labels=labels, resolution_ms=resolution_ms, source=source, upload_time_ms=upload_time_ms),
    )


def write_block(parent: Path, meta: BlockMeta, *, is_plain: bool = False) -> Path:
    directory = parent / meta.ulid
    (directory / "chunks").mkdir(parents=True)
    (directory / "chunks" / "000001").write_bytes(b"c" * 300)
    (directory / "chunks" / "000002").write_bytes(b"d" * 200)
    (directory / "index").write_bytes(b"i" * 100)
    (directory / "tombstones").write_bytes(b"t" * 9)
    (directory / "meta.json").write_bytes(render_meta(replace(meta, thanos=None) if is_plain else meta))
    return directory


async def put_block(bucket: Bucket, parent: Path, meta: BlockMeta) -> BlockMeta:
    return await upload_block(bucket, write_block(parent, meta), meta, clock=StillClock())
