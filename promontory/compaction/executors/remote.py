"""RemoteJob: a job with all that another process needs to run it, and the running there.

    <scratch directory of the process>/promontory/<ULID of the try>/      inputs and output, gone when the try ends

What goes over the wire has the credentials of the bucket in it: it shows none of them, wherever it is printed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promontory.block.ulid import ENTROPY_BYTES, make_ulid
from promontory.bucket.config import open_bucket
from promontory.bucket.secret import Secret
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import StageProgress
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.run_job import JobOptions, run_job
from promontory.compaction.running.workspace import remove_tree
from promontory.model.clock import SystemClock

SCRATCH = "promontory"


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """`config` is the bucket's, as --objstore.config has it. `topic` names this submission among all others."""

    config: Secret
    job: Job
    topic: str
    options: JobOptions
    make: Make = make_output


def run_remote_job(remote: RemoteJob, scratch: Path, *, stop: Callable[[], bool], progress: StageProgress) -> JobResult:
    """Run a job in this thread, which has no event loop, under a ULID of its own. Raises as `run_job` does."""
    clock = SystemClock()
    ulid = make_ulid(clock.now_ms(), os.urandom(ENTROPY_BYTES))
    directory = scratch / SCRATCH / ulid

    async def run() -> JobResult:
        bucket = open_bucket(remote.config.reveal(), clock=clock)
        try:
            return await run_job(
                bucket, remote.job, directory, ulid=ulid, clock=clock, options=remote.options, stop=stop,
                progress=progress, make=remote.make,
            )  # fmt: skip
        finally:
            await bucket.close()

    try:
        return asyncio.run(run())
    finally:
        remove_tree(directory)
