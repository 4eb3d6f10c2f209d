"""PassPlan: all that a pass would do to a bucket as it is now; a pass itself plans anew between its phases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from promontory.block.meta import BlockMeta
from promontory.compaction.groups import Group, group_blocks
from promontory.compaction.job import Job
from promontory.compaction.planning.deletions import DeletionPlan, plan_deletions, plan_partials
from promontory.compaction.planning.downsampling import plan_downsampling
from promontory.compaction.planning.estimate import Estimate, block_bytes, estimate_job
from promontory.compaction.planning.garbage import GarbagePlan, plan_garbage
from promontory.compaction.planning.guard import clock_behind
from promontory.compaction.planning.merges import MergePlan, plan_merges
from promontory.compaction.planning.retention import RetentionPlan, plan_retention
from promontory.compaction.planning.retiring import plan_rewrites
from promontory.compaction.planning.state import BucketState, Deletion, Quarantine, count_blocks
from promontory.compaction.planning.table import format_table
from promontory.compaction.settings import CompactionSettings
from promontory.model.durations import format_duration
from promontory.model.go_text import format_go_time
from promontory.model.sizes import format_size

JOB_HEADS = ("JOB", "GROUP", "STREAM", "FROM", "RANGE", "BLOCKS", "SAMPLES", "READ", "WRITE", "DISK", "TIME")


@dataclass(frozen=True, slots=True)
class PassPlan:
    """The decisions of one pass; `groups` and `merges` go together."""

    state: BucketState
    groups: tuple[Group, ...]
    deletions: DeletionPlan
    garbage: GarbagePlan
    merges: tuple[MergePlan, ...]
    rewrites: tuple[Job, ...]
    downsampling: tuple[Job, ...]
    retention: RetentionPlan
    partials: DeletionPlan
    clock_trouble: str

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Merges, rewrites of what is not merged, and downsamplings, in the order in which they would run."""
        merges = [job for plan in self.merges for job in plan.jobs]
        merged = {ulid for job in merges for ulid in job.inputs}
        rewrites = (job for job in self.rewrites if merged.isdisjoint(job.inputs))
        downsamplings = (job for job in self.downsampling if merged.isdisjoint(job.inputs))
        return (*merges, *rewrites, *downsamplings)

    @property
    def quarantines(self) -> tuple[Quarantine, ...]:
        """The blocks that would be set aside."""
        return tuple(found for plan in self.merges for found in plan.quarantines)

    def describe(self) -> str:
        """Return the plan as text for people; sizes and times of outputs are estimates."""
        size = sum(block_bytes(meta, self.state.index_bytes) for meta in self.state.blocks.values())
        lines = [f"Blocks: {len(self.state.blocks)}, {format_size(size)}. Groups to plan for: {len(self.groups)}.", ""]
        lines += self._describe_jobs()
        lines += _section("Set aside, with a no-compact mark", ("ULID", "REASON", "DETAILS"), (
            (found.ulid, found.reason, found.details) for found in self.quarantines
        ))  # fmt: skip
        marked = (*self.garbage.deletions, *self.retention.deletions)
        lines += _section("Marked for deletion", ("ULID", "REASON", "HELD BY"), map(_deletion_row, marked))
        lines += _section("Past retention, waiting for", ("ULID", "WHAT"), sorted(self.retention.waiting.items()))
        lines += _section("Deleted", ("ULID", "AS"), (
            *((ulid, "marked long enough ago") for ulid in self.deletions.ulids),
            *((ulid, "partial upload, given up") for ulid in self.partials.ulids),
        ))  # fmt: skip
        unverified = sorted({*self.garbage.unverified, *self.retention.unverified})
        lines += _section(
            "Read whole and verified, before anything goes for them", ("ULID",), ((u,) for u in unverified)
        )
        trouble = (self.clock_trouble, self.deletions.refused, self.retention.refused, self.partials.refused)
        lines += [f"Refused: {text}." for text in trouble if text]
        return "\n".join(lines).rstrip("\n") + "\n"

    def _describe_jobs(self) -> list[str]:
        if not self.jobs:
            return ["Nothing to merge, rewrite or downsample.", ""]
        streams = {str(group.key): str(group.key.labels) for group in self.groups}
        rows, estimates = [], []
        for job in self.jobs:
            inputs = [self.state.blocks[ulid] for ulid in job.inputs]
            estimates.append(estimate_job(job, inputs, self.state.index_bytes))
            rows.append(_job_row(job, inputs, streams.get(job.group, ""), estimates[-1]))
        later = sum(plan.todo_jobs - len(plan.jobs) for plan in self.merges)
        total = (
            f"Jobs: {len(rows)}, which read {format_size(sum(one.input_bytes for one in estimates))}, write about "
            f"{format_size(sum(one.output_bytes for one in estimates))} and work for about "
            f"{_format_seconds(sum(one.work_s for one in estimates))}, transfers not counted; "
            f"at most {format_size(max(one.disk_bytes for one in estimates))} of disk for one."
        )
        after = [f"Merges that follow from their outputs: {later}."] if later else []
        return [format_table(JOB_HEADS, rows), total, *after, ""]


def plan_pass(state: BucketState, settings: CompactionSettings, *, now_ms: int) -> PassPlan:
    """Return all that a pass would do. Raises HaltError on an overlap, where settings ask for it."""
    groups = group_blocks(count_blocks(state, settings, now_ms=now_ms).values(), settings.replica_labels)
    return PassPlan(
        state=state,
        groups=groups,
        deletions=plan_deletions(state, settings, now_ms=now_ms),
        garbage=plan_garbage(state, settings),
        merges=tuple(plan_merges(group, state, settings, now_ms=now_ms) for group in groups),
        rewrites=plan_rewrites(state, settings, now_ms=now_ms),
        downsampling=plan_downsampling(state, settings, now_ms=now_ms),
        retention=plan_retention(state, settings, now_ms=now_ms),
        partials=plan_partials(state, settings, now_ms=now_ms),
        clock_trouble=clock_behind(state, now_ms=now_ms),
    )


def _job_row(job: Job, inputs: list[BlockMeta], stream: str, estimate: Estimate) -> tuple[str, ...]:
    start_ms = min(meta.min_time_ms for meta in inputs)
    end_ms = max(meta.max_time_ms for meta in inputs)
    made = f" to {format_duration(job.resolution_ms)}" if job.resolution_ms != inputs[0].resolution_ms else ""
    part = f" part {job.part.index + 1} of {job.part.total}" if job.part else ""
    return (
        f"{job.kind.value}{made}{part}",
        job.group,
        stream,
        format_go_time(start_ms),
        format_duration(end_ms - start_ms),
        str(len(inputs)),
        f"{estimate.samples:,}",
        format_size(estimate.input_bytes),
        format_size(estimate.output_bytes),
        format_size(estimate.disk_bytes),
        _format_seconds(estimate.work_s),
    )


def _deletion_row(deletion: Deletion) -> tuple[str, ...]:
    return deletion.ulid, deletion.reason, ", ".join(deletion.covers)


def _section(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    listed = list(rows)
    return [f"{title}: {len(listed)}", format_table(heads, listed), ""] if listed else []


def _format_seconds(seconds: float) -> str:
    return format_duration(max(1, round(seconds)) * 1000)
