"""Observers: several who watch a pass, as one; and those that write the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from promontory.block.markers import Mark, MarkKind
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Backlog, FailureKind, PassObserver, Phase, Stage
from promontory.compaction.survey import Survey
from promontory.service.command import one_line

logger = logging.getLogger(__name__)


class Observers(PassObserver):
    """Tells each of several observers, in order."""

    def __init__(self, inner: Sequence[PassObserver]) -> None:
        self._inner = tuple(inner)

    def on_phase(self, phase: Phase) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_phase(phase)

    def on_survey(self, survey: Survey) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_survey(survey)

    def on_backlog(self, backlog: Backlog) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_backlog(backlog)

    def on_job_started(self, job: Job) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_job_started(job)

    def on_stage(self, job: Job, stage: Stage) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_stage(job, stage)

    def on_progress(self, job: Job, done: int, total: int) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_progress(job, done, total)

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_job_finished(job, result)

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_job_failed(job, error, kind)

    def on_block_marked(self, mark: Mark) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_block_marked(mark)

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_block_deleted(ulid, partial=partial)

    def on_delete_failed(self, ulid: str, error: Exception) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_delete_failed(ulid, error)

    def on_idle(self, why: str) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_idle(why)

    def on_refused(self, reason: str) -> None:
        """Tell all."""
        for one in self._inner:
            one.on_refused(reason)


class JobLog(PassObserver):
    """Writes jobs to the log, as events."""

    def on_job_started(self, job: Job) -> None:
        """Say that a job begins."""
        logger.info("job started", extra=_fields(job))

    def on_idle(self, why: str) -> None:
        """Say why there was no job."""
        logger.info("no jobs", extra={"why": why})

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """Say what came of a job, and how fast."""
        rate = result.sample_count / result.worked_s if result.worked_s > 0 else 0
        logger.info(
            "job finished",
            extra=_fields(job) | {
                "block": result.output.ulid if result.output else "none",
                "samples": result.sample_count,
                "samples_per_s": round(rate),
                "read_bytes": result.downloaded_bytes,
                "written_bytes": result.uploaded_bytes,
                "took_s": round(result.took_s, 3),
            },
        )  # fmt: skip

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """Say why a job failed and what becomes of it."""
        logger.error("job failed", extra=_fields(job) | {"failure": kind.value, "error": one_line(error)})


class ChangeLog(PassObserver):
    """Writes to the log what changed in the bucket beside new blocks, and what did not."""

    def on_block_marked(self, mark: Mark) -> None:
        """Say that a block was marked; a mark that nobody asked for is a warning."""
        level = logging.INFO if mark.kind is MarkKind.DELETION else logging.WARNING
        reason = {"reason": mark.reason} if mark.reason else {}
        told = {"block": mark.ulid, "mark": mark.kind.file_name, **reason, "details": mark.details}
        logger.log(level, "block marked", extra=told)

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """Say that a block is gone."""
        logger.info("partial upload deleted" if partial else "block deleted", extra={"block": ulid})

    def on_delete_failed(self, ulid: str, error: Exception) -> None:
        """Say that a block would not go."""
        logger.error("block not deleted", extra={"block": ulid, "error": one_line(error)})

    def on_refused(self, reason: str) -> None:
        """Say what was not done."""
        logger.error("refused", extra={"reason": reason})


def _fields(job: Job) -> dict[str, object]:
    fields: dict[str, object] = {
        "kind": job.kind.value, "group": job.group, "resolution_ms": job.resolution_ms, "inputs": " ".join(job.inputs),
    }  # fmt: skip
    return fields | ({"part": f"{job.part.index}/{job.part.total}"} if job.part else {})
