"""Blocks of one group by aligned ranges of time.

    [0-10] [10-20] [50-60] [90-100]  by 30  ->  ([0-10] [10-20])  ([50-60])  ([90-100])

Ranges begin at multiples of their length since the epoch. Source: thanos pkg/compact/planner.go, splitByRange.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from promontory.block.meta import BlockMeta


def split_by_range(blocks: Sequence[BlockMeta], length_ms: int) -> list[list[BlockMeta]]:
    """Return the blocks by range; those that lie in none, as they cross a border, are left out."""
    parts: list[list[BlockMeta]] = []
    end_ms: int | None = None
    for meta in blocks:
        if end_ms is not None and meta.max_time_ms <= end_ms:
            parts[-1].append(meta)
            continue
        # A block that ends later begins the next part; where it fits into no range, that part is none.
        end_ms = meta.min_time_ms // length_ms * length_ms + length_ms
        if meta.max_time_ms <= end_ms:
            parts.append([meta])
        else:
            end_ms = None
    return parts


def is_ready(part: Sequence[BlockMeta], length_ms: int, *, newest_start_ms: int) -> bool:
    """Say whether a part may be merged: it fills its range or lies before the newest block, and no block failed.

    What fits beside the newest is waited for, so that a range is not compacted twice.
    """
    if len(part) < 2 or any(meta.compaction.failed for meta in part):
        return False
    start_ms, end_ms = part[0].min_time_ms, part[-1].max_time_ms
    return end_ms - start_ms == length_ms or end_ms <= newest_start_ms


def first_run(part: Sequence[BlockMeta], excluded: Collection[str]) -> tuple[BlockMeta, ...]:
    """Return the first two or more blocks of a part with no excluded block between them; empty where there are none."""
    run: list[BlockMeta] = []
    for meta in part:
        if meta.ulid not in excluded:
            run.append(meta)
        elif len(run) > 1:
            break
        else:
            run = []
    return tuple(run) if len(run) > 1 else ()
