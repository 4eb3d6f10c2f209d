"""How many chunks are decoded at once: a native histogram may be a hundred times as large decoded as encoded.

A bucket that stays takes a bit in a chunk and twelve bytes in a table, so a morsel of 4 MiB would take 400 MB decoded,
and twice that merged. Floats, sixteen bytes decoded, take two bits at least: a morsel of them is decoded at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.decode_samples import HISTOGRAM_ENCODINGS
from promontory.model.frame import ChunkColumns

# Bytes of chunks of histograms that are decoded at once.
HISTOGRAM_BYTES = 256 << 10

Offsets = NDArray[np.int64]


def split_groups(chunks: ChunkColumns, group_start: Offsets) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of the groups, int64[g + 1], that are to be decoded at once; one at least."""
    heavy = np.where(np.isin(chunks.encoding, HISTOGRAM_ENCODINGS), chunks.length, 0)
    size = np.zeros(len(heavy) + 1, np.int64)
    np.cumsum(heavy, out=size[1:])
    ends = size[group_start]
    first = 0
    while first < len(ends) - 1:
        last = int(np.searchsorted(ends, ends[first] + HISTOGRAM_BYTES, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last
