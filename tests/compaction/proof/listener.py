"""An observer that remembers what tests ask about."""

from __future__ import annotations

from promontory.block.markers import Mark, MarkKind
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import FailureKind, PassObserver


class Listener(PassObserver):
    """Marks as (ULID, kind, reason), jobs that were done and that failed, deletions, and what was refused."""

    def __init__(self) -> None:
        self.marked: list[tuple[str, MarkKind, str]] = []
        self.finished: list[JobResult] = []
        self.failed: list[tuple[Job, Exception, FailureKind]] = []
        self.deleted: list[str] = []
        self.refused: list[str] = []

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """Remember a job that was done."""
        self.finished.append(result)

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """Remember a job that failed."""
        self.failed.append((job, error, kind))

    def on_block_marked(self, mark: Mark) -> None:
        """Remember a mark."""
        self.marked.append((mark.ulid, mark.kind, mark.reason or mark.details))

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """Remember a deletion."""
        self.deleted.append(ulid)

    def on_refused(self, reason: str) -> None:
        """Remember what was not done."""
        self.refused.append(reason)
