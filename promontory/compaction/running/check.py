"""Whether a block on disk is what it says: an input before it is worked on, an output before it is believed.

    input    meta.json and index; what the chunks hold is checked as the output is, or where a job has failed
    output   everything, each chunk decoded, and the counts of samples and series against the inputs

A fault of an input becomes a BadBlockError with the word for its mark: Thanos' words where Thanos has one.
Source: thanos pkg/block/index.go (GatherIndexHealthStats), pkg/compact/compact.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.block_check.files import open_directory
from promontory.block_check.verify import Report, verify
from promontory.compaction.job import Deduplication, Job, JobKind
from promontory.compaction.planning.overlaps import overlap
from promontory.compaction.reasons import (
    CORRUPT_CHUNKS,
    INCOMPLETE,
    MALFORMED_INDEX,
    OUT_OF_ORDER_CHUNKS,
    OUTSIDE_CHUNKS,
    UNREADABLE_META,
)
from promontory.errors import BadBlockError, CorruptionError

FAULTS_SHOWN = 3

Stop = Callable[[], bool]
Progress = Callable[[int, int], None]

# Faults of an input by the word for its mark, the gravest first; what is not here does not hinder a merge.
_REASONS = (
    (INCOMPLETE, ("missing_file", "file_size")),
    (UNREADABLE_META, ("meta",)),
    (MALFORMED_INDEX, (
        "index_head", "index_toc", "symbols", "postings_table", "postings", "unchecked",
        "series_entry", "series_labels", "series_chunks", "series_order",
    )),
    (OUTSIDE_CHUNKS, ("chunk_range",)),
    (CORRUPT_CHUNKS, ("segment_head", "chunk_crc", "chunk_cut", "chunk_bytes", "chunk_encoding", "chunk_times")),
)  # fmt: skip


def check_block(
    directory: Path,
    *,
    workers: int,
    stop: Stop,
    progress: Progress = lambda done, total: None,
    read_chunks: bool = True,
) -> Report:
    """Return what is found in a block's directory. Blocks the thread. Raises StoppedError."""
    with open_directory(directory) as files:
        return verify(files, limit=FAULTS_SHOWN, workers=workers, progress=progress, stop=stop, read_chunks=read_chunks)


def refuse_input(report: Report, *, accept_malformed_index: bool) -> None:
    """Raise BadBlockError where a block cannot be worked on as it is."""
    kinds = report.faults.counts
    for reason, names in _REASONS:
        found = [name for name in names if kinds[name]]
        if reason is MALFORMED_INDEX and accept_malformed_index and _has_only_unsorted_labels(report):
            found = []
        if found:
            raise BadBlockError(describe_faults(report), ulids=(report.block,), reason=reason)
    if report.index_counts["chunks"]:  # those that are the same twice are merged as one, as in Thanos
        raise BadBlockError(describe_faults(report), ulids=(report.block,), reason=OUT_OF_ORDER_CHUNKS)


def describe_faults(report: Report) -> str:
    """Return what is wrong with a block as a sentence: Thanos' summary where there is one, else the first faults."""
    faults = report.faults
    shown = report.summary or [str(fault) for fault in faults.kept]
    more = f" (and {faults.total - len(faults.kept)} more)" if faults.total > len(faults.kept) else ""
    return f"block {report.block}: {'; '.join(shown)}{more}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the inputs say of the output: bounds, both ends inclusive. `weight` is the number of raw samples."""

    samples: tuple[int, int]
    series: tuple[int, int]
    range_ms: tuple[int, int]
    weight: tuple[int, int] | None = None


def expect_output(job: Job, inputs: Sequence[BlockMeta], *, weight: int | None = None) -> Expected:
    """Return what a job's output must be; `weight` is that of the input of a downsampling."""
    samples = [meta.stats.sample_count for meta in inputs]
    series = [meta.stats.series_count for meta in inputs]
    range_ms = min(meta.min_time_ms for meta in inputs), max(meta.max_time_ms for meta in inputs)
    loses = bool(job.retired) or job.part is not None or any(meta.stats.tombstone_count for meta in inputs)
    fewest_series = 0 if loses else max(series)
    if job.kind is JobKind.DOWNSAMPLE:
        # A series of nothing but NaN has no window.
        most = None if weight is None else (0 if loses else weight, weight)
        return Expected((0, sum(samples)), (0, sum(series)), range_ms, most)
    if loses:
        fewest = 0
    elif not overlap(inputs):
        fewest = sum(samples)
    else:
        fewest = max(samples) if job.deduplication is Deduplication.ONE_TO_ONE else 1
    return Expected((fewest, sum(samples)), (fewest_series, sum(series)), range_ms)


def refuse_output(report: Report, meta: BlockMeta, expected: Expected) -> None:
    """Raise CorruptionError where an output is not whole, or not what its inputs make."""
    if report.faults.total:
        raise _broken(meta, "faults of the output", "none", describe_faults(report))
    pairs = [
        ("samples", expected.samples, report.sample_count),
        ("series", expected.series, report.series_count),
    ]
    if expected.weight is not None:
        pairs.append(("raw samples that the output stands for", expected.weight, report.weight))
    for what, (low, high), found in pairs:
        if not low <= found <= high:
            bounds = f"{low}" if low == high else f"{low} to {high}"
            raise _broken(meta, what, bounds, str(found))
    low, high = expected.range_ms
    if not low <= meta.min_time_ms < meta.max_time_ms <= high:
        raise _broken(meta, "range in ms", f"a part of [{low}, {high})", f"[{meta.min_time_ms}, {meta.max_time_ms})")


def _has_only_unsorted_labels(report: Report) -> bool:
    kinds = report.faults.counts
    return kinds["series_entry"] == report.index_counts["labels"] and not any(
        kinds[name] for name in dict(_REASONS)[MALFORMED_INDEX] if name != "series_entry"
    )


def _broken(meta: BlockMeta, what: str, expected: str, found: str) -> CorruptionError:
    return CorruptionError(what, source=meta.ulid, offset=0, expected=expected, found=found)
