"""Reading a block of the bucket whole, before anything that it covers is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from promontory.bucket.port import Bucket
from promontory.compaction.running.check import check_block, refuse_input
from promontory.compaction.running.workspace import (
    fetch_block,
    list_input_files,
    need_space,
    read_input_meta,
    remove_tree,
)
from promontory.errors import BadBlockError


async def find_problem(
    bucket: Bucket, ulid: str, directory: Path, *, workers: int, files_at_once: int, stop: Callable[[], bool]
) -> BadBlockError | None:
    """Return what is wrong with a block, every chunk decoded; None where nothing is. Raises BucketError, OSError.

    It is downloaded below `directory` and removed again.
    """
    copy = directory / ulid
    try:
        meta = await read_input_meta(bucket, ulid)
        files = await list_input_files(bucket, meta)
        await asyncio.to_thread(need_space, directory, sum(files.values()))
        await fetch_block(
            bucket, meta, files, copy, concurrency=files_at_once, stop=stop, notify=lambda size_bytes: None
        )
        report = await asyncio.to_thread(check_block, copy, workers=workers, stop=stop)
        refuse_input(report, accept_malformed_index=False)
    except BadBlockError as error:
        return error
    finally:
        await asyncio.to_thread(remove_tree, copy)
    return None
