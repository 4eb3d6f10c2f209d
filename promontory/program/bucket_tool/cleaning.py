"""`promontory bucket cleanup`: deletes what was marked for deletion long enough ago, and uploads that were given up.

What is due is decided as a compactor decides it (promontory/compaction/planning/deletions.py), and what has changed
meanwhile is left as a compactor leaves it (promontory/compaction/marking.py).
Source: thanos cmd/thanos/tools_bucket.go, pkg/compact/blocks_cleaner.go, clean.go.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from promontory.bucket.port import Bucket
from promontory.compaction.marking import Marker
from promontory.compaction.observer import PassObserver
from promontory.compaction.planning.deletions import plan_deletions, plan_partials
from promontory.compaction.planning.state import BucketState
from promontory.model.clock import SystemClock
from promontory.program.bucket_tool.listing import tell_of_broken
from promontory.program.bucket_tool.planning import make_state, read_settings
from promontory.program.bucket_tool.selection import read_rules, select_contents
from promontory.program.bucket_tool.session import read_in_time, run_on_bucket, tell
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import print_json
from promontory.service.values import Values


@dataclass(slots=True)
class Cleaning(PassObserver):
    """ULIDs of what is due, marked blocks and partial uploads; what became of it. `refused` says why others stay."""

    marked: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    deleted: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def due(self) -> dict[str, str]:
        """Why what is due is due, by ULID."""
        return dict.fromkeys(self.partial, "partial upload") | dict.fromkeys(self.marked, "marked for deletion")

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """Note that a block is gone."""
        self.deleted.append(ulid)

    def on_delete_failed(self, ulid: str, error: Exception) -> None:
        """Note that a block would not go."""
        self.failed[ulid] = str(error)

    def on_refused(self, reason: str) -> None:
        """Note why something stays."""
        self.refused.append(reason)


def run(values: Values) -> int:
    """Delete what is due and return the exit code: 1 where something could not be deleted, or did not look safe."""
    settings, rules = read_settings(values), read_rules(values)

    async def clean(values: Values, bucket: Bucket) -> int:
        contents = select_contents(await read_in_time(values, bucket), rules)
        now_ms = SystemClock().now_ms()
        state = make_state(contents, settings, now_ms=now_ms)
        marked, partial = (plan(state, settings, now_ms=now_ms) for plan in (plan_deletions, plan_partials))
        cleaning = Cleaning(marked.ulids, partial.ulids)
        cleaning.refused += [plan.refused for plan in (marked, partial) if plan.refused]
        if not values.flag("--dry-run"):
            await delete_due(bucket, cleaning, state)
        _report(values, cleaning)
        if not values.flag("--json"):
            tell_of_broken(contents)
        return EXIT_FAILED if cleaning.failed or cleaning.refused else 0

    return run_on_bucket(values, clean)


async def delete_due(bucket: Bucket, cleaning: Cleaning, state: BucketState) -> None:
    """Delete what is due, unless it is not what it was in `state`; one that fails does not keep the others."""
    marker = Marker(bucket, clock=SystemClock(), observer=cleaning, stop=lambda: False)
    await marker.delete_marked(cleaning.marked, state)
    await marker.delete_partials(cleaning.partial, state)


def _report(values: Values, cleaning: Cleaning) -> None:
    if values.flag("--json"):
        print_json(
            {
                "due": cleaning.due,
                "deleted": cleaning.deleted,
                "failed": cleaning.failed,
                "refused": cleaning.refused,
                "dry_run": values.flag("--dry-run"),
            }
        )
        return
    for ulid, why in cleaning.due.items():
        became = (
            f"not deleted: {cleaning.failed[ulid]}" if ulid in cleaning.failed
            else "deleted" if ulid in cleaning.deleted
            else "would be deleted" if values.flag("--dry-run")
            else "stays"
        )  # fmt: skip
        sys.stdout.write(f"{ulid} {why}: {became}\n")
    tell(cleaning.refused)
