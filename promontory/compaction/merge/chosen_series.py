"""What of a block goes into the output: the series of the job's part that are not retired, and chunks not deleted.

Chunks outside of the output's range and wholly deleted ones are left out here, by what the index says of them; those
that are in it partly are cut once they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.block.tombstones import Tombstones
from promontory.compaction.job import Part
from promontory.compaction.reading.local_block import LocalBlock
from promontory.compaction.reading.series_batch import SeriesBatch
from promontory.compaction.reading.series_stream import read_series
from promontory.compaction.retired import find_retired
from promontory.kernels.tombstones import COVER_ALL, COVER_PART, cover_chunks
from promontory.model.matcher import Matcher
from promontory.model.selector import Shard
from promontory.model.shard import select_shard
from promontory.model.time_range import TimeRange

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def choose_series(
    block: LocalBlock, time_range: TimeRange, *, part: Part | None, retired: Sequence[Sequence[Matcher]]
) -> Iterator[SeriesBatch]:
    """Yield the series of a block with the chunks that have samples for the output, as far as the index tells."""
    shard = Shard(part.index, part.total, by=False, labels=()) if part else None
    for batch in read_series(block):
        keep = np.diff(batch.chunk_start) > 0
        if shard:
            keep &= select_shard(batch.labels, shard)
        if retired:
            keep &= ~find_retired(batch.labels, retired)
        kept = batch.keep_rows(keep)
        inside = (kept.max_ms >= time_range.min_time_ms) & (kept.min_ms <= time_range.max_time_ms)
        if len(block.tombstones):
            series_ref = kept.series_ref[kept.rows_of_chunks()]
            inside &= cover(series_ref, kept.min_ms, kept.max_ms, block.tombstones) != COVER_ALL
        kept = kept.keep_chunks(inside)
        yield kept.keep_rows(np.diff(kept.chunk_start) > 0)


def cover(series_ref: Offsets, min_ms: Offsets, max_ms: Offsets, tombstones: Tombstones) -> Bytes:
    """Return uint8[c]: whether tombstones, united, cover none, part or all of each chunk."""
    out = np.empty(len(min_ms), np.uint8)
    cover_chunks(series_ref, min_ms, max_ms, tombstone_table(tombstones), out)
    return out


def find_partly_deleted(series_ref: Offsets, min_ms: Offsets, max_ms: Offsets, tombstones: Tombstones) -> Offsets:
    """Return int64[k]: the chunks that tombstones cover in part."""
    return np.flatnonzero(cover(series_ref, min_ms, max_ms, tombstones) == COVER_PART)


def tombstone_table(tombstones: Tombstones) -> Offsets:
    """Return int64[3, k] as kernels/tombstones.py takes it."""
    return np.stack([tombstones.series_ref, tombstones.min_ms, tombstones.max_ms])
