"""Chunk segments: the files chunks/000001, chunks/000002, … of a block, written.

    BE32 0x85BD40DD | 1 byte version 1 | 3 bytes zero | records        a record: see kernels/chunk_write.py

A chunk's ref is segment index << 32 | offset of its record in the file; indexes count from 0, file names from 1.
No segment is larger than the limit unless one record is.
Source: prometheus tsdb/docs/format/chunks.md.
"""

from __future__ import annotations

import os
import struct
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import CHUNKS_DIRECTORY

SEGMENT_MAGIC = 0x85BD40DD
SEGMENT_VERSION = 1
SEGMENT_HEAD = struct.pack(">IB3x", SEGMENT_MAGIC, SEGMENT_VERSION)
SEGMENT_LIMIT_BYTES = 512 << 20
# Records wait in memory until there are so many bytes; no file stays open between two writes.
PENDING_LIMIT_BYTES = 256 << 10

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def segment_name(index: int) -> str:
    """Return the file name of a segment: six digits, from 000001 on."""
    return f"{index + 1:06d}"


def segment_path(index: int) -> str:
    """Return the path of a segment in its block."""
    return f"{CHUNKS_DIRECTORY}/{segment_name(index)}"


class SegmentWriter:
    """Appends chunk records to the segments of one directory, which it makes."""

    def __init__(self, directory: Path, *, limit_bytes: int = SEGMENT_LIMIT_BYTES) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._index = 0
        self._size_bytes = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        directory.mkdir()

    @property
    def paths(self) -> list[Path]:
        """The segment files begun so far."""
        begun = self._index + (1 if self._size_bytes else 0)
        return [self._directory / segment_name(index) for index in range(begun)]

    def append(self, records: Bytes, position: Offsets) -> Offsets:
        """Add records[position[i] : position[i + 1]]; return their refs, int64[c]."""
        refs = np.empty(len(position) - 1, np.int64)
        done = 0
        while done < len(refs):
            if not self._size_bytes:
                self._put(SEGMENT_HEAD)
            base = int(position[done])
            room = self._limit_bytes - self._size_bytes
            until = int(np.searchsorted(position, base + room, side="right")) - 1
            if until <= done:
                if self._size_bytes > len(SEGMENT_HEAD):
                    self._begin_next()
                    continue
                until = done + 1
            refs[done:until] = (self._index << 32) + self._size_bytes + (position[done:until] - base)
            self._put(records[base : int(position[until])].data)
            done = until
        return refs

    def flush(self) -> None:
        """Write what waits in memory to the file."""
        if self._pending:
            self._write(b"")

    def _begin_next(self) -> None:
        self.flush()
        self._index += 1
        self._size_bytes = 0

    def _put(self, data: bytes | memoryview) -> None:
        self._size_bytes += len(data)
        if self._pending_bytes + len(data) >= PENDING_LIMIT_BYTES:
            self._write(data)
        else:
            self._pending.append(bytes(data))
            self._pending_bytes += len(data)

    def _write(self, data: bytes | memoryview) -> None:
        """Write what waits and then the data, which is not copied."""
        with (self._directory / segment_name(self._index)).open("ab", buffering=0) as file:
            for part in (b"".join(self._pending), data):
                _write_all(file, memoryview(part))
        self._pending.clear()
        self._pending_bytes = 0


def _write_all(file: FileIO, data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) :]


def sync_path(path: Path) -> None:
    """Make a file or directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
