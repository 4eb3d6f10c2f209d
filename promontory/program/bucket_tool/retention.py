"""`promontory bucket retention`: marks for deletion what is kept no longer, once, as a compactor does in each pass.

A block goes when what is to outlive it, at the next coarser resolution, holds all its sources in blocks that were read
whole here; --downsampling.disable asks for no such cover, which is what Thanos does.
Rules of a ladder on series ask for blocks to be written anew: `promontory compact` does that.
Source: thanos cmd/thanos/tools_bucket.go, pkg/compact/retention.go.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from promontory.block.markers import Mark
from promontory.block_check.files import BlockFiles
from promontory.block_check.verify import verify
from promontory.bucket.port import Bucket
from promontory.catalog.contents import Contents
from promontory.compaction.marking import Marker
from promontory.compaction.observer import PassObserver
from promontory.compaction.planning.retention import RetentionPlan, plan_retention
from promontory.compaction.planning.state import Deletion
from promontory.compaction.running.check import refuse_input
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BadBlockError
from promontory.model.clock import SystemClock
from promontory.model.cores import count_cores
from promontory.program.bucket_tool.planning import make_state, read_retention_settings
from promontory.program.bucket_tool.selection import read_rules, select_contents
from promontory.program.bucket_tool.session import read_in_time, run_beside_loop, tell
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import print_json
from promontory.service.values import Values


@dataclass(slots=True)
class Marking(PassObserver):
    """ULIDs of the blocks that were marked; `refused` says why others were not."""

    marked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def on_block_marked(self, mark: Mark) -> None:
        """Note a new mark."""
        self.marked.append(mark.ulid)

    def on_refused(self, reason: str) -> None:
        """Note why a block stays."""
        self.refused.append(reason)


def run(values: Values) -> int:
    """Mark what is due and return the exit code: 1 where that did not look safe."""
    settings, rules = read_retention_settings(values), read_rules(values)

    def retire(bucket: Bucket, runner: asyncio.Runner) -> int:
        contents = select_contents(runner.run(read_in_time(values, bucket)), rules)
        plan, broken = plan_and_verify(bucket, runner, contents, settings, now_ms=SystemClock().now_ms())
        due = () if values.flag("--dry-run") else plan.deletions
        return _report(values, plan, broken, runner.run(mark_due(bucket, due)))

    return run_beside_loop(values, retire)


def plan_and_verify(
    bucket: Bucket, runner: asyncio.Runner, contents: Contents, settings: CompactionSettings, *, now_ms: int
) -> tuple[RetentionPlan, frozenset[str]]:
    """Return what is due, after reading the blocks that it relies on, and which of these are broken."""
    verified: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    while True:
        state = make_state(contents, settings, now_ms=now_ms, verified=verified, broken=broken)
        plan = plan_retention(state, settings, now_ms=now_ms)
        if not plan.unverified:
            return plan, broken
        good = frozenset(_find_whole(bucket, runner, contents, plan.unverified))
        verified |= good
        broken |= frozenset(plan.unverified) - good


def _find_whole(bucket: Bucket, runner: asyncio.Runner, contents: Contents, ulids: Iterable[str]) -> list[str]:
    """Return those of the blocks that a compactor would believe, every byte read."""
    whole = []
    for ulid in ulids:
        files = BlockFiles(bucket, ulid, runner, contents.blocks[ulid].sizes)
        try:
            refuse_input(verify(files, limit=1, workers=count_cores()), accept_malformed_index=False)
        except BadBlockError:
            continue
        whole.append(ulid)
    return whole


async def mark_due(bucket: Bucket, deletions: Iterable[Deletion]) -> Marking:
    """Mark blocks for deletion, unless what they rely on has gone meanwhile."""
    marking = Marking()
    marker = Marker(bucket, clock=SystemClock(), observer=marking, stop=lambda: False)
    for deletion in deletions:
        await marker.mark_deletion(deletion)
    return marking


def _report(values: Values, plan: RetentionPlan, broken: frozenset[str], marking: Marking) -> int:
    refused = [*([plan.refused] if plan.refused else ()), *marking.refused]
    if values.flag("--json"):
        print_json(
            {
                "due": {deletion.ulid: deletion.reason for deletion in plan.deletions},
                "marked": marking.marked,
                "waiting": plan.waiting,
                "broken": sorted(broken),
                "refused": refused,
                "dry_run": values.flag("--dry-run"),
            }
        )
    else:
        became = "would be marked for deletion" if values.flag("--dry-run") else "not marked"
        for deletion in plan.deletions:
            done = "marked for deletion" if deletion.ulid in marking.marked else became
            sys.stdout.write(f"{deletion.ulid} {deletion.reason}: {done}\n")
        for ulid, missing in plan.waiting.items():
            sys.stdout.write(f"{ulid} stays: {missing}\n")
        for ulid in sorted(broken):
            sys.stdout.write(f"{ulid} is broken, nothing goes for its sake: promontory bucket verify --id={ulid}\n")
        tell(refused)
    return EXIT_FAILED if refused or broken else 0
