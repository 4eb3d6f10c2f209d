"""Aggregate chunks from their parts; the layout stands in chunk_records.py.

Source: thanos pkg/compact/downsample/aggr.go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.bits import octets_at, put_uvarint, signed64
from promontory.kernels.compile import kernel
from promontory.kernels.copy import copy_bytes
from promontory.kernels.memory import wrap64

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

# Bytes of a part beside its payload at most: its length and its encoding.
PART_ROOM = 11


@kernel(
    "void(int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1], int64[:, ::1], uint8[::1],"
    " int64[::1])"
)
def write_aggregates(
    addresses: Longs, sizes: Longs, buffer: NDArray[np.int32], start: Longs, length: Longs, encoding: Bytes,
    part: Longs, out: Bytes, position: Longs,
) -> None:  # fmt: skip
    """Write aggregate chunk i to out[position[i] : position[i + 1]]; part: int64[n, 5], a chunk or -1 for none.

    The caller has checked that the chunks lie in their buffers, and gives PART_ROOM bytes a part beside payloads.
    """
    at = signed64(0)
    for index in range(len(part)):
        position[index] = at
        for place in range(part.shape[1]):
            chunk = part[index, place]
            size = signed64(length[chunk]) if chunk >= 0 else signed64(0)
            at = put_uvarint(out, at, wrap64(size))
            if chunk < 0:
                continue
            out[at] = encoding[chunk]
            data = octets_at(signed64(addresses[buffer[chunk]]), signed64(sizes[buffer[chunk]]))
            copy_bytes(out, at + 1, data, signed64(start[chunk]), size)
            at += 1 + size
    position[len(part)] = at
