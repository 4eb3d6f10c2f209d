"""One block as a row: an object of JSON for programs, and the columns of `thanos tools bucket inspect` for people."""

from __future__ import annotations

from collections.abc import Callable

from promontory.block.markers import Mark
from promontory.block.meta import BlockMeta
from promontory.catalog.contents import FoundBlock
from promontory.model.durations import DAY_MS, HOUR_MS
from promontory.model.go_text import format_go_duration, format_go_time

# How long a block has to be before it is downsampled to the next resolution: thanos pkg/compact/downsample.
DOWNSAMPLED_FROM_MS = {0: 40 * HOUR_MS, 300_000: 10 * DAY_MS}

SortKey = tuple[int, int | str]


def until_downsampling_ms(meta: BlockMeta) -> int | None:
    """Return how much longer a block has to be to be downsampled, below zero where it is longer; None: it never is."""
    from_ms = DOWNSAMPLED_FROM_MS.get(meta.resolution_ms)
    return None if from_ms is None else from_ms - (meta.max_time_ms - meta.min_time_ms)


def to_json(found: FoundBlock) -> dict[str, object]:
    """Return a block as an object: `meta` fields are left out where it has none."""
    row: dict[str, object] = {"ulid": found.ulid}
    if found.meta is not None:
        row |= _meta_json(found.meta)
    return row | {
        "total_bytes": found.total_bytes,
        "files": len(found.sizes),
        "marks": {kind.file_name: mark_json(mark) for kind, mark in found.marks.items()},
        "unreadable_marks": list(found.unreadable_marks),
        "problem": found.problem or None,
    }


def mark_json(mark: Mark) -> dict[str, object]:
    """Return a mark as an object."""
    return {"time_s": mark.time_s, "reason": mark.reason, "details": mark.details}


def _meta_json(meta: BlockMeta) -> dict[str, object]:
    stats, thanos = meta.stats, meta.thanos
    return {
        "min_time_ms": meta.min_time_ms,
        "max_time_ms": meta.max_time_ms,
        "range_ms": meta.max_time_ms - meta.min_time_ms,
        "until_downsampling_ms": until_downsampling_ms(meta),
        "series": stats.series_count,
        "samples": stats.sample_count,
        "chunks": stats.chunk_count,
        "compaction_level": meta.compaction.level,
        "compaction_failed": meta.compaction.failed,
        "sources": list(meta.compaction.sources),
        "parents": [parent.ulid for parent in meta.compaction.parents],
        "labels": meta.labels.to_text(),
        "resolution_ms": meta.resolution_ms,
        "source": thanos.source if thanos else "",
        "upload_time_ms": thanos.upload_time_ms if thanos else None,
    }


def labels_text(meta: BlockMeta) -> str:
    """Return the external labels as Thanos' tools show them: `cluster=eu,replica=a`."""
    return ",".join(f"{name}={value}" for name, value in meta.labels.to_text().items())


def _until_text(meta: BlockMeta) -> str:
    until_ms = until_downsampling_ms(meta)
    return "-" if until_ms is None else format_go_duration(until_ms)


def _until_key(meta: BlockMeta) -> SortKey:
    until_ms = until_downsampling_ms(meta)
    return (0, "-") if until_ms is None else (1, until_ms)


COLUMNS: dict[str, tuple[Callable[[BlockMeta], str], Callable[[BlockMeta], SortKey]]] = {
    "ULID": (lambda meta: meta.ulid, lambda meta: (1, meta.ulid)),
    "FROM": (lambda meta: format_go_time(meta.min_time_ms), lambda meta: (1, meta.min_time_ms)),
    "UNTIL": (lambda meta: format_go_time(meta.max_time_ms), lambda meta: (1, meta.max_time_ms)),
    "RANGE": (
        lambda meta: format_go_duration(meta.max_time_ms - meta.min_time_ms),
        lambda meta: (1, meta.max_time_ms - meta.min_time_ms),
    ),
    "UNTIL-DOWN": (_until_text, _until_key),
    "#SERIES": (lambda meta: f"{meta.stats.series_count:,}", lambda meta: (1, meta.stats.series_count)),
    "#SAMPLES": (lambda meta: f"{meta.stats.sample_count:,}", lambda meta: (1, meta.stats.sample_count)),
    "#CHUNKS": (lambda meta: f"{meta.stats.chunk_count:,}", lambda meta: (1, meta.stats.chunk_count)),
    "COMP-LEVEL": (lambda meta: f"{meta.compaction.level:,}", lambda meta: (1, meta.compaction.level)),
    "COMP-FAILED": (
        lambda meta: "true" if meta.compaction.failed else "false",
        lambda meta: (1, int(meta.compaction.failed)),
    ),
    "LABELS": (labels_text, lambda meta: (1, labels_text(meta))),
    "RESOLUTION": (lambda meta: format_go_duration(meta.resolution_ms), lambda meta: (1, meta.resolution_ms)),
    "SOURCE": (
        lambda meta: meta.thanos.source if meta.thanos else "",
        lambda meta: (1, meta.thanos.source if meta.thanos else ""),
    ),
}
"""By Thanos' name of each column: its text, and what blocks are sorted by."""
