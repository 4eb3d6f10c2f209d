"""Index v2, written: byte for byte what Prometheus 2.42 writes for the same labels and chunks.

    BE32 0xBAAAD700 | 1 byte version 2 | symbols | series | label indices | postings |
    label offset table | postings offset table | TOC

The two label sections serve no reader any more; they are there because 2.42 writes them. All sections are made from
columns in kernels; of the sections only the series, by far the largest, are written in parts.
Source: prometheus tsdb/docs/format/index.md, and the order of sections in tsdb/index/index.go of 2.42.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import INDEX_MAGIC, INDEX_VERSION
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
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import EMPTY

# Series refs are 32-bit numbers of 16-byte units.
MOST_INDEX_BYTES = 16 << 32
PART_BYTES = 4 << 20

Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class IndexedSeries:
    """n series in order: labels, and entries[entry_start[r] : entry_start[r + 1]], the chunks part of each entry."""

    labels: LabelRows
    entries: NDArray[np.uint8]
    entry_start: Offsets


def write_index(path: Path, series: IndexedSeries) -> int:
    """Write the index of a block; return the bytes of its largest series entry. Raises LimitError past 64 GiB."""
    with path.open("wb") as file:
        index = _IndexFile(file, series)
        index.write(struct.pack(">IB", INDEX_MAGIC, INDEX_VERSION))
        return index.write_sections()


class _IndexFile:
    """One index being written: the file, its position, and the columns of the postings."""

    def __init__(self, file: BinaryIO, series: IndexedSeries) -> None:
        self._file = file
        self._series = series
        self._position = 0
        labels = series.labels
        self._strings = labels.symbols.arrays()
        self._codes, name, value = _number_symbols(labels)
        self._name, self._value = name, value
        row = np.repeat(np.arange(len(labels)), np.diff(labels.row_start))
        # Rows rise within a list because the sort is stable; the list of all series comes first.
        key = name.astype(np.int64) << 32 | value
        order = np.argsort(key, kind="stable")
        key = key[order]
        list_start = np.flatnonzero(np.diff(key, prepend=-1))
        self._key = key[list_start]
        self._list_start = np.concatenate([[0], list_start + len(labels), [len(row) + len(labels)]])
        self._row = np.concatenate([np.arange(len(labels)), row[order]])

    def write_sections(self) -> int:
        """Write all sections; return the bytes of the largest series entry."""
        symbols = self._position
        self._write_symbols()
        series = self._position
        ref, largest = self._write_series()
        label_indices = self._position
        label_offsets = self._write_label_indices()
        postings = self._position
        postings_offsets = self._write_postings(ref)
        label_table = self._position
        self._write_label_table(label_offsets)
        postings_table = self._position
        self._write_postings_table(postings_offsets)
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

    def _write_series(self) -> tuple[Offsets, int]:
        labels, entry_start = self._series.labels, self._series.entry_start
        ref = np.empty(len(labels), np.int64)
        largest = 0
        room = np.cumsum(np.diff(labels.row_start) * LABEL_ROOM + np.diff(entry_start) + ENTRY_ROOM)
        for first, last in _split(room):
            out = np.empty(int(room[last - 1] - (room[first - 1] if first else 0)), np.uint8)
            end, found = write_series(
                labels.row_start, self._name, self._value, self._series.entries, entry_start,
                first, last, self._position, out, ref,
            )  # fmt: skip
            self.write(out[:end].data)
            largest = max(largest, found)
            if self._position >= MOST_INDEX_BYTES:
                raise LimitError("an index can hold at most 64 GiB of series; write the series to several blocks")
        return ref, largest

    def _write_label_indices(self) -> list[tuple[int, int]]:
        """Write the values of each label name; return (number of the name, offset) of each."""
        names, first = np.unique(self._key >> 32, return_index=True)
        values = (self._key & 0xFFFFFFFF).astype(">u4")
        offsets = []
        for name, start, end in zip(names, first, [*first[1:], len(values)], strict=True):
            self._align(4)
            offsets.append((int(name), self._position))
            self._write_framed(struct.pack(">II", 1, end - start) + values[start:end].tobytes())
        return offsets

    def _write_label_table(self, offsets: list[tuple[int, int]]) -> None:
        symbols = self._series.labels.symbols
        entries = bytearray(struct.pack(">I", len(offsets)))
        for number, offset in offsets:
            name = symbols.text(int(self._codes[number]))
            entries += b"\x01" + _uvarint(len(name)) + name + _uvarint(offset)
        self._write_framed(bytes(entries))

    def _write_postings(self, ref: Offsets) -> Offsets:
        self._align(4)
        out = np.empty(4 * len(self._row) + LIST_ROOM * len(self._list_start), np.uint8)
        offsets = np.empty(len(self._list_start) - 1, np.int64)
        end = write_postings(self._list_start, ref[self._row], self._position, out, offsets)
        self.write(out[:end].data)
        return offsets

    def _write_postings_table(self, offsets: Offsets) -> None:
        blob, start = self._strings
        name = np.concatenate([[EMPTY], self._codes[self._key >> 32]]).astype(np.int32)
        value = np.concatenate([[EMPTY], self._codes[self._key & 0xFFFFFFFF]]).astype(np.int32)
        text_bytes = start[name + 1] - start[name] + start[value + 1] - start[value]
        out = np.empty(int(text_bytes.sum()) + TABLE_ROOM * 2 * len(name), np.uint8)
        end = write_postings_table(blob, start, name, value, offsets, out)
        self._write_framed(struct.pack(">I", len(name)) + out[:end].tobytes())


def _number_symbols(labels: LabelRows) -> tuple[Codes, Codes, Codes]:
    """Return (codes int32[s] in byte order, number of each pair's name, number of each pair's value).

    The empty string is always the first symbol: Prometheus' list of all series is filed under it.
    """
    used = np.zeros(len(labels.symbols), np.bool_)
    used[EMPTY] = True
    used[labels.name] = True
    used[labels.value] = True
    codes = np.flatnonzero(used).astype(np.int32)
    rank = labels.symbols.ranks(codes)
    ordered = np.empty_like(codes)
    ordered[rank] = codes
    number = np.zeros(len(used), np.int32)
    number[codes] = rank
    return ordered, number[labels.name], number[labels.value]


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
