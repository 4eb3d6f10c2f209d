"""Small real blocks in a memory bucket: what a Prometheus saw, two hours a block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import upload_block
from promontory.compaction.groups import key_of
from promontory.compaction.job import Job, JobKind
from promontory.testing.still_clock import StillClock
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, Content, Stream, write_history

CLUSTER = {"cluster": "x"}
NOW_MS = EPOCH_MS + 20 * HOUR_MS
ULID = "01HET2P14060RK4CSM6MV3EE1S"


def see(hours: int, *, labels: Mapping[str, str] = CLUSTER, shift_ms: int = 0, start_ms: int = EPOCH_MS) -> Content:
    """Return what a Prometheus saw in some hours."""
    return Stream(labels, shift_ms=shift_ms).saw(start_ms, start_ms + hours * HOUR_MS)


async def put_history(
    bucket: Bucket,
    folder: Path,
    content: Content,
    *,
    labels: Mapping[str, str] = CLUSTER,
    hours: int = 2,
    tag: str = "",
) -> list[BlockMeta]:
    """Write what was seen as blocks and upload them, long enough ago."""
    metas = write_history(folder, content, labels, range_ms=hours * HOUR_MS, born_ms=EPOCH_MS + 12 * HOUR_MS, tag=tag)
    clock = StillClock(EPOCH_MS + 12 * HOUR_MS)
    return [await upload_block(bucket, folder / meta.ulid, meta, clock=clock) for meta in metas]


def merge_of(metas: list[BlockMeta]) -> Job:
    """Return the job that merges blocks."""
    return Job(JobKind.MERGE, str(key_of(metas[0], ())), tuple(meta.ulid for meta in metas), 0)


async def spoil(bucket: Bucket, key: str, place: float = 0.5) -> None:
    """Flip a byte of an object."""
    body = bytearray(await bucket.get(key))
    body[int(len(body) * place)] ^= 0xFF
    await bucket.put(key, bytes(body))


async def take_away(bucket: Bucket, prefix: str) -> None:
    """Delete all objects below a prefix."""
    for key in [info.key async for info in bucket.list(prefix)]:
        await bucket.delete(key)
