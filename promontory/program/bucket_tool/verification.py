"""`promontory bucket verify`: looks for issues in all blocks of a bucket that are not marked for deletion.

    overlapped_blocks      by metas: blocks of one group that overlap
    duplicated_compaction  by metas: copies of one merge                      the one that --repair can repair
    index_known_issues     by meta.json and index: what Thanos looks for, and every CRC and order besides
    block_contents         ours: by every byte, chunks too

A block whose meta.json cannot be read, or does not fit its files, is a finding always. Nothing found is exit code 0,
something is 1. Source: thanos pkg/verifier.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.block.ulid import is_ulid
from promontory.block_check.files import BlockFiles
from promontory.block_check.verify import Report, verify
from promontory.bucket.port import Bucket
from promontory.catalog.contents import Contents, FoundBlock, read_contents
from promontory.errors import BucketError, InputError
from promontory.model.clock import SystemClock
from promontory.model.cores import count_cores
from promontory.model.go_text import show_text
from promontory.program.bucket_tool.issues import (
    BLOCK_CONTENTS,
    DUPLICATED_COMPACTION,
    INDEX_KNOWN_ISSUES,
    OVERLAPPED_BLOCKS,
    UNREADABLE_BLOCK,
    Finding,
    find_duplicated,
    find_overlapped,
)
from promontory.program.bucket_tool.repair import open_backup, repair_duplicates
from promontory.program.bucket_tool.session import run_beside_loop, tell
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import print_json
from promontory.service.values import Values

DEFAULT_ISSUES = (INDEX_KNOWN_ISSUES, OVERLAPPED_BLOCKS)
FAULTS_SHOWN = 20

Checked = list[tuple[FoundBlock, BlockMeta]]


def run(values: Values) -> int:
    """Verify the bucket and return the exit code."""
    issues = read_issues(values)
    only = read_ids(values)
    backup = open_backup(values)

    def check(bucket: Bucket, runner: asyncio.Runner) -> int:
        try:
            contents = runner.run(read_contents(bucket, clock=SystemClock()))
            findings = verify_bucket(bucket, runner, contents, issues=issues, only=only)
            repaired: list[str] = []
            if backup is not None and values.flag("--repair"):
                delay_ms = values.duration_ms("--delete-delay")
                repaired = runner.run(repair_duplicates(bucket, backup, findings, delete_delay_ms=delay_ms))
        finally:
            if backup is not None:
                runner.run(backup.close())
        return _report(values, contents, findings, repaired)

    return run_beside_loop(values, check)


def read_issues(values: Values) -> tuple[str, ...]:
    """Return the issues to look for. Raises InputError where one cannot be repaired and --repair is given."""
    issues = tuple(dict.fromkeys(values.texts("--issues") or DEFAULT_ISSUES))
    fixed = [issue for issue in issues if issue != DUPLICATED_COMPACTION]
    if values.flag("--repair") and fixed:
        raise InputError(f"flag --repair: expected with --issues={DUPLICATED_COMPACTION}, found {', '.join(fixed)}")
    return issues


def read_ids(values: Values) -> frozenset[str]:
    """Return the ULIDs of --id; none: all blocks."""
    for text in values.texts("--id"):
        if not is_ulid(text):
            raise InputError(f"flag --id: expected the ULID of a block, found {text!r}")
    return frozenset(values.texts("--id"))


def verify_bucket(
    bucket: Bucket, runner: asyncio.Runner, contents: Contents, *, issues: Sequence[str], only: frozenset[str]
) -> list[Finding]:
    """Return what is wrong. Raises InputError where one of the blocks asked for is not there."""
    missing = sorted(only - contents.blocks.keys())
    if missing:
        raise InputError(f"flag --id: expected a block of the bucket, found nothing below {missing[0]}/")
    findings = [
        Finding(UNREADABLE_BLOCK, (found.ulid,), f"block {found.ulid}: {show_text(found.problem)}")
        for found in contents.broken
        if not found.is_partial and (not only or found.ulid in only)
    ]
    present = [pair for pair in contents.whole if MarkKind.DELETION not in pair[0].marks]
    metas = [meta for _, meta in present]
    by_metas: dict[str, Callable[[], list[Finding]]] = {
        OVERLAPPED_BLOCKS: lambda: find_overlapped(metas, only),
        DUPLICATED_COMPACTION: lambda: find_duplicated(metas, only),
    }
    asked = [pair for pair in present if not only or pair[0].ulid in only]
    for issue in issues:
        if issue in by_metas:
            findings += by_metas[issue]()
        elif issue == BLOCK_CONTENTS or BLOCK_CONTENTS not in issues:
            findings += _check_blocks(bucket, runner, asked, issue)
    return findings


def _check_blocks(bucket: Bucket, runner: asyncio.Runner, blocks: Checked, issue: str) -> list[Finding]:
    findings: list[Finding] = []
    for found, meta in blocks:
        files = BlockFiles(bucket, meta.ulid, runner, found.sizes)
        try:
            report = verify(files, limit=FAULTS_SHOWN, workers=count_cores(), read_chunks=issue == BLOCK_CONTENTS)
        except BucketError as error:
            findings.append(Finding(issue, (meta.ulid,), f"block {meta.ulid}: cannot be read: {error}"))
            continue
        if report.faults.total:
            findings.append(_to_finding(issue, report))
    return findings


def _to_finding(issue: str, report: Report) -> Finding:
    faults = report.faults
    count = "1 fault" if faults.total == 1 else f"{faults.total:,} faults"
    more = faults.total - len(faults.kept)
    details = [*report.summary, *map(str, faults.kept), *([f"… and {more:,} more"] if more else [])]
    return Finding(
        issue, (report.block,), f"block {report.block}: {count}", tuple(map(show_text, details)), dict(faults.counts)
    )


def _report(values: Values, contents: Contents, findings: list[Finding], repaired: list[str]) -> int:
    partial = [found.ulid for found in contents.broken if found.is_partial]
    left = [finding for finding in findings if finding.ulids[0] not in repaired]
    if values.flag("--json"):
        print_json(
            {
                "ok": not left,
                "blocks": len(contents.whole),
                "findings": [finding.to_json() for finding in findings],
                "repaired": repaired,
                "partial": partial,
            }
        )
    else:
        for finding in findings:
            sys.stdout.write(f"{finding.issue}: {finding.problem}\n" + "".join(f"  {x}\n" for x in finding.details))
        for ulid in repaired:
            sys.stdout.write(f"repaired: block {ulid} stands in the backup and is deleted or marked for deletion\n")
        verdict = "nothing found" if not findings else f"{len(findings):,} found, {len(repaired):,} repaired"
        sys.stdout.write(f"{len(contents.whole):,} blocks: {verdict}\n")
        tell(f"not looked at: block {ulid} has no meta.json" for ulid in partial)
    return EXIT_FAILED if left else 0
