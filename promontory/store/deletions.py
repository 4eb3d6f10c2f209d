"""Deleted samples do not leave a block: chunks that tombstones touch are dropped, or decoded, cut and encoded again.

Format: docs/formats/tombstones.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.block.tombstones import Tombstones
from promontory.chunk.decode import DecodedChunks
from promontory.chunk.recode import recode_chunks
from promontory.errors import CorruptionError
from promontory.kernels.tombstones import COVER_NONE, COVER_PART, cover_chunks, keep_samples
from promontory.model.frame import ChunkColumns

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def cut_deleted(
    chunks: ChunkColumns,
    buffers: tuple[Bytes, ...],
    series_ref: Offsets,
    tombstones: Tombstones,
    *,
    source: str,
) -> tuple[ChunkColumns, tuple[Bytes, ...], CorruptionError | None]:
    """Return the chunks less the deleted samples; series_ref int64[c] is each chunk's series. Tombstones are united.

    A chunk that is deleted in part and cannot be read (an encoding that is not known, or broken) is left out and makes
    the error. What is left of a chunk with start times is written without these.
    """
    cover = find_cover(chunks.min_ms, chunks.max_ms, series_ref, tombstones)
    if not cover.any():
        return chunks, buffers, None
    touched = np.flatnonzero(cover == COVER_PART)
    kept = chunks.take(np.flatnonzero(cover == COVER_NONE))
    cut, data, broken = _cut(chunks.take(touched), buffers, series_ref[touched], tombstones)
    joined = ChunkColumns(*(np.concatenate([getattr(kept, n), getattr(cut, n)]) for n in ChunkColumns.__slots__))
    joined.buffer[len(kept) :] = len(buffers)
    order = np.lexsort((joined.min_ms, joined.row))
    error = None
    if broken:
        error = CorruptionError(
            "chunk with deleted samples",
            source=source,
            offset=0,
            expected="a chunk that can be read",
            found=f"{broken} others",
        )
    return joined.take(order), (*buffers, data), error


def find_cover(min_ms: Offsets, max_ms: Offsets, series_ref: Offsets, tombstones: Tombstones) -> Bytes:
    """Return uint8[c]: whether a tombstone covers none, part or all of each chunk."""
    cover = np.empty(len(min_ms), np.uint8)
    cover_chunks(series_ref, np.ascontiguousarray(min_ms), np.ascontiguousarray(max_ms), _table(tombstones), cover)
    return cover


def _cut(
    chunks: ChunkColumns, buffers: tuple[Bytes, ...], series_ref: Offsets, tombstones: Tombstones
) -> tuple[ChunkColumns, Bytes, int]:
    def left(decoded: DecodedChunks) -> NDArray[np.bool_]:
        keep = np.empty(len(decoded.timestamps_ms), np.uint8)
        keep_samples(series_ref, decoded.chunk_start, decoded.timestamps_ms, _table(tombstones), keep)
        return keep.view(np.bool_)

    recoded = recode_chunks(chunks, buffers, left)
    return recoded.chunks, recoded.data, len(recoded.broken)


def _table(tombstones: Tombstones) -> Offsets:
    return np.stack([tombstones.series_ref, tombstones.min_ms, tombstones.max_ms])
