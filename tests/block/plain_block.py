"""A block read in plain Python, one integer after the other: what tests of the writer compare with."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from promontory.kernels.crc32c import crc32c
from promontory.model.labels import Labels


@dataclass(frozen=True)
class PlainChunk:
    min_ms: int
    max_ms: int
    ref: int
    encoding: int
    payload: bytes


@dataclass(frozen=True)
class PlainSeries:
    labels: Labels
    chunks: tuple[PlainChunk, ...]


class Octets:
    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data, self.offset = data, offset

    def take(self, size: int) -> bytes:
        self.offset += size
        assert self.offset <= len(self.data)
        return self.data[self.offset - size : self.offset]

    def uvarint(self) -> int:
        word = shift = 0
        while True:
            octet = self.take(1)[0]
            word |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return word

    def varint(self) -> int:
        word = self.uvarint()
        return (word >> 1) ^ -(word & 1)


def checked(data: bytes, start: int, size: int) -> bytes:
    stored = int.from_bytes(data[start + size : start + size + 4], "big")
    assert stored == crc32c(np.frombuffer(data, np.uint8), start, start + size)
    return data[start : start + size]


def read_block(block: Path) -> list[PlainSeries]:
    """Return every series with its chunks' payloads, all checksums verified."""
    index = (block / "index").read_bytes()
    segments = [path.read_bytes() for path in sorted((block / "chunks").iterdir())]
    toc = struct.unpack(">6Q", checked(index, len(index) - 52, 48))
    symbols = _read_symbols(index, toc[0])
    found, position = [], toc[1]
    while True:
        position += -position % 16
        entry = Octets(index, position)
        if position >= toc[2] or (size := entry.uvarint()) == 0:
            return found
        content = Octets(checked(index, entry.offset, size))
        found.append(_read_series(content, symbols, segments))
        position = entry.offset + size + 4


def _read_symbols(index: bytes, start: int) -> list[bytes]:
    section = Octets(checked(index, start + 4, int.from_bytes(index[start : start + 4], "big")))
    return [section.take(section.uvarint()) for _ in range(int.from_bytes(section.take(4), "big"))]


def _read_series(entry: Octets, symbols: list[bytes], segments: list[bytes]) -> PlainSeries:
    pairs = tuple((symbols[entry.uvarint()], symbols[entry.uvarint()]) for _ in range(entry.uvarint()))
    chunks: list[PlainChunk] = []
    for i in range(entry.uvarint()):
        low = entry.varint() if i == 0 else chunks[-1].max_ms + entry.uvarint()
        high = low + entry.uvarint()
        ref = entry.uvarint() if i == 0 else chunks[-1].ref + entry.varint()
        chunks.append(PlainChunk(low, high, ref, *_read_record(segments[ref >> 32], ref & 0xFFFFFFFF)))
    return PlainSeries(Labels(pairs), tuple(chunks))


def _read_record(segment: bytes, offset: int) -> tuple[int, bytes]:
    record = Octets(segment, offset)
    size = record.uvarint()
    body = checked(segment, record.offset, size + 1)
    return body[0], body[1:]
