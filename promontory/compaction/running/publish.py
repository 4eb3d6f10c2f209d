"""Publishing an output: upload, read back, and only then meta.json, which lets others see it.

    chunks/* index  ►  every byte compared  ►  meta.json  ►  compared

What is cut off before meta.json is taken back. From then on others may rely on the block, so it is taken back only
where the bucket says that its meta.json is not there, or is another: else it stays, whole, for the next pass to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from promontory.block.meta import BlockFile, BlockMeta
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import commit_block, complete_meta, delete_block, list_block_files, upload_files
from promontory.compaction.observer import Stage, StageProgress
from promontory.compaction.running.read_back import compare_files, compare_meta, has_meta
from promontory.compaction.running.stoppable import await_unless
from promontory.compaction.running.workspace import SHA256, hash_file
from promontory.errors import BucketError
from promontory.model.clock import Clock

TAKE_BACK_TIMEOUT_S = 60.0


async def publish_block(
    bucket: Bucket,
    directory: Path,
    meta: BlockMeta,
    *,
    clock: Clock,
    hash_function: str,
    stop: Callable[[], bool],
    progress: StageProgress,
) -> tuple[BlockMeta, int]:
    """Bring a block that was checked whole into the bucket; return its meta as written, and its bytes.

    Raises BucketError, StoppedError.
    """
    files = await asyncio.to_thread(list_block_files, directory)
    total = sum(file.size_bytes or 0 for file in files)
    progress(Stage.UPLOAD, 0, total)
    try:
        await await_unless(stop, upload_files(bucket, directory, meta.ulid), what=f"upload of {meta.ulid}")
        notify = count_up(progress, Stage.READ_BACK, total)
        await compare_files(bucket, directory, meta.ulid, files, stop=stop, notify=notify)
        hashed = await asyncio.to_thread(_hash_files, directory, files, hash_function)
    except BaseException:
        await _take_back(bucket, meta.ulid)
        raise
    written = complete_meta(meta, hashed, now_ms=clock.now_ms())
    try:
        await commit_block(bucket, written)
        await compare_meta(bucket, written)
    except BaseException:
        await _take_back(bucket, meta.ulid, written=written)
        raise
    return written, total


def count_up(progress: StageProgress, stage: Stage, total: int) -> Callable[[int], None]:
    """Return what is told further bytes of a stage, and tells the sum."""
    done = 0
    progress(stage, 0, total)

    def notify(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        progress(stage, done, total)

    return notify


async def _take_back(bucket: Bucket, ulid: str, *, written: BlockMeta | None = None) -> None:
    """Delete what was uploaded, where the bucket lets us; without meta.json the rest is cleaned up later."""

    async def delete() -> None:
        with suppress(BucketError, TimeoutError):
            async with asyncio.timeout(TAKE_BACK_TIMEOUT_S):
                if written is None or not await has_meta(bucket, written):
                    await delete_block(bucket, ulid)

    await asyncio.shield(asyncio.ensure_future(delete()))


def _hash_files(directory: Path, files: Sequence[BlockFile], hash_function: str) -> list[BlockFile]:
    if hash_function != SHA256:
        return list(files)
    return [replace(file, hash_function=SHA256, hash_value=hash_file(directory / file.path)) for file in files]
