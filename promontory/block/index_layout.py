"""Index v2: the frame around its sections.

    BE32 0xBAAAD700 | 1 byte version 2 | symbols | series | label indices | postings |
    label offset table | postings offset table | TOC

    TOC (52 bytes, at the end)   BE64 offset of: symbols, series, label indices, label offset table, postings,
                                 postings offset table | CRC32C of the six
    framed section               BE32 length | content | CRC32C of the content

Source: prometheus tsdb/docs/format/index.md. Format: docs/formats/index.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.errors import CorruptionError
from promontory.kernels.crc32c import crc32c

INDEX_MAGIC = 0xBAAAD700
INDEX_VERSION = 2
INDEX_HEAD_BYTES = 5
TOC_BYTES = 52
CRC_BYTES = 4
LENGTH_BYTES = 4
SERIES_ALIGNMENT = 16

_TOC = struct.Struct(">6QI")

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IndexToc:
    """Offsets of the sections in an index of `index_bytes` bytes."""

    symbols: int
    series: int
    label_indices: int
    label_offset_table: int
    postings: int
    postings_table: int
    index_bytes: int

    @property
    def series_end(self) -> int:
        """Where the section after the series begins."""
        return min(offset for offset in self._after() if offset >= self.series)

    @property
    def postings_end(self) -> int:
        """Where the section after the postings lists begins."""
        return min(offset for offset in self._after() if offset > self.postings)

    def _after(self) -> tuple[int, ...]:
        listed = (self.label_indices, self.label_offset_table, self.postings, self.postings_table)
        return (*(offset for offset in listed if offset), self.index_bytes - TOC_BYTES)


def parse_toc(tail: Bytes, *, index_bytes: int, source: str) -> IndexToc:
    """Return the offsets from the last 52 bytes of an index. Raises CorruptionError."""
    offset = index_bytes - TOC_BYTES
    if offset < INDEX_HEAD_BYTES or len(tail) != TOC_BYTES:
        raise CorruptionError("TOC", source=source, offset=0, expected="at least 57 bytes", found=f"{index_bytes}")
    *offsets, stored = _TOC.unpack(tail.tobytes())
    computed = checksum_few(tail[: TOC_BYTES - CRC_BYTES])
    if stored != computed:
        raise crc_error("TOC", source=source, offset=offset, stored=stored, computed=computed)
    (symbols, series, indices, offset_table, postings, postings_table) = offsets
    toc = IndexToc(symbols, series, indices, offset_table, postings, postings_table, index_bytes)
    ordered = INDEX_HEAD_BYTES <= toc.symbols < toc.series <= toc.postings_table
    if not ordered or any(found > offset for found in offsets) or not toc.series <= toc.postings <= toc.postings_table:
        raise CorruptionError(
            "TOC", source=source, offset=offset, expected="sections in order inside the index", found=str(offsets)
        )
    return toc


def check_head(head: Bytes, *, source: str) -> None:
    """Check the first five bytes of an index. Raises CorruptionError."""
    expected = struct.pack(">IB", INDEX_MAGIC, INDEX_VERSION)
    if head[:INDEX_HEAD_BYTES].tobytes() != expected:
        found = head[:INDEX_HEAD_BYTES].tobytes().hex()
        raise CorruptionError("magic and version", source=source, offset=0, expected=expected.hex(), found=found)


def check_section(data: Bytes, start: int, *, end: int, what: str, source: str, origin: int) -> tuple[int, int]:
    """Return [start, end) of the content of the framed section at `start`, its CRC verified.

    `origin` is the place of data[0] in the object, for the error. Raises CorruptionError.
    """
    room = end - start
    length = int.from_bytes(data[start : start + LENGTH_BYTES].tobytes(), "big") if room >= LENGTH_BYTES else -1
    if length < 0 or LENGTH_BYTES + length + CRC_BYTES > room:
        raise CorruptionError(
            what, source=source, offset=origin + start, expected=f"a section of at most {room} bytes", found=f"{length}"
        )
    content, content_end = start + LENGTH_BYTES, start + LENGTH_BYTES + length
    stored = int.from_bytes(data[content_end : content_end + CRC_BYTES].tobytes(), "big")
    computed = int(crc32c(data, content, content_end))
    if stored != computed:
        raise crc_error(what, source=source, offset=origin + start, stored=stored, computed=computed)
    return content, content_end


def checksum_few(data: Bytes) -> int:
    """Return the CRC32C of some bytes in plain Python: the kernel would bring the compiler into an idle service."""
    return int(crc32c.py_func(data, 0, len(data)))


def crc_error(what: str, *, source: str, offset: int, stored: int, computed: int) -> CorruptionError:
    """Return the error of a checksum that does not fit."""
    return CorruptionError(
        f"CRC of {what}", source=source, offset=offset, expected=f"{stored:#010x}", found=f"{computed:#010x}"
    )
