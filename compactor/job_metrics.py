"""What jobs count: merges and downsampled blocks by resolution, what is planned, and how long that will take."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from compactor.pace import Pace
from promontory.compaction.job import Job, JobKind
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Backlog, FailureKind, PassObserver
from promontory.compaction.planning.overlaps import overlap
from promontory.model.clock import Clock

DOWNSAMPLE_SECONDS = (60, 300, 900, 1800, 3600, 7200, 14400)


class JobMetrics(PassObserver):
    """The metrics of the jobs of one compactor; the label is the resolution of the inputs in ms, as Thanos has it."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._pace = Pace(clock)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"thanos_compact_{name}", text, ("resolution",), registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, registry=registry)

        self._compactions = counter("group_compactions", "Merges that made a block.")
        self._started = counter("group_compaction_runs_started", "Merges begun.")
        self._completed = counter("group_compaction_runs_completed", "Merges that ended well.")
        self._failures = counter("group_compactions_failures", "Merges that failed.")
        self._vertical = counter("group_vertical_compactions", "Merges of overlapping blocks.")
        self._downsamples = counter("downsample", "Blocks downsampled.")
        self._downsample_failures = counter("downsample_failures", "Blocks whose downsampling failed.")
        self._downsample_failed = counter("downsample_failed", "The same, under the name that a dashboard reads.")
        self._downsample_seconds = Histogram(
            "thanos_compact_downsample_duration_seconds", "Time of downsampling one block.", ("resolution",),
            buckets=DOWNSAMPLE_SECONDS, registry=registry,
        )  # fmt: skip
        self._bad_blocks = Counter(
            "promontory_compact_bad_blocks", "Jobs that ended because a block is bad.", registry=registry
        )
        self._todo_compactions = gauge("thanos_compact_todo_compactions", "Merges planned.")
        self._todo_blocks = gauge("thanos_compact_todo_compaction_blocks", "Blocks that these will read.")
        self._todo_downsample = gauge("thanos_compact_todo_downsample_blocks", "Blocks to downsample.")
        self._todo_deletion = gauge("thanos_compact_todo_deletion_blocks", "Blocks that retention will mark.")
        self._backlog_bytes = gauge("promontory_compact_backlog_bytes", "Bytes that the planned jobs will read.")
        self._backlog_seconds = gauge(
            "promontory_compact_backlog_seconds",
            "Time that they will take at the pace so far; NaN before a first job.",
        )

    def on_backlog(self, backlog: Backlog) -> None:
        """Show what is left."""
        self._todo_compactions.set(backlog.compactions)
        self._todo_blocks.set(backlog.compaction_blocks)
        self._todo_downsample.set(backlog.downsample_blocks)
        self._todo_deletion.set(backlog.deletion_blocks)
        self._backlog_bytes.set(backlog.job_bytes)
        seconds = self._pace.seconds_for(backlog.job_bytes)
        self._backlog_seconds.set(math.nan if seconds is None else seconds)

    def on_job_started(self, job: Job) -> None:
        """Count a job that begins."""
        self._pace.start()
        if job.kind is not JobKind.DOWNSAMPLE:
            self._started.labels(_resolution(job)).inc()

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """Count a job that ended well."""
        self._pace.end(result.downloaded_bytes)
        resolution = _resolution(job)
        if job.kind is JobKind.DOWNSAMPLE:
            self._downsamples.labels(resolution).inc()
            self._downsample_seconds.labels(resolution).observe(result.took_s)
            return
        self._completed.labels(resolution).inc()
        if result.output is not None:
            self._compactions.labels(resolution).inc()
            if overlap(result.inputs):
                self._vertical.labels(resolution).inc()

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """Count a job that failed."""
        self._pace.end(0)
        resolution = _resolution(job)
        if kind is FailureKind.BAD_BLOCK:
            self._bad_blocks.inc()
        if job.kind is JobKind.DOWNSAMPLE:
            self._downsample_failures.labels(resolution).inc()
            self._downsample_failed.labels(resolution).inc()
        else:
            self._failures.labels(resolution).inc()


def _resolution(job: Job) -> str:
    """Return the resolution of the inputs in ms, with which the key of their group begins."""
    return job.group.partition("@")[0]
