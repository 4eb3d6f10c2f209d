"""ProgressBars: the jobs of a pass on a terminal, one line each, while they run.

compact   merge 0@1234… of 12      read back   ━━━━━━━━━━━━━━━━━━  92 %  0:00:04
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import FailureKind, PassObserver, Phase, Stage
from promontory.model.clock import Clock
from promontory.model.sizes import format_size
from promontory.service.command import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

MILLION = 1e6
# The stages whose progress is in bytes.
BYTE_STAGES = (Stage.DOWNLOAD, Stage.WORK, Stage.VERIFY, Stage.UPLOAD, Stage.READ_BACK)


@dataclass(slots=True)
class _Line:
    """The line of one job: its stage, and when that began."""

    task: TaskID
    stage: Stage | None = None
    began_s: float = 0.0


class ProgressBars(PassObserver):
    """Draws on a console between `running`'s begin and end; what ended becomes a line above the bars."""

    def __init__(self, console: Console, clock: Clock) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = console
        self._clock = clock
        self._lines: dict[Job, _Line] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), TextColumn("{task.fields[stage]}", markup=False),
            BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}", markup=False), TimeRemainingColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self._phase = self._progress.add_task("pass", total=None, stage="", rate="")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show the bars; what is logged meanwhile to stderr stands above them."""
        handlers = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
        with self._progress:  # which puts a stream of its own in place of sys.stderr
            streams = [handler.setStream(sys.stderr) for handler in handlers]
            try:
                yield
            finally:
                for handler, stream in zip(handlers, streams, strict=True):
                    if stream is not None:
                        handler.setStream(stream)

    def on_phase(self, phase: Phase) -> None:
        """Show the phase."""
        self._progress.update(self._phase, description="pass", stage=phase.value)

    def on_job_started(self, job: Job) -> None:
        """Add a line."""
        self._lines[job] = _Line(self._progress.add_task(describe_job(job), total=None, stage="", rate=""))

    def on_stage(self, job: Job, stage: Stage) -> None:
        """Begin the bar again."""
        if job in self._lines:
            line = self._lines[job]
            line.stage, line.began_s = stage, self._clock.monotonic_s()
            self._progress.reset(line.task, total=None, stage=stage.value, rate="")

    def on_progress(self, job: Job, done: int, total: int) -> None:
        """Move the bar."""
        line = self._lines.get(job)
        if line is not None:
            took_s = self._clock.monotonic_s() - line.began_s
            has_rate = line.stage in BYTE_STAGES and took_s > 0
            rate = f"{format_size(int(done / took_s))}/s" if has_rate else ""
            self._progress.update(line.task, completed=done, total=total, rate=rate)

    def on_job_finished(self, job: Job, result: JobResult) -> None:
        """Take the line away and say what came of the job."""
        self._remove(job)
        self._console.print(f"{describe_job(job)}: {describe_result(result)}", markup=False, highlight=False)

    def on_job_failed(self, job: Job, error: Exception, kind: FailureKind) -> None:
        """Take the line away and say why."""
        self._remove(job)
        self._console.print(
            f"{describe_job(job)}: {kind.value}: {one_line(error)}", style="red", markup=False, highlight=False
        )

    def _remove(self, job: Job) -> None:
        line = self._lines.pop(job, None)
        if line is not None:
            self._progress.remove_task(line.task)


def describe_job(job: Job) -> str:
    """Return a job in a few words."""
    part = f" part {job.part.index + 1} of {job.part.total}" if job.part else ""
    count = f"{len(job.inputs)} blocks" if len(job.inputs) > 1 else job.inputs[0]
    return f"{job.kind.value} {count} of {job.group}{part}"


def describe_result(result: JobResult) -> str:
    """Return what a job made, and how fast."""
    if result.output is None:
        return "no sample is left, no block was made"
    rate = f" at {result.sample_count / result.worked_s / MILLION:.1f} M/s" if result.worked_s > 0 else ""
    return (
        f"{result.output.ulid}, {result.sample_count / MILLION:,.1f} M samples{rate}, "
        f"{format_size(result.downloaded_bytes)} read, {format_size(result.uploaded_bytes)} written, "
        f"{result.took_s:.1f} s"
    )
