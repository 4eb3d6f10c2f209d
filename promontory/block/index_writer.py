"""Index v2, written: byte for byte what Prometheus 2.42 writes for the same labels and chunks.

    BE32 0xBAAAD700 | 1 byte version 2 | symbols | series | label indices | postings |
    label offset table | postings offset table | TOC

The two label sections serve no reader any more; they are there because 2.42 writes them. All sections are made from
columns in kernels. Memory: the distinct strings, a number for each symbol, 16 bytes and its text for each distinct
label, one list of postings at 12 bytes a series, and what the spools keep.
Source: prometheus tsdb/docs/format/index.md, and the order of sections in tsdb/index/index.go of 2.42.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import INDEX_MAGIC, INDEX_VERSION
from promontory.block.postings_spool import PostingsSpool
from promontory.block.series_spool import IndexedSeries, SeriesSpool
from promontory.errors import LimitError
from promontory.kernels.crc32c import crc32c
from promontory.kernels.index_write import (
    ENTRY_ROOM,
    LABEL_ROOM,
    LIST_ROOM,
    TABLE_ROOM,
    write_postings,
    write_postings_table,
    write_series,
    write_strings,
)

# Series refs are 32-bit numbers of 16-byte units.
MOST_INDEX_BYTES = 16 << 32
PART_BYTES = 4 << 20
# The key of the list of all series, which comes before those of all labels.
ALL_SERIES = -1

Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


def write_index(path: Path, series: SeriesSpool) -> int:
    """Write the index of a block; return the bytes of its largest series entry. Raises LimitError past 64 GiB."""
    postings = PostingsSpool(path.parent)
    with path.open("wb") as file, TemporaryFile(dir=path.parent) as lists, closing(postings):
        return _IndexFile(file, lists, series, postings).write_sections()


class _IndexFile:
    """One index being written: the file, its position, and how codes become numbers of symbols."""

    def __init__(self, file: IO[bytes], lists: IO[bytes], series: SeriesSpool, postings: PostingsSpool) -> None:
        self._file = file
        self._lists = lists
        self._series = series
        self._postings = postings
        self._position = 0
        self._codes, self._number = _number_symbols(series)
        self._strings = series.symbols.arrays()

    def write_sections(self) -> int:
        """Write all sections; return the bytes of the largest series entry."""
        self.write(struct.pack(">IB", INDEX_MAGIC, INDEX_VERSION))
        symbols = self._position
        self._write_symbols()
        series = self._position
        largest = max((self._write_series(window) for window in self._series.read()), default=0)
        label_indices = self._position
        key, offsets = self._write_lists()
        label_offsets = self._write_label_indices(key)
        postings = self._position
        self._align(4)
        offsets += self._position
        self._copy_lists()
        label_table = self._position
        self._write_label_table(label_offsets)
        postings_table = self._position
        self._write_postings_table(key, offsets)
        toc = struct.pack(">6Q", symbols, series, label_indices, label_table, postings, postings_table)
        self.write(toc + _crc_of(toc))
        return largest

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes at the end."""
        self._file.write(data)
        self._position += len(data)

    def _align(self, size_bytes: int) -> None:
        self.write(bytes(-self._position % size_bytes))

    def _write_framed(self, content: bytes) -> None:
        self.write(struct.pack(">I", len(content)))
        self.write(content)
        self.write(_crc_of(content))

    def _write_symbols(self) -> None:
        blob, start = self._strings
        out = np.empty(int((start[self._codes + 1] - start[self._codes] + LABEL_ROOM).sum()), np.uint8)
        end = write_strings(blob, start, self._codes, out)
        self._write_framed(struct.pack(">I", len(self._codes)) + out[:end].tobytes())

    def _write_series(self, series: IndexedSeries) -> int:
        """Write the entries of some series and note their refs; return the bytes of the largest."""
        labels, entry_start = series.labels, series.entry_start
        name, value = self._number[labels.name], self._number[labels.value]
        ref = np.empty(len(labels), np.int64)
        largest = 0
        room = np.cumsum(np.diff(labels.row_start) * LABEL_ROOM + np.diff(entry_start) + ENTRY_ROOM)
        for first, last in _split(room):
            out = np.empty(int(room[last - 1] - (room[first - 1] if first else 0)), np.uint8)
            end, found = write_series(
                labels.row_start, name, value, series.entries, entry_start, first, last, self._position, out, ref
            )
            self.write(out[:end].data)
            largest = max(largest, found)
            if self._position >= MOST_INDEX_BYTES:
                raise LimitError("an index can hold at most 64 GiB of series; write the series to several blocks")
        refs = ref.astype(np.uint32)
        self._postings.append(np.full(len(refs), ALL_SERIES), refs)
        self._postings.append(name.astype(np.int64) << 32 | value, np.repeat(refs, np.diff(labels.row_start)))
        return largest

    def _write_lists(self) -> tuple[Offsets, Offsets]:
        """Write all postings lists to a file of their own; return (key, offset in the file) of each, keys rising."""
        keys, offsets, position = [], [], 0
        for key, list_start, ref in self._postings.read():
            out = np.empty(4 * len(ref) + LIST_ROOM * len(key), np.uint8)
            offset = np.empty(len(key), np.int64)
            end = write_postings(list_start, ref.astype(np.int64), position, out, offset)
            self._lists.write(out[:end].data)
            keys.append(key)
            offsets.append(offset)
            position += end
        return np.concatenate(keys), np.concatenate(offsets)

    def _copy_lists(self) -> None:
        self._lists.seek(0)
        while data := self._lists.read(PART_BYTES):
            self.write(data)

    def _write_label_indices(self, key: Offsets) -> list[tuple[int, int]]:
        """Write the values of each label name; return (number of the name, offset) of each."""
        key = key[key != ALL_SERIES]
        names, first = np.unique(key >> 32, return_index=True)
        values = (key & 0xFFFFFFFF).astype(">u4")
        offsets = []
        for name, start, end in zip(names, first, [*first[1:], len(values)], strict=True):
            self._align(4)
            offsets.append((int(name), self._position))
            self._write_framed(struct.pack(">II", 1, end - start) + values[start:end].tobytes())
        return offsets

    def _write_label_table(self, offsets: list[tuple[int, int]]) -> None:
        symbols = self._series.symbols
        entries = bytearray(struct.pack(">I", len(offsets)))
        for number, offset in offsets:
            name = symbols.text(int(self._codes[number]))
            entries += b"\x01" + _uvarint(len(name)) + name + _uvarint(offset)
        self._write_framed(bytes(entries))

    def _write_postings_table(self, key: Offsets, offsets: Offsets) -> None:
        blob, start = self._strings
        label = np.maximum(key, 0)  # all series are filed under the first symbol, the empty one
        name, value = self._codes[label >> 32], self._codes[label & 0xFFFFFFFF]
        text_bytes = start[name + 1] - start[name] + start[value + 1] - start[value]
        out = np.empty(int(text_bytes.sum()) + TABLE_ROOM * 2 * len(name), np.uint8)
        end = write_postings_table(blob, start, name, value, offsets, out)
        self._write_framed(struct.pack(">I", len(name)) + out[:end].tobytes())


def _number_symbols(series: SeriesSpool) -> tuple[Codes, Codes]:
    """Return (codes int32[s] in byte order, number int32[…] of each code).

    The empty string is always the first symbol: Prometheus' list of all series is filed under it.
    """
    codes = series.used_codes()
    rank = series.symbols.ranks(codes)
    ordered = np.empty_like(codes)
    ordered[rank] = codes
    number = np.zeros(int(codes[-1]) + 1, np.int32)
    number[codes] = rank
    return ordered, number


def _split(room: Offsets) -> Iterator[tuple[int, int]]:
    """Yield spans of rows [first, last) of about PART_BYTES, given the running sum of their bytes."""
    first = 0
    while first < len(room):
        before = int(room[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(room, before + PART_BYTES, side="right")))
        yield first, last
        first = last


def _crc_of(data: bytes) -> bytes:
    return struct.pack(">I", int(crc32c(np.frombuffer(data, np.uint8), 0, len(data))))


def _uvarint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
