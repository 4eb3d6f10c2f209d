"""`promontory bucket cleanup`: deletes what was marked for deletion long enough ago, and uploads that were given up.

What is due is decided as a compactor decides it (promontory/compaction/planning/deletions.py). Right before a block is
deleted it is asked again whether its mark is still there, or its meta.json still missing.
Source: thanos cmd/thanos/tools_bucket.go, pkg/compact/blocks_cleaner.go, clean.go.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from promontory.block.markers import MarkKind
from promontory.block.meta import META_FILE
from promontory.bucket.port import Bucket
from promontory.catalog.listing import find_object
from promontory.catalog.transfer import delete_block
from promontory.compaction.planning.deletions import plan_deletions, plan_partials
from promontory.errors import BucketError
from promontory.model.clock import SystemClock
from promontory.program.bucket_tool.listing import tell_of_broken
from promontory.program.bucket_tool.planning import make_state, read_settings
from promontory.program.bucket_tool.selection import read_rules, select_contents
from promontory.program.bucket_tool.session import print_json, read_in_time, run_on_bucket, tell
from promontory.service.command import EXIT_FAILED
from promontory.service.values import Values

MARKED, PARTIAL = "marked for deletion", "partial upload"


@dataclass(slots=True)
class Cleaning:
    """What is due, by ULID why; what became of it."""

    due: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def run(values: Values) -> int:
    """Delete what is due and return the exit code: 1 where something could not be deleted, or did not look safe."""
    settings, rules = read_settings(values), read_rules(values)

    async def clean(values: Values, bucket: Bucket) -> int:
        contents = select_contents(await read_in_time(values, bucket), rules)
        now_ms = SystemClock().now_ms()
        state = make_state(contents, settings, now_ms=now_ms)
        marked, partial = (plan(state, settings, now_ms=now_ms) for plan in (plan_deletions, plan_partials))
        cleaning = Cleaning(dict.fromkeys(partial.ulids, PARTIAL) | dict.fromkeys(marked.ulids, MARKED))
        cleaning.refused = [plan.refused for plan in (marked, partial) if plan.refused]
        if not values.flag("--dry-run"):
            await delete_due(bucket, cleaning)
        _report(values, cleaning)
        if not values.flag("--json"):
            tell_of_broken(contents)
        return EXIT_FAILED if cleaning.failed or cleaning.refused else 0

    return run_on_bucket(values, clean)


async def delete_due(bucket: Bucket, cleaning: Cleaning) -> None:
    """Delete what is due, one block after the other; one that fails does not keep the others."""
    for ulid, why in cleaning.due.items():
        try:
            if changed := await _find_change(bucket, ulid, why):
                cleaning.kept[ulid] = changed
                continue
            await delete_block(bucket, ulid)
        except BucketError as error:
            cleaning.failed[ulid] = str(error)
        else:
            cleaning.deleted.append(ulid)


async def _find_change(bucket: Bucket, ulid: str, why: str) -> str:
    """Return what speaks against a deletion by now, empty where nothing does."""
    if why == MARKED:
        is_there = await find_object(bucket, f"{ulid}/{MarkKind.DELETION.file_name}")
        return "" if is_there else "its mark was removed meanwhile"
    return "its meta.json came meanwhile" if await find_object(bucket, f"{ulid}/{META_FILE}") else ""


def _report(values: Values, cleaning: Cleaning) -> None:
    if values.flag("--json"):
        print_json(
            {
                "due": cleaning.due,
                "deleted": cleaning.deleted,
                "kept": cleaning.kept,
                "failed": cleaning.failed,
                "refused": cleaning.refused,
                "dry_run": values.flag("--dry-run"),
            }
        )
        return
    for ulid, why in cleaning.due.items():
        became = (
            f"not deleted: {cleaning.failed[ulid]}" if ulid in cleaning.failed
            else f"not deleted: {cleaning.kept[ulid]}" if ulid in cleaning.kept
            else "deleted" if ulid in cleaning.deleted
            else "would be deleted"
        )  # fmt: skip
        sys.stdout.write(f"{ulid} {why}: {became}\n")
    tell(cleaning.refused)
