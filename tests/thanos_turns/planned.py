"""What our planner would merge in a bucket as it is, and what a compactor did merge of the same blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from compactor.flags import COMPACT_FLAGS
from compactor.settings import CompactorSettings
from promontory.bucket.filesystem import FilesystemBucket
from promontory.compaction.job import JobKind
from promontory.compaction.ledger import Ledger
from promontory.compaction.planning.pass_plan import plan_pass
from promontory.compaction.survey import Surveyor
from promontory.model.clock import SystemClock
from tests.compaction.proof.reading import Lying

Merges = set[frozenset[str]]
"""The inputs of each merge; Thanos puts those that begin at one time in any order."""


def plan_merges_of(bucket: Path, flags: Sequence[str], folder: Path) -> Merges:
    """Return the inputs of each merge that needs no output of another, as `promontory compact --dry-run` plans it."""
    return asyncio.run(_plan(bucket, flags, folder))


def merges_done(before: Lying, after: Lying) -> Merges:
    """Return the inputs of each merge of a pass that read only blocks from before the pass."""
    made = [meta for ulid, meta in after.blocks.items() if ulid not in before.blocks and not meta.resolution_ms]
    inputs = (frozenset(parent.ulid for parent in meta.compaction.parents) for meta in made)
    return {parents for parents in inputs if before.blocks.keys() >= parents}


async def _plan(bucket: Path, flags: Sequence[str], folder: Path) -> Merges:
    clock = SystemClock()
    values = COMPACT_FLAGS.parse([*flags, "--consistency-delay=0s", f"--data-dir={folder}"])
    settings = CompactorSettings.from_values(values, now_ms=clock.now_ms())
    surveyor = Surveyor(
        FilesystemBucket(bucket), settings.compaction, clock=clock, directory=folder, ledger=Ledger(folder / "ledger"),
        filters=settings.filters,
    )  # fmt: skip
    survey = await surveyor.look()
    plan = plan_pass(survey.state, settings.compaction, now_ms=clock.now_ms())
    return {frozenset(job.inputs) for job in plan.jobs if job.kind is JobKind.MERGE and not job.resolution_ms}
