"""Issues that the metas of a bucket show: blocks of one group that overlap, and copies of one merge.

A group is what may become one block: equal external labels and resolution. Source: thanos pkg/verifier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from promontory.block.meta import BlockMeta
from promontory.compaction.groups import group_blocks
from promontory.compaction.planning.overlaps import find_overlaps
from promontory.model.go_text import format_go_time

INDEX_KNOWN_ISSUES = "index_known_issues"
OVERLAPPED_BLOCKS = "overlapped_blocks"
DUPLICATED_COMPACTION = "duplicated_compaction"
BLOCK_CONTENTS = "block_contents"
UNREADABLE_BLOCK = "unreadable_block"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the bucket: which issue, which blocks, and what; `details` are lines on it."""

    issue: str
    ulids: tuple[str, ...]
    problem: str
    details: tuple[str, ...] = ()
    fault_kinds: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the finding as an object."""
        return {
            "issue": self.issue,
            "blocks": list(self.ulids),
            "problem": self.problem,
            "details": list(self.details),
            "fault_kinds": self.fault_kinds,
        }


def find_overlapped(metas: Iterable[BlockMeta], only: Collection[str] = ()) -> list[Finding]:
    """Return the sets of blocks that overlap; with `only`, those sets that hold one of these ULIDs."""
    return [
        Finding(
            OVERLAPPED_BLOCKS,
            tuple(meta.ulid for meta in blocks),
            f"{len(blocks)} blocks of {group.key.labels} at resolution {group.key.resolution_ms} ms overlap from "
            f"{format_go_time(blocks[0].min_time_ms)} to {format_go_time(max(meta.max_time_ms for meta in blocks))}",
        )
        for group in group_blocks(metas, ())
        for blocks in find_overlaps(group.blocks)
        if not only or any(meta.ulid in only for meta in blocks)
    ]


def find_duplicated(metas: Iterable[BlockMeta], only: Collection[str] = ()) -> list[Finding]:
    """Return the blocks that are copies of another: range, level, sources and counts are equal; the oldest is none."""
    findings: list[Finding] = []
    for group in group_blocks(metas, ()):
        first: dict[object, str] = {}
        for meta in sorted(group.blocks, key=lambda meta: meta.ulid):
            kept = first.setdefault(_content(meta), meta.ulid)
            if kept != meta.ulid and (not only or meta.ulid in only):
                problem = f"block {meta.ulid} is a copy of {kept}: range, level, sources and counts are equal"
                findings.append(Finding(DUPLICATED_COMPACTION, (meta.ulid, kept), problem))
    return findings


def _content(meta: BlockMeta) -> object:
    return meta.min_time_ms, meta.max_time_ms, meta.compaction.level, meta.compaction.sources, meta.stats
