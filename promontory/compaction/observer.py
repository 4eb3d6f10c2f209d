"""PassObserver: whom a pass tells what it does: metrics, progress bars, log lines. It decides nothing.

All is called by the event loop that runs the pass, but `on_progress`, which any thread may call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from promontory.block.markers import Mark
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.survey import Survey


class Phase(Enum):
    """What a pass is at, in its order; the value is shown to people."""

    SYNC = "sync"
    DELETION = "delete marked blocks"
    GARBAGE = "collect garbage"
    PLAN = "plan"
    COMPACTION = "compact"
    DOWNSAMPLING = "downsample"
    RETENTION = "apply retention"
    PARTIALS = "clean partial uploads"
    INDEX = "write bucket index"


class Stage(Enum):
    """What a job is at, in its order."""

    DOWNLOAD = "download"
    CHECK = "check inputs"
    WORK = "merge or downsample"
    VERIFY = "verify output"
    UPLOAD = "upload"
    READ_BACK = "read back"


StageProgress = Callable[[Stage, int, int], None]
"""Is told, by any thread, that of a stage so much is done of so much in all."""


class FailureKind(Enum):
    """Whose fault a failure is, and so what becomes of it."""

    BAD_BLOCK = "bad block"
    RETRYABLE = "retryable"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is left to do: jobs and blocks, as thanos_compact_todo_* count them, and bytes of the blocks to read."""

    compactions: int = 0
    compaction_blocks: int = 0
    downsample_blocks: int = 0
    deletion_blocks: int = 0
    job_bytes: int = 0


class PassObserver:
    """Is told what a pass does; this one does nothing with it, and others what they are there for."""

    def on_phase(self, phase: Phase) -> None:
        """A phase begins; one may come again in a pass."""

    def on_survey(self, survey: Survey) -> None:
        """The bucket was looked through: what is planned from."""

    def on_backlog(self, backlog: Backlog) -> None:
        """A plan was made: this is left."""

    def on_job_started(self, job: Job) -> None:
        """A job begins."""

    def on_stage(self, job: Job, stage: Stage) -> None:
        """A job goes on to a stage."""

    def on_progress(self, job: Job, done: int, total: int) -> None:
        """Of a stage, `done` of `total` is done; bytes or series, as the stage counts. Called by any thread."""

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """The output stands in the bucket and was read back."""

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """A job ended without an output."""

    def on_block_marked(self, mark: Mark) -> None:
        """A mark is new in the bucket."""

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """A block is gone: one that was marked, or a partial upload."""

    def on_delete_failed(self, ulid: str, error: Exception) -> None:
        """A block could not be deleted, or not wholly; a later pass goes on."""

    def on_idle(self, why: str) -> None:
        """A pass found nothing to merge, rewrite or downsample."""

    def on_refused(self, reason: str) -> None:
        """Something that a plan asked for was not done, because it did not look safe."""
