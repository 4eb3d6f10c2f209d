"""JobPlan: the merges and rewrites of all groups; and Backlog: what is left to do in a bucket as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.compaction.groups import group_blocks
from promontory.compaction.job import Job
from promontory.compaction.observer import Backlog
from promontory.compaction.planning.downsampling import plan_downsampling
from promontory.compaction.planning.merges import MergePlan, plan_merges
from promontory.compaction.planning.retention import plan_retention
from promontory.compaction.planning.retiring import plan_rewrites
from promontory.compaction.planning.state import BucketState, Quarantine, count_blocks
from promontory.compaction.settings import CompactionSettings
from promontory.compaction.survey import Survey
from promontory.errors import HaltError


@dataclass(frozen=True, slots=True)
class JobPlan:
    """`jobs` do not need each other; `halt` is why to stop when they are done, None where nothing asks for it."""

    merges: tuple[MergePlan, ...]
    jobs: tuple[Job, ...]
    quarantines: tuple[Quarantine, ...]
    halt: HaltError | None


def plan_jobs(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> JobPlan:
    """Return what to merge and, where nothing is to be merged any more, what to rewrite."""
    plans, halt = _plan_groups(state, settings, now_ms=now_ms)
    jobs = tuple(job for plan in plans for job in plan.jobs)
    quarantines = tuple(quarantine for plan in plans for quarantine in plan.quarantines)
    if not jobs and not quarantines:
        jobs = plan_rewrites(state, settings, now_ms=now_ms)
    return JobPlan(tuple(plans), jobs, quarantines, halt)


def count_backlog(
    survey: Survey, around: BucketState, plan: JobPlan, settings: CompactionSettings, *, now_ms: int
) -> Backlog:
    """Return what is left to do; `around` is the survey's state with what was set aside, `plan` what it gives."""
    downsampled = [ulid for job in plan_downsampling(around, settings, now_ms=now_ms) for ulid in job.inputs]
    inputs = {ulid for merge in plan.merges for job in merge.jobs for ulid in job.inputs}
    files = survey.view.files
    return Backlog(
        compactions=sum(merge.todo_jobs for merge in plan.merges),
        compaction_blocks=sum(merge.todo_blocks for merge in plan.merges),
        downsample_blocks=len(downsampled),
        deletion_blocks=len(plan_retention(survey.state, settings, now_ms=now_ms).deletions),
        job_bytes=sum(info.size_bytes for ulid in inputs.union(downsampled) for info in files.get(ulid, {}).values()),
    )


def _plan_groups(
    state: BucketState, settings: CompactionSettings, *, now_ms: int
) -> tuple[list[MergePlan], HaltError | None]:
    plans: list[MergePlan] = []
    halt: HaltError | None = None
    counted = count_blocks(state, settings, now_ms=now_ms)
    for group in group_blocks(counted.values(), settings.replica_labels):
        try:
            plans.append(plan_merges(group, state, settings, now_ms=now_ms))
        except HaltError as error:
            halt = halt or error
    return plans, halt
