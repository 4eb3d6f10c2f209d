"""LocalBlock: a block in a directory, opened for reading its series from the first to the last.

    index      its frame and its symbols at opening; series entries in pieces, as they are wanted
    chunks     one descriptor a segment; records are read at their places

Files are read, not mapped: pages of a mapped file would count as memory of the process, as much as the block is large.
Of the block only the codes of its symbols stay in memory, four bytes each.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import INDEX_HEAD_BYTES, TOC_BYTES, check_head, check_section, parse_toc
from promontory.block.meta import CHUNKS_DIRECTORY, INDEX_FILE, META_FILE, BlockMeta, parse_meta
from promontory.block.segments import SEGMENT_HEAD, segment_path
from promontory.block.tombstones import NO_TOMBSTONES, TOMBSTONES_FILE, Tombstones, parse_tombstones
from promontory.errors import CorruptionError
from promontory.kernels.index import SAMPLED_EVERY, locate_symbols, scan_symbols
from promontory.model.symbols import SymbolTable

SYMBOLS_AT_ONCE = 1 << 16

Bytes = NDArray[np.uint8]
Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]


class LocalBlock:
    """An opened block; leaving the context closes its files. Raises CorruptionError where it is no whole block.

    meta, tombstones (united) · codes int32[s], the code in `symbols` of each symbol of the index
    """

    def __init__(self, directory: Path, symbols: SymbolTable) -> None:
        self._directory = directory
        self._opened = ExitStack()
        self.symbols = symbols
        self.meta: BlockMeta = parse_meta((directory / META_FILE).read_bytes(), source=self.path_of(META_FILE))
        with self._opened:
            self._index, self._index_bytes = self._open(INDEX_FILE)
            self._read_frame()
            self._open_segments()
            self.tombstones = self._read_tombstones()
            self._opened = self._opened.pop_all()

    def __enter__(self) -> LocalBlock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    @property
    def chunk_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(self.segment_bytes)

    def path_of(self, name: str) -> str:
        """Return how errors call a file of the block."""
        return f"{self._directory.name}/{name}"

    def read_index(self, start: int, end: int) -> Bytes:
        """Return bytes [start, end) of the index."""
        data = np.empty(end - start, np.uint8)
        self._fill(self._index, data, start, INDEX_FILE)
        return data

    def read_segment(self, number: int, start: int, out: Bytes) -> None:
        """Fill `out` with the bytes of a segment from `start` on; on any thread."""
        self._fill(self._segments[number], out, start, segment_path(number))

    def _open(self, name: str) -> tuple[int, int]:
        try:
            descriptor = os.open(self._directory / name, os.O_RDONLY)
        except FileNotFoundError as error:
            raise CorruptionError(
                name, source=self._directory.name, offset=0, expected="a file", found="none"
            ) from error
        self._opened.callback(os.close, descriptor)
        return descriptor, os.fstat(descriptor).st_size

    def _fill(self, descriptor: int, out: Bytes, start: int, name: str) -> None:
        view = out.data
        while len(view):
            count = os.preadv(descriptor, [view], start)
            if count <= 0:
                raise self._cut(name, start, f"{len(view)} more bytes", "the end")
            start += count
            view = view[count:]

    def _cut(self, name: str, offset: int, expected: str, found: str) -> CorruptionError:
        return CorruptionError("bytes", source=self.path_of(name), offset=offset, expected=expected, found=found)

    def _read_frame(self) -> None:
        source, size = self.path_of(INDEX_FILE), self._index_bytes
        check_head(self.read_index(0, min(INDEX_HEAD_BYTES, size)), source=source)
        self.toc = parse_toc(self.read_index(max(size - TOC_BYTES, 0), size), index_bytes=size, source=source)
        origin, length = self.toc.symbols, self.toc.series - self.toc.symbols
        data = self.read_index(origin, self.toc.series)
        start, end = check_section(data, 0, end=length, what="symbols", source=source, origin=origin)
        self.codes = self._intern_symbols(data, start, end)

    def _intern_symbols(self, data: Bytes, start: int, end: int) -> Codes:
        count = int.from_bytes(data[start : start + 4].tobytes(), "big") if end - start >= 4 else -1
        broken = start
        if 0 <= count <= end - start:
            sampled = np.empty(-(-count // SAMPLED_EVERY), np.int64)
            broken = scan_symbols(data, start + 4, end, count, sampled)
        if broken >= 0:
            place, expected = self.toc.symbols + broken, "rising symbols that fill the section"
            raise CorruptionError(
                "symbols", source=self.path_of(INDEX_FILE), offset=place, expected=expected, found="others"
            )
        codes = np.empty(count, np.int32)
        for first in range(0, count, SYMBOLS_AT_ONCE):
            wanted = np.arange(first, min(first + SYMBOLS_AT_ONCE, count))
            low, high = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
            locate_symbols(data, end, count, sampled, wanted, low, high)
            codes[wanted] = self.symbols.intern_spans(data, low, high)
        return codes

    def _open_segments(self) -> None:
        folder = self._directory / CHUNKS_DIRECTORY
        count = len(list(folder.glob("[0-9]*"))) if folder.is_dir() else 0
        opened = [self._open(segment_path(number)) for number in range(count)]
        self._segments = [descriptor for descriptor, _ in opened]
        self.segment_bytes: Sequence[int] = [size for _, size in opened]
        head = np.empty(len(SEGMENT_HEAD), np.uint8)
        for number in range(count):
            self.read_segment(number, 0, head)
            if head.tobytes() != SEGMENT_HEAD:
                expected, source = SEGMENT_HEAD.hex(), self.path_of(segment_path(number))
                raise CorruptionError("head", source=source, offset=0, expected=expected, found=head.tobytes().hex())

    def _read_tombstones(self) -> Tombstones:
        path = self._directory / TOMBSTONES_FILE
        if not path.exists():
            return NO_TOMBSTONES
        found = parse_tombstones(path.read_bytes(), source=self.path_of(TOMBSTONES_FILE))
        return found.united() if len(found) else NO_TOMBSTONES
