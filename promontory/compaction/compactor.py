"""Compactor: passes over a bucket, in Thanos' order.

    ┌► sync ► delete marked blocks ► garbage ► plan ► merge, rewrite ─┐
    └──────────────────── until nothing is left ◄─────────────────────┘
       downsample, finest first, until nothing is left ► retention ► partial uploads ► bucket index

Each phase plans anew from a fresh look at the bucket, and what it deletes it looks at once more. A failure stops only
its own job; the pass goes on and raises it at its end. Source: thanos cmd/thanos/compact.go, pkg/compact/compact.go.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import META_FILE
from promontory.bucket.port import Bucket
from promontory.catalog.bucket_index import BucketIndex
from promontory.catalog.filters import BlockFilter
from promontory.catalog.index_object import write_bucket_index
from promontory.compaction.executor import Executor
from promontory.compaction.executors.local import LocalExecutor
from promontory.compaction.idle import explain_idle
from promontory.compaction.job import Job
from promontory.compaction.job_plan import JobPlan, count_backlog, plan_jobs
from promontory.compaction.job_result import JobResult
from promontory.compaction.ledger import Ledger
from promontory.compaction.marking import Marker
from promontory.compaction.observer import Backlog, PassObserver, Phase, Stage
from promontory.compaction.pass_result import PassResult
from promontory.compaction.planning.deletions import plan_deletions, plan_partials
from promontory.compaction.planning.downsampling import plan_downsampling
from promontory.compaction.planning.garbage import plan_garbage
from promontory.compaction.planning.guard import clock_behind
from promontory.compaction.planning.retention import plan_retention
from promontory.compaction.planning.state import BucketState, Deletion
from promontory.compaction.round import Outcome, run_round
from promontory.compaction.running.run_job import JobOptions
from promontory.compaction.running.stoppable import await_unless
from promontory.compaction.running.stored import find_problem
from promontory.compaction.running.workspace import remove_others
from promontory.compaction.settings import CompactionSettings
from promontory.compaction.survey import Survey, Surveyor
from promontory.compaction.unreadable import mark_unreadable
from promontory.errors import BucketError, JobError, StoppedError
from promontory.model.clock import Clock

WORK_DIRECTORY = "compact"
READ_DIRECTORY = "verify"
LEDGER_FILE = "verified-blocks.json"
ASIDE = "set-aside"
FATAL_TRIES = 3
# Well before readers find it stale (catalog/index_object.py).
INDEX_AGE_S = 600.0


class Compactor:
    """The one that deletes. `directory` is its own; `filters` select the blocks that are its business.

    `stop` is asked now and then; a pass that finds it true ends with StoppedError and leaves nothing half done.
    """

    def __init__(
        self,
        bucket: Bucket,
        settings: CompactionSettings,
        *,
        directory: Path,
        clock: Clock,
        observer: PassObserver | None = None,
        filters: Sequence[BlockFilter] = (),
        executor: Executor | None = None,
        options: JobOptions | None = None,
        merges_at_once: int = 1,
        downsampled_at_once: int = 1,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bucket = bucket
        self._settings = settings
        self._directory = directory
        self._clock = clock
        self._observer = observer or PassObserver()
        self._options = options or JobOptions(settings.hash_function, settings.accept_malformed_index)
        self._work = directory / WORK_DIRECTORY
        self._executor = executor or LocalExecutor(bucket, self._work, clock=clock, options=self._options)
        self._merges_at_once = merges_at_once
        self._downsampled_at_once = downsampled_at_once
        self._stop = stop
        self._ledger = Ledger(directory / LEDGER_FILE)
        self._surveyor = Surveyor(
            bucket, settings, clock=clock, directory=directory, ledger=self._ledger, filters=filters
        )
        self._marker = Marker(bucket, clock=clock, observer=self._observer, stop=stop)
        self._fatal: Counter[tuple[str, ...]] = Counter()
        self._index_written_s = clock.monotonic_s()
        self._outcome = Outcome()
        self._refused: list[str] = []

    async def run_pass(self) -> PassResult:
        """Do one whole pass.

        Raises HaltError where settings ask for it; BucketError, StoppedError; and, having done all else, JobError
        where jobs failed, though not for bad blocks: those are marked.
        """
        self._outcome, self._refused = Outcome(aside=self._find_doomed()), []
        survey = await self._look(Phase.SYNC)
        behind = clock_behind(survey.state, now_ms=self._clock.now_ms())
        if behind:
            # Marks would carry the wrong time, and blocks be gone as soon as the clock is set right.
            self._refuse(behind)
            return PassResult(refused=tuple(self._refused))
        await self._compact()
        if self._settings.halt_on_error:
            self._raise_failures()
        await self._downsample()
        await self._apply_retention()
        await self.clean_partials()
        survey = await self._look(Phase.INDEX)
        await self._save_ledger(survey)
        await self._write_index(survey)
        self._tell_idle(survey)
        self._raise_failures()
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        return PassResult(tuple(self._outcome.results), tuple(self._refused))

    async def clean_partials(self) -> None:
        """Delete what was uploaded in part and given up. Raises BucketError, StoppedError."""
        survey = await self._look(Phase.PARTIALS)
        plan = plan_partials(survey.state, self._settings, now_ms=self._clock.now_ms())
        self._refuse(plan.refused)
        await self._marker.delete_partials(plan.ulids, survey.state)

    async def measure_backlog(self) -> Backlog:
        """Tell the observer what is left to do, and return it; nothing is changed. Raises BucketError."""
        _, backlog = await self._plan(await self._surveyor.look())
        return backlog

    async def _compact(self) -> None:
        while True:
            survey = await self._look(Phase.SYNC)
            if await self._delete_marked(survey):
                survey = await self._look(Phase.SYNC)
            if await self._collect_garbage(survey):
                survey = await self._look(Phase.SYNC)
            self._begin(Phase.PLAN)
            await self._mark_unreadable(survey)
            plan, _ = await self._plan(survey)
            for quarantine in plan.quarantines:
                self._outcome.aside.add(quarantine.ulid)
                await self._marker.mark(
                    quarantine.ulid, MarkKind.NO_COMPACT, reason=quarantine.reason, details=quarantine.details
                )
            await asyncio.to_thread(remove_others, self._work, _copies_of(plan.jobs))
            if plan.jobs:
                self._begin(Phase.COMPACTION)
                await self._run(plan.jobs, limit=self._merges_at_once)
            if plan.halt is not None:
                raise plan.halt
            if not plan.jobs and not plan.quarantines:
                return

    async def _downsample(self) -> None:
        while True:
            survey = await self._look(Phase.DOWNSAMPLING)
            jobs = plan_downsampling(self._around(survey.state), self._settings, now_ms=self._clock.now_ms())
            if not jobs:
                return
            await self._run(jobs, limit=self._downsampled_at_once)

    async def _apply_retention(self) -> None:
        survey = await self._look(Phase.RETENTION)
        plan = plan_retention(survey.state, self._settings, now_ms=self._clock.now_ms())
        if plan.unverified:
            state = await self._verify(plan.unverified, survey)
            plan = plan_retention(state, self._settings, now_ms=self._clock.now_ms())
        self._refuse(plan.refused)
        await self._mark_all(plan.deletions)

    async def _delete_marked(self, survey: Survey) -> bool:
        self._begin(Phase.DELETION)
        plan = plan_deletions(survey.state, self._settings, now_ms=self._clock.now_ms())
        self._refuse(plan.refused)
        return bool(await self._marker.delete_marked(plan.ulids, survey.state))

    async def _collect_garbage(self, survey: Survey) -> bool:
        """Mark the blocks that others make superfluous; say whether the bucket or what is known of it has changed."""
        self._begin(Phase.GARBAGE)
        plan = plan_garbage(survey.state, self._settings)
        read: set[str] = set()
        while unread := [ulid for ulid in plan.unverified if ulid not in read]:
            plan = plan_garbage(await self._verify(unread, survey), self._settings)
            read.update(unread)
        return await self._mark_all(plan.deletions) or bool(read)

    async def _mark_unreadable(self, survey: Survey) -> None:
        if self._settings.halt_on_error:
            return  # Thanos marks none of them
        await mark_unreadable(
            self._bucket,
            survey,
            self._marker,
            settings=self._settings,
            observer=self._observer,
            now_ms=self._clock.now_ms(),
        )

    async def _run(self, jobs: Sequence[Job], *, limit: int) -> None:
        await run_round(
            jobs,
            self._run_job,
            self._marker,
            settings=self._settings,
            observer=self._observer,
            note=self._note,
            limit=limit,
            outcome=self._outcome,
        )

    async def _run_job(self, job: Job) -> JobResult:
        stages: set[Stage] = set()
        loop = asyncio.get_running_loop()

        def progress(stage: Stage, done: int, total: int) -> None:
            if stage not in stages:
                stages.add(stage)
                loop.call_soon_threadsafe(self._observer.on_stage, job, stage)
            self._observer.on_progress(job, done, total)

        self._check_stop()
        what = f"job of group {job.group}"
        return await await_unless(self._stop, self._executor.submit(job, progress=progress), what=what)

    async def _note(self, result: JobResult) -> None:
        """Remember that an output was read back, and keep the bucket index fresh, which readers want."""
        if result.output is not None:
            ulid = result.output.ulid
            self._ledger.note(ulid, await self._bucket.info(f"{ulid}/{META_FILE}"))
        if self._clock.monotonic_s() - self._index_written_s >= INDEX_AGE_S:
            with suppress(BucketError):  # the one at the end of the pass counts
                await self._write_index(await self._surveyor.look())

    async def _verify(self, ulids: Sequence[str], survey: Survey) -> BucketState:
        """Read blocks whole; return the state with what is known of them now."""
        for ulid in ulids:
            self._check_stop()
            try:
                problem = await find_problem(
                    self._bucket, ulid, self._directory / READ_DIRECTORY,
                    workers=self._options.worker_count, files_at_once=self._options.files_at_once, stop=self._stop,
                )  # fmt: skip
            except OSError as error:
                self._outcome.failures.append(error)
                continue
            self._ledger.note(ulid, survey.view.files[ulid][META_FILE], problem=str(problem or ""))
            if problem is not None:
                self._outcome.aside.add(ulid)
                await self._marker.mark(ulid, MarkKind.NO_COMPACT, reason=problem.reason, details=str(problem))
        await self._save_ledger(survey)
        files = survey.view.files
        return replace(
            survey.state,
            verified=self._ledger.find_verified(files),
            broken=frozenset(self._ledger.find_broken(files)),
        )

    async def _mark_all(self, deletions: Sequence[Deletion]) -> bool:
        self._check_stop()
        return any([await self._marker.mark_deletion(deletion) for deletion in deletions])

    async def _write_index(self, survey: Survey) -> None:
        self._index_written_s = self._clock.monotonic_s()
        marks = (*survey.state.no_compact_marks.values(), *survey.state.no_downsample_marks.values())
        index = BucketIndex.of_view(survey.view, marks, writer=f"promontory compact on {socket.gethostname()}")
        await write_bucket_index(self._bucket, index, clock=self._clock)

    async def _save_ledger(self, survey: Survey) -> None:
        known = survey.view.files.keys() | {
            result.output.ulid for result in self._outcome.results if result.output is not None
        }
        try:
            await asyncio.to_thread(self._ledger.save, known)
        except OSError as error:
            self._outcome.failures.append(error)

    async def _look(self, phase: Phase) -> Survey:
        self._begin(phase)
        survey = await self._surveyor.look()
        self._observer.on_survey(survey)
        return survey

    def _begin(self, phase: Phase) -> None:
        self._check_stop()
        self._observer.on_phase(phase)

    def _around(self, state: BucketState) -> BucketState:
        """Return the state with what was set aside in this pass marked: planning goes around it."""
        now_s = self._clock.now_ms() // 1000
        aside = {
            kind: {ulid: Mark(kind, ulid, now_s, reason=ASIDE) for ulid in self._outcome.aside}
            for kind in (MarkKind.NO_COMPACT, MarkKind.NO_DOWNSAMPLE)
        }
        return replace(
            state,
            no_compact_marks=aside[MarkKind.NO_COMPACT] | dict(state.no_compact_marks),
            no_downsample_marks=aside[MarkKind.NO_DOWNSAMPLE] | dict(state.no_downsample_marks),
        )

    async def _plan(self, survey: Survey) -> tuple[JobPlan, Backlog]:
        """Return what to merge and rewrite now, and all that is left to do, which the observer is told."""
        around, now_ms = self._around(survey.state), self._clock.now_ms()
        plan = await asyncio.to_thread(plan_jobs, around, self._settings, now_ms=now_ms)
        backlog = await asyncio.to_thread(count_backlog, survey, around, plan, self._settings, now_ms=now_ms)
        self._observer.on_backlog(backlog)
        return plan, backlog

    def _tell_idle(self, survey: Survey) -> None:
        if not (self._outcome.results or self._outcome.failures):
            self._observer.on_idle(explain_idle(survey, now_ms=self._clock.now_ms()))

    def _refuse(self, reason: str) -> None:
        if reason:
            self._refused.append(reason)
            self._observer.on_refused(reason)

    def _find_doomed(self) -> set[str]:
        """Return the inputs of jobs that failed again and again: they are left until the process starts anew.

        Their blocks are good, so they are not marked: whoever starts next may have the fault mended.
        """
        return {ulid for inputs, count in self._fatal.items() if count >= FATAL_TRIES for ulid in inputs}

    def _raise_failures(self) -> None:
        failures = self._outcome.failures
        self._fatal.update(job.inputs for job in self._outcome.fatal)
        if failures:
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            raise JobError(f"jobs of the pass failed: {failures[0]}{more}") from failures[0]

    def _check_stop(self) -> None:
        if self._stop():
            raise StoppedError("compaction: told to stop before the end of the pass")


def _copies_of(jobs: Sequence[Job]) -> set[str]:
    return {f"{job.group}/{ulid}" for job in jobs for ulid in job.inputs}
