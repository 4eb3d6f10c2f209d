"""Tombstones: which intervals of which series were deleted and must not be served.

    BE32 0x0130BA30 | 1 byte version 1 | ( uvarint series ref, varint min, varint max )* | CRC32C of the entries

Intervals are inclusive at both ends. Source: prometheus tsdb/docs/format/tombstones.md, tsdb/tombstones/tombstones.go.
Format: docs/formats/tombstones.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import crc_error
from promontory.errors import CorruptionError
from promontory.kernels.crc32c import crc32c
from promontory.kernels.tombstones import read_tombstones, unite_intervals

TOMBSTONES_FILE = "tombstones"
TOMBSTONES_MAGIC = 0x0130BA30
TOMBSTONES_VERSION = 1
HEAD_BYTES = 5
CRC_BYTES = 4
LARGEST_BYTES = 64 << 20
SMALLEST_ENTRY_BYTES = 3

Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tombstones:
    """k deleted intervals [min_ms, max_ms], by series and time: series_ref, min_ms, max_ms int64[k]."""

    series_ref: Offsets
    min_ms: Offsets
    max_ms: Offsets

    def __len__(self) -> int:
        return len(self.series_ref)

    def of(self, series_ref: int) -> list[tuple[int, int]]:
        """Return the deleted intervals of one series."""
        first, last = np.searchsorted(self.series_ref, [series_ref, series_ref + 1])
        return list(zip(self.min_ms[first:last].tolist(), self.max_ms[first:last].tolist(), strict=True))

    def united(self) -> Tombstones:
        """Return the same with intervals that overlap or touch as one."""
        columns = np.stack([self.series_ref, self.min_ms, self.max_ms])
        left = unite_intervals(columns)
        return Tombstones(*columns[:, :left].copy())


NO_TOMBSTONES = Tombstones(*(np.empty(0, np.int64) for _ in range(3)))


def parse_tombstones(body: bytes, *, source: str) -> Tombstones:
    """Return the deleted intervals of a file. Raises CorruptionError."""
    if len(body) > LARGEST_BYTES:
        expected, found = f"at most {LARGEST_BYTES} bytes", f"{len(body)} or more"
        raise CorruptionError("tombstones", source=source, offset=LARGEST_BYTES, expected=expected, found=found)
    data = np.frombuffer(body, np.uint8)
    head = struct.pack(">IB", TOMBSTONES_MAGIC, TOMBSTONES_VERSION)
    if body[:HEAD_BYTES] != head:
        expected, found = head.hex(), body[:HEAD_BYTES].hex()
        raise CorruptionError("tombstones", source=source, offset=0, expected=expected, found=found)
    end = len(body) - CRC_BYTES
    if end < HEAD_BYTES:
        raise CorruptionError("tombstones", source=source, offset=end, expected="a CRC", found="the end")
    stored = int.from_bytes(body[end:], "big")
    if end == HEAD_BYTES and stored == 0:  # none at all, as nearly always; no kernel is needed to see that
        return NO_TOMBSTONES
    computed = int(crc32c(data, HEAD_BYTES, end))
    if stored != computed:
        raise crc_error("tombstones", source=source, offset=end, stored=stored, computed=computed)
    columns = np.empty((3, (end - HEAD_BYTES) // SMALLEST_ENTRY_BYTES), np.int64)
    count, broken = read_tombstones(data, HEAD_BYTES, end, columns)
    if broken >= 0:
        raise CorruptionError("tombstones", source=source, offset=broken, expected="an interval", found="other bytes")
    order = np.lexsort((columns[1, :count], columns[0, :count]))
    return Tombstones(*(columns[i, :count][order] for i in range(3)))
