"""Blocks of one group that overlap in time.

[0-20] [10-30] [30-40] [50-70] [60-80]  ->  ([0-20] [10-30])  ([50-70] [60-80])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promontory.block.meta import BlockMeta


def overlap(blocks: Iterable[BlockMeta]) -> bool:
    """Say whether some of the blocks overlap; they come in any order."""
    return bool(find_overlaps(sorted(blocks, key=lambda meta: meta.min_time_ms)))


def find_overlaps(blocks: Sequence[BlockMeta]) -> list[tuple[BlockMeta, ...]]:
    """Return the sets of blocks that hang together by overlapping; blocks are sorted by minimum time, as each set is.

    Ranges are half-open: blocks that only touch do not overlap.
    """
    sets: list[list[BlockMeta]] = []
    end_ms: int | None = None
    for meta in blocks:
        if end_ms is not None and meta.min_time_ms < end_ms:
            sets[-1].append(meta)
            end_ms = max(end_ms, meta.max_time_ms)
        else:
            sets.append([meta])
            end_ms = meta.max_time_ms
    return [tuple(found) for found in sets if len(found) > 1]
