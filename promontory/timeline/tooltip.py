"""What is said of a block where somebody points at it."""

from __future__ import annotations

from promontory.block.markers import Mark
from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.durations import format_resolution
from promontory.model.go_text import format_go_duration, format_go_time
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.sizes import format_size


def describe_block(found: FoundBlock, meta: BlockMeta) -> str:
    """Return the lines about a block."""
    stats, thanos = meta.stats, meta.thanos
    lines = [
        meta.ulid,
        f"{format_go_time(meta.min_time_ms)} to {format_go_time(meta.max_time_ms)} "
        f"({format_go_duration(meta.max_time_ms - meta.min_time_ms)})",
        f"resolution {format_resolution(meta.resolution_ms)}, level {meta.compaction.level}, "
        f"{len(meta.compaction.sources)} sources, written by {(thanos.source if thanos else '') or 'Prometheus'}",
        f"{stats.series_count:,} series, {stats.sample_count:,} samples, {stats.chunk_count:,} chunks, "
        f"{format_size(found.total_bytes)}",
        str(meta.labels),
    ]
    if meta.compaction.failed:
        lines.append("compaction failed")
    return "\n".join([*lines, *map(describe_mark, found.marks.values()), *found.unreadable_marks])


def describe_mark(mark: Mark) -> str:
    """Return what a mark says: its kind, its time and why."""
    words = ": ".join(word for word in (mark.reason, mark.details) if word)
    return f"{mark.kind.file_name} of {format_rfc3339_ms(mark.time_s * 1000)}{f': {words}' if words else ''}"
