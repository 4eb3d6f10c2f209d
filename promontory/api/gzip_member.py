"""A gzip member whose deflate blocks are made side by side, each of its own part of the text.

    header │ blocks of part 0, flush │ blocks of part 1, flush │ … │ empty last block │ crc32 of all │ size of all

A flush ends on a byte, and a part looks back at no other one, so that any thread may compress any part.
Source: RFC 1951 section 3.2.4, RFC 1952 section 2.3; how M. Adler's pigz does it.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 1
RAW_WINDOW_BITS = -15
HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255])
LAST_BLOCK = bytes([3, 0])


@dataclass(frozen=True, slots=True)
class PackedPart:
    """Deflate blocks, and the checksum and size of the text they hold."""

    blocks: bytes
    checksum: int
    size_bytes: int


def pack_part(text: bytes | memoryview) -> PackedPart:
    """Compress one part."""
    from isal import isal_zlib

    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW_WINDOW_BITS)
    blocks = compressor.compress(text) + compressor.flush(isal_zlib.Z_FULL_FLUSH)
    return PackedPart(blocks, isal_zlib.crc32(text), len(text))


class GzipEnd:
    """Adds up the parts in order and writes what ends the member."""

    def __init__(self) -> None:
        self._checksum = 0
        self._size_bytes = 0

    def add(self, part: PackedPart) -> bytes:
        """Count one more part; return its blocks."""
        from isal import isal_zlib

        self._checksum = isal_zlib.crc32_combine(self._checksum, part.checksum, part.size_bytes)
        self._size_bytes += part.size_bytes
        return part.blocks

    def write(self) -> bytes:
        """Return the end of the member."""
        size_bytes = self._size_bytes & 0xFFFFFFFF
        return LAST_BLOCK + self._checksum.to_bytes(4, "little") + size_bytes.to_bytes(4, "little")
