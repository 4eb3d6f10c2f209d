"""Executor: where jobs run. A job is a value, so a thread here or another machine does the same with it.

Each try of a job makes a block under a ULID of its own, which nobody sees before it was read back whole. So a job that
is run twice, because its machine seemed lost, makes two equal blocks at worst, and the duplicate rule keeps one.
"""

from __future__ import annotations

from typing import Protocol

from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import StageProgress


class Executor(Protocol):
    """Runs jobs; as many at once as are submitted, unless it has bounds of its own."""

    async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
        """Run a job and return what became of it. Raises as `run_job` does.

        JobError where its machines were lost, StoppedError where there are none at all. Canceled, the job ends within
        seconds and leaves nothing.
        `progress` may be called from any thread.
        """

    async def close(self) -> None:
        """Let go of what was opened."""
