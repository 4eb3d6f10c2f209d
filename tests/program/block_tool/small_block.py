"""A small block for the tests of `promontory block`, and its files held in memory so that they can be broken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import IndexToc, parse_toc
from promontory.block.tombstones import TOMBSTONES_MAGIC
from promontory.block.writer import BlockWriter
from promontory.block_check.files import open_files
from promontory.block_check.index_view import IndexView
from promontory.block_check.verify import Report, verify
from promontory.bucket.filesystem import FilesystemBucket
from promontory.chunk.encode import encode_series
from promontory.kernels.crc32c import crc32c
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
START_MS, STEP_MS = 1_700_000_000_000, 15_000
SERIES, COUNT, PER_CHUNK = 6, 30, 10


def write_small_block(folder: Path) -> Path:
    """Write six series of three chunks of ten samples; the last series begins late. Return the block's directory."""
    symbols = SymbolTable()
    labels = [
        Labels.from_mapping({"__name__": "up", "job": f"job{row % 2}", "pod": f"p{row}"}) for row in range(SERIES)
    ]
    rows = LabelRows.from_labels(sorted(labels), symbols)
    times = START_MS + np.arange(COUNT) * STEP_MS + np.arange(SERIES)[:, None]
    times[-1] += 3_600_000
    values = np.arange(SERIES * COUNT, dtype=np.float64) / 4
    encoded = encode_series(
        np.arange(SERIES + 1, dtype=np.int64) * COUNT, times.ravel(), values, samples_per_chunk=PER_CHUNK
    )
    with BlockWriter(folder, ulid=ULID, symbols=symbols, durable=False) as writer:
        writer.add(rows, encoded.columns(), [encoded.data])
        writer.finish()
    return folder / ULID


@dataclass
class BrokenBlock:
    """A block's directory whose files are changed one after the other."""

    directory: Path

    def change(self, path: str, edit: Callable[[bytearray], object]) -> None:
        """Edit the bytes of a file."""
        data = bytearray((self.directory / path).read_bytes())
        edit(data)
        (self.directory / path).write_bytes(data)

    def change_text(self, path: str, before: str, after: str) -> None:
        """Replace a text that stands once in a file."""
        text = (self.directory / path).read_text()
        assert text.count(before) == 1
        (self.directory / path).write_text(text.replace(before, after))

    @property
    def index(self) -> NDArray[np.uint8]:
        """The bytes of the index."""
        return np.frombuffer((self.directory / "index").read_bytes(), np.uint8)

    @property
    def toc(self) -> IndexToc:
        """The offsets of the index's sections."""
        index = self.index
        return parse_toc(index[-52:], index_bytes=len(index), source="index")

    def entry(self, row: int) -> int:
        """Return the offset of the entry of a series."""
        return int(IndexView(self.index, self.toc, source="index").read_all_refs()[row]) * 16

    def list_of(self, name: bytes, value: bytes) -> int:
        """Return the offset of a postings list."""
        span = IndexView(self.index, self.toc, source="index").header.find_list(name, value)
        assert span is not None
        return span[0]

    def change_entry(self, row: int, edit: Callable[[bytearray], object]) -> None:
        """Edit the content of a series entry of less than 128 bytes and make its CRC fit again."""
        start = self.entry(row)

        def change(data: bytearray) -> None:
            content = bytearray(data[start + 1 : start + 1 + data[start]])
            size = len(content)
            edit(content)
            assert len(content) == size
            data[start + 1 : start + 1 + size] = content
            data[start + 1 + size : start + 5 + size] = seal(content)

        self.change("index", change)

    def change_list(self, name: bytes, value: bytes, refs: list[int]) -> None:
        """Put as many other refs into a postings list and make its CRC fit again."""
        start = self.list_of(name, value)
        content = struct.pack(f">I{len(refs)}I", len(refs), *refs)

        def change(data: bytearray) -> None:
            assert data[start : start + 8] == struct.pack(">II", len(content), len(refs))
            data[start + 4 : start + 8 + len(content)] = content + seal(content)

        self.change("index", change)

    def change_record(self, offset: int, edit: Callable[[bytearray], object]) -> None:
        """Edit the payload of a chunk record of less than 16 KiB and make its CRC fit again."""

        def change(data: bytearray) -> None:
            size, head = data[offset] & 127, 1
            if data[offset] > 127:
                size, head = size | data[offset + 1] << 7, 2
            start = offset + head + 1
            payload = bytearray(data[start : start + size])
            edit(payload)
            data[start : start + size + 4] = payload + seal(bytes(data[start - 1 : start]) + payload)

        self.change("chunks/000001", change)

    def verify(self, *, limit: int = 100) -> Report:
        """Return what is found in the block now."""
        with open_files(FilesystemBucket(self.directory.parent), self.directory.name) as files:
            return verify(files, limit=limit, workers=2)

    def faults(self) -> list[str]:
        """Return the faults as they are printed."""
        return list(map(str, self.verify().faults.kept))


def seal(content: bytes | bytearray) -> bytes:
    """Return the CRC of some bytes."""
    return struct.pack(">I", int(crc32c(np.frombuffer(bytes(content), np.uint8), 0, len(content))))


def tombstones(entries: bytes) -> bytes:
    """Return a file of tombstones."""
    return struct.pack(">IB", TOMBSTONES_MAGIC, 1) + entries + seal(entries)
