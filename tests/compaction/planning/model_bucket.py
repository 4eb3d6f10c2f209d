"""A bucket in thought: plans are carried out on metas alone, as a compactor would on blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from promontory.block.markers import Mark, MarkKind
from promontory.block.meta import PART_LABEL, BlockMeta, Compaction
from promontory.compaction.groups import group_blocks, strip_replicas
from promontory.compaction.job import Job, JobKind
from promontory.compaction.planning.deletions import plan_deletions
from promontory.compaction.planning.downsampling import plan_downsampling
from promontory.compaction.planning.garbage import plan_garbage
from promontory.compaction.planning.merges import plan_merges
from promontory.compaction.planning.retention import plan_retention
from promontory.compaction.planning.retiring import plan_rewrites
from promontory.compaction.planning.state import BucketState, count_blocks
from promontory.compaction.rewrites import render_rewrite
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import state_of, ulid_of

FIRST_OUTPUT = 50_000
MOST_ROUNDS = 60
MOST_PASSES = 6


class ModelBucket:
    """Holds metas and marks; `done` are all jobs that ran, in order."""

    def __init__(self, blocks: Iterable[BlockMeta], settings: CompactionSettings, *, now_ms: int) -> None:
        self.state: BucketState = state_of(blocks)
        self.settings = settings
        self.now_ms = now_ms
        self.done: list[Job] = []
        self._outputs = 0

    def run_pass(self) -> None:
        """Do all that one pass does."""
        self._delete()
        for _ in range(MOST_ROUNDS):
            self._collect_garbage()
            if not self._merge():
                break
        else:
            raise AssertionError("merging does not end")
        for _ in range(MOST_ROUNDS):
            jobs = plan_downsampling(self.state, self.settings, now_ms=self.now_ms)
            self.run(jobs)
            if not jobs:
                break
        else:
            raise AssertionError("downsampling does not end")
        self._retain()

    def run_passes(self) -> None:
        """Run passes until one has nothing to do; what a pass downsamples, the next one may merge."""
        for _ in range(MOST_PASSES):
            before = len(self.done)
            self.run_pass()
            if len(self.done) == before:
                return
        raise AssertionError("passes do not end")

    def run(self, jobs: Iterable[Job], *, crash: bool = False) -> None:
        """Make the outputs, and mark the inputs unless the compactor dies before it does."""
        marked: list[str] = []
        for job in jobs:
            self.done.append(job)
            inputs = [self.state.blocks[ulid] for ulid in job.inputs]
            output = self._make(job, inputs)
            self.state = replace(
                self.state,
                blocks={**self.state.blocks, output.ulid: output},
                verified=self.state.verified | {output.ulid},
            )
            marked += [] if job.kind is JobKind.DOWNSAMPLE or crash else job.inputs
        self.mark(marked)

    def mark(self, ulids: Iterable[str]) -> None:
        """Mark blocks for deletion; a first mark stays."""
        new = {ulid: Mark(MarkKind.DELETION, ulid, self.now_ms // 1000) for ulid in ulids}
        self.state = replace(self.state, deletion_marks=new | dict(self.state.deletion_marks))

    def plan_merges(self) -> list[Job]:
        """Return the merges and rewrites of the bucket as it is, and set aside what they set aside."""
        groups = group_blocks(
            count_blocks(self.state, self.settings, now_ms=self.now_ms).values(), self.settings.replica_labels
        )
        plans = [plan_merges(group, self.state, self.settings, now_ms=self.now_ms) for group in groups]
        aside = {
            found.ulid: Mark(MarkKind.NO_COMPACT, found.ulid, 0, reason=found.reason)
            for plan in plans
            for found in plan.quarantines
        }
        assert aside.keys().isdisjoint(self.state.no_compact_marks)
        jobs = [job for plan in plans for job in plan.jobs]
        merged = [ulid for job in jobs if job.part is None or job.part.index == 0 for ulid in job.inputs]
        assert len(merged) == len(set(merged))
        assert aside.keys().isdisjoint(merged)
        self.state = replace(self.state, no_compact_marks={**self.state.no_compact_marks, **aside})
        return jobs or list(plan_rewrites(self.state, self.settings, now_ms=self.now_ms))

    def sources(self, *, resolution_ms: int | None = None) -> set[tuple[Labels, str]]:
        """Return what unmarked blocks hold: streams and sources."""
        return {
            (strip_replicas(meta.labels, self.settings.replica_labels).without([PART_LABEL]), source)
            for ulid, meta in self.state.blocks.items()
            if ulid not in self.state.deletion_marks and resolution_ms in (None, meta.resolution_ms)
            for source in meta.compaction.sources
        }

    def _merge(self) -> bool:
        jobs = self.plan_merges()
        self.run(jobs)
        return bool(jobs)

    def _make(self, job: Job, inputs: list[BlockMeta]) -> BlockMeta:
        ulid = ulid_of(FIRST_OUTPUT + self._outputs)
        self._outputs += 1
        first = inputs[0]
        assert first.thanos is not None
        sources = {source for meta in inputs for source in meta.compaction.sources}
        rewrites = (*first.thanos.rewrites, render_rewrite(sources, job.retired)) if job.retired else ()
        labels = strip_replicas(first.labels, job.replica_labels)
        if job.part:
            labels = Labels(
                tuple(sorted((*labels.pairs, (PART_LABEL, b"%d_of_%d" % (job.part.index + 1, job.part.total)))))
            )
        if job.kind is JobKind.REWRITE:
            sources.add(ulid)
        return replace(
            first,
            ulid=ulid,
            min_time_ms=min(meta.min_time_ms for meta in inputs),
            max_time_ms=max(meta.max_time_ms for meta in inputs),
            stats=replace(first.stats, tombstone_count=0),
            compaction=Compaction(sources=tuple(sorted(sources))),
            thanos=replace(
                first.thanos,
                labels=labels,
                resolution_ms=job.resolution_ms,
                rewrites=rewrites,
                files=(),
                source="compactor",
            ),
        )

    def _collect_garbage(self) -> None:
        plan = plan_garbage(self.state, self.settings)
        self.state = replace(self.state, verified=self.state.verified.union(plan.unverified))
        plan = plan_garbage(self.state, self.settings)
        assert not plan.unverified
        self.mark(deletion.ulid for deletion in plan.deletions)

    def _retain(self) -> None:
        plan = plan_retention(self.state, self.settings, now_ms=self.now_ms)
        self.state = replace(self.state, verified=self.state.verified.union(plan.unverified))
        plan = plan_retention(self.state, self.settings, now_ms=self.now_ms)
        self.mark(deletion.ulid for deletion in plan.deletions)

    def _delete(self) -> None:
        gone = set(plan_deletions(self.state, self.settings, now_ms=self.now_ms).ulids)
        self.state = replace(
            self.state,
            blocks={ulid: meta for ulid, meta in self.state.blocks.items() if ulid not in gone},
            deletion_marks={ulid: one for ulid, one in self.state.deletion_marks.items() if ulid not in gone},
        )
