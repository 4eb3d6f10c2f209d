"""For clients that may not know the newer encodings of Prometheus 3: XOR2 and histograms with start times.

Thanos' wire has numbers for XOR, HISTOGRAM and FLOAT_HISTOGRAM alone; what we send is written again in these.
"""

from __future__ import annotations

import numpy as np

from promontory.chunk.recode import recode_chunks
from promontory.model.frame import ChunkColumns, Encoding, Frame

NEWER = (Encoding.XOR2, Encoding.HISTOGRAM_ST, Encoding.FLOAT_HISTOGRAM_ST)


def without_newer_encodings(frame: Frame) -> tuple[Frame, ChunkColumns]:
    """Return the frame with the chunks of newer encodings written again, and those that could not be read."""
    newer = np.isin(frame.chunks.encoding, NEWER)
    if not newer.any():
        return frame, ChunkColumns.empty()
    kept = frame.chunks.take(np.flatnonzero(~newer))
    recoded = recode_chunks(frame.chunks.take(np.flatnonzero(newer)), frame.buffers)
    recoded.chunks.buffer[:] = len(frame.buffers)
    names = ChunkColumns.__slots__
    joined = ChunkColumns(*(np.concatenate([getattr(kept, n), getattr(recoded.chunks, n)]) for n in names))
    order = np.lexsort((joined.min_ms, joined.row))
    return Frame(frame.labels, joined.take(order), (*frame.buffers, recoded.data)), recoded.broken
