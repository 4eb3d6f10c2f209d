"""A real bucket in a directory, with blocks of which a pass merges some."""

from __future__ import annotations

import asyncio
from pathlib import Path

from promontory.block.meta import BlockMeta, parse_meta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.transfer import upload_block
from promontory.testing.still_clock import StillClock
from tests.blocks import OpenMetricsSeries, make_blocks, read_meta

# The beginning of eight hours: four blocks of two hours become one, once there are two that are newer.
START_S = 1_700_006_400
LABELS = {"cluster": "a"}
SERIES = 3
STEPS = 720
STEP_S = 60


def make_bucket(folder: Path) -> Path:
    """Return a bucket of six blocks of two hours, uploaded long ago."""
    samples = [(START_S + STEP_S * step, "1") for step in range(STEPS)]
    series = [OpenMetricsSeries("up", {"instance": f"host-{i}"}, samples) for i in range(SERIES)]
    blocks = make_blocks(folder / "blocks", series)
    assert len(blocks) == 6
    bucket = folder / "bucket"
    bucket.mkdir()

    async def upload() -> None:
        clock = StillClock((START_S + STEP_S * STEPS) * 1000)
        for block in blocks:
            await upload_block(FilesystemBucket(bucket), block, read_meta(block, LABELS), clock=clock)

    asyncio.run(upload())
    return bucket


def read_metas(bucket: Path) -> list[BlockMeta]:
    """Return the metas of the blocks that are not marked for deletion, by time."""
    metas = [
        parse_meta(path.read_bytes(), source=str(path))
        for path in bucket.glob("*/meta.json")
        if not (path.parent / "deletion-mark.json").exists()
    ]
    return sorted(metas, key=lambda meta: meta.min_time_ms)
