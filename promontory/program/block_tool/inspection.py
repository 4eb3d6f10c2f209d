"""`promontory block inspect`: what a block holds and costs, by its meta, its index and the heads of its chunks."""

from __future__ import annotations

from collections.abc import Callable

from promontory.block.index_layout import TOC_BYTES, check_head, parse_toc
from promontory.block.meta import INDEX_FILE, META_FILE, BlockMeta, parse_meta
from promontory.block_check.files import BlockFiles
from promontory.block_check.index_view import IndexView, list_sections, show_labels
from promontory.block_check.segments import Segments
from promontory.errors import CorruptionError
from promontory.program.block_tool.inspect_chunks import inspect_series
from promontory.program.block_tool.inspect_labels import inspect_labels
from promontory.program.block_tool.table import Row, Table

Progress = Callable[[int, int], None]
"""Is told (series done, series in all)."""


def inspect(
    files: BlockFiles, *, top: int, read_chunks: bool, progress: Progress = lambda done, total: None
) -> list[Table]:
    """Return tables of a block; label tables have `top` rows. Raises CorruptionError and BucketError."""
    for path in (META_FILE, INDEX_FILE):
        if path not in files.sizes:
            raise CorruptionError("files", source=f"block {files.key}", offset=0, expected=path, found="none")
    meta = parse_meta(files.read(META_FILE).tobytes(), source=META_FILE)
    data = files.read(INDEX_FILE)
    check_head(data, source=INDEX_FILE)
    toc = parse_toc(data[-TOC_BYTES:], index_bytes=len(data), source=INDEX_FILE)
    view = IndexView(data, toc, source=INDEX_FILE)
    segments = Segments(files) if read_chunks else None
    return [
        *_describe_meta(meta, files),
        *inspect_series(view, view.read_all_refs(), meta, segments, progress),
        Table("index", "Index by section", [
            {"section": name, "at": start, "length_bytes": end - start, "share": round((end - start) / len(data), 4)}
            for name, start, end in list_sections(toc)
        ]),
        *inspect_labels(view, top=top),
    ]  # fmt: skip


def _describe_meta(meta: BlockMeta, files: BlockFiles) -> list[Table]:
    stats, compaction, thanos = meta.stats, meta.compaction, meta.thanos
    row: Row = {
        "ulid": meta.ulid,
        "min_time_ms": meta.min_time_ms,
        "max_time_ms": meta.max_time_ms,
        "range_duration_ms": meta.max_time_ms - meta.min_time_ms,
        "samples": stats.sample_count,
        "float_samples": stats.float_sample_count or None,
        "histogram_samples": stats.histogram_sample_count or None,
        "series": stats.series_count,
        "chunks": stats.chunk_count,
        "tombstones": stats.tombstone_count,
        "compaction_level": compaction.level,
        "compaction_sources": " ".join(compaction.sources),
        "compaction_parents": " ".join(parent.ulid for parent in compaction.parents) or None,
        "compaction_failed": "yes" if compaction.failed else None,
        "external_labels": show_labels(thanos.labels) if thanos else None,
        "resolution_duration_ms": meta.resolution_ms if thanos else None,
        "thanos_source": thanos.source if thanos else None,
        "upload_time_ms": thanos.upload_time_ms if thanos else None,
        "total_bytes": sum(files.sizes.values()),
    }
    sizes: list[Row] = [{"file": path, "size_bytes": size} for path, size in sorted(files.sizes.items())]
    return [Table("block", f"Block {files.key}, as meta.json has it", [row], is_single=True),
            Table("files", "Files", sizes)]  # fmt: skip
