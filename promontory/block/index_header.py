"""Index header: the parts of a block's index that every query needs, kept on local disk, memory-mapped.

    BE32 0xBAAAD792 | 1 byte version 1 | 1 byte index version 2 | BE64 offset of the postings table in the index
    symbols section        the index's bytes [TOC.symbols, TOC.series)
    postings table, TOC    the index's bytes [TOC.postings_table, end)
    own TOC (20 bytes)     BE64 offset here of: symbols, postings table | CRC32C of the two

`read_frame` checks the frame alone, without kernels, so that an idle service stays small. Opening verifies every
checksum; positions of one symbol and one table entry in 32 stay in
memory. Source: thanos pkg/block/indexheader/binary_reader.go; layout in docs/formats/index-header.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from promontory.block.index_layout import (
    CRC_BYTES,
    INDEX_VERSION,
    TOC_BYTES,
    IndexToc,
    check_section,
    checksum_few,
    crc_error,
    parse_toc,
)
from promontory.errors import CorruptionError
from promontory.kernels.index import (
    SAMPLED_EVERY,
    find_value,
    locate_symbols,
    read_postings_table,
    scan_postings_table,
    scan_symbols,
)
from promontory.model.symbols import SymbolTable

if TYPE_CHECKING:
    import pyarrow as pa

HEADER_MAGIC = 0xBAAAD792
HEADER_VERSION = 1
_HEAD = struct.Struct(">IBBQ")
_TOC = struct.Struct(">QQI")

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

ALL_POSTINGS = b""
"""The name (and value) under which the list of all series stands."""


@dataclass(frozen=True, slots=True)
class ValueTable:
    """The values of one label in byte order, and the bytes [list_start, list_end) of their lists in the index.

    Value i is data[value_start[i] : value_end[i]]. All int64[n].
    """

    data: Bytes
    value_start: Offsets
    value_end: Offsets
    list_start: Offsets
    list_end: Offsets

    def arrow(self) -> pa.LargeBinaryArray:
        """Return the values as an Arrow array, for Matcher.select."""
        import pyarrow as pa

        length = self.value_end - self.value_start
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        place = np.arange(offsets[-1]) + np.repeat(self.value_start - offsets[:-1], length)
        blob = pa.py_buffer(self.data[place])
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(length), [None, pa.py_buffer(offsets), blob])

    def values(self) -> list[bytes]:
        """Return the values; for answers of label_values."""
        return [self.data[start:end].tobytes() for start, end in zip(self.value_start, self.value_end, strict=True)]


@dataclass(frozen=True, slots=True)
class _NameEntries:
    first: int
    count: int
    position: int


@dataclass(frozen=True, slots=True)
class HeaderFrame:
    """Where the sections of a header file begin, and the index's own TOC."""

    symbols: int
    table: int
    toc: IndexToc


class IndexHeader:
    """An opened header. `data` holds the file and stays mapped as long as this lives.

    Raises CorruptionError where any part of the file does not fit its checksum or its format.
    """

    def __init__(self, data: Bytes, *, source: str) -> None:
        self._data = data
        self._source = source
        frame = read_frame(data, source=source)
        self.toc = frame.toc
        self._scan_symbols(frame.symbols, frame.table)
        self._scan_table(frame.table)

    @property
    def resident_bytes(self) -> int:
        """Bytes held beside the mapped file."""
        return self._symbol_sample.nbytes + self._entry_sample.nbytes + 200 * len(self._names)

    def label_names(self) -> list[bytes]:
        """Return the label names of the block, in byte order."""
        return [name for name in self._names if name != ALL_POSTINGS]

    def read_values(self, name: bytes) -> ValueTable:
        """Return the values of a label with their lists; none where the block does not have the label."""
        entries = self._names.get(name, _NameEntries(first=0, count=0, position=self._entries_end))
        return self._read_entries(entries.position, entries.count)

    def count_values(self, name: bytes) -> int:
        """Return how many values a label has."""
        return self._names[name].count if name in self._names else 0

    def find_list(self, name: bytes, value: bytes) -> tuple[int, int] | None:
        """Return the bytes [start, end) in the index of one label value's postings list, None where it has none."""
        entries = self._names.get(name)
        if entries is None:
            return None
        position = find_value(
            self._data, self._entries_end, self.toc.postings_end, self._entry_sample,
            entries.first, entries.count, entries.position, np.frombuffer(value, np.uint8), _scratch(),
        )  # fmt: skip
        if position < 0:
            return None
        entry = self._read_entries(position, 1)
        return int(entry.list_start[0]), int(entry.list_end[0])

    def intern(self, refs: NDArray[np.int64], symbols: SymbolTable) -> NDArray[np.int32]:
        """Return int32[n]: the codes in `symbols` of the index's symbols `refs`, all below `symbol_count`."""
        if 16 * len(refs) < self.symbol_count:
            wanted, inverse = np.unique(refs, return_inverse=True)
            return self._intern_distinct(wanted, symbols)[inverse]
        seen = np.zeros(self.symbol_count, np.bool_)
        seen[refs] = True
        wanted = np.flatnonzero(seen)
        codes = np.empty(self.symbol_count, np.int32)
        codes[wanted] = self._intern_distinct(wanted, symbols)
        return codes[refs]

    def _read_entries(self, position: int, count: int) -> ValueTable:
        value_start, value_end = np.empty(count, np.int64), np.empty(count, np.int64)
        list_start, list_end = np.empty(count, np.int64), np.empty(count, np.int64)
        read_postings_table(
            self._data, position, self._entries_end, self.toc.postings_end,
            value_start, value_end, list_start, list_end, _scratch(),
        )  # fmt: skip
        return ValueTable(self._data, value_start, value_end, list_start, list_end)

    def _intern_distinct(self, wanted: NDArray[np.int64], symbols: SymbolTable) -> NDArray[np.int32]:
        start, end = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
        missing = locate_symbols(
            self._data, self._symbols_end, self.symbol_count, self._symbol_sample, wanted, start, end
        )
        assert missing < 0, f"symbol {wanted[missing]} of {self.symbol_count}"
        return symbols.intern_spans(self._data, start, end)

    def _scan_symbols(self, start: int, end: int) -> None:
        source = self._source
        content, content_end = check_section(self._data, start, end=end, what="symbols", source=source, origin=0)
        self.symbol_count = self._read_count("symbols", content, content_end, bytes_each=1)
        self.has_empty_symbol = self.symbol_count > 0 and self._data[content + 4] == 0
        self._symbols_end = content_end
        self._symbol_sample = np.empty(-(-self.symbol_count // SAMPLED_EVERY), np.int64)
        broken = scan_symbols(self._data, content + 4, content_end, self.symbol_count, self._symbol_sample)
        if broken >= 0:
            raise self._broken("symbols", broken, "rising symbols that fill the section", "another entry")

    def _scan_table(self, start: int) -> None:
        data, source = self._data, self._source
        end = len(data) - _TOC.size - TOC_BYTES
        content, content_end = check_section(data, start, end=end, what="postings table", source=source, origin=0)
        count = self._read_count("postings table", content, content_end, bytes_each=4)
        self._entries_end = content_end
        self._entry_sample = np.empty(-(-count // SAMPLED_EVERY), np.int64)
        names = np.empty((count, 4), np.int64)
        found, broken = scan_postings_table(
            data,
            content + 4,
            content_end,
            count,
            self.toc.postings_end,
            self._entry_sample,
            names,
            _scratch(),
            _scratch(),
        )
        if broken >= 0:
            raise self._broken("postings table", broken, "rising entries that fill the section", "another entry")
        ends = np.append(names[1:found, 2], count).tolist()[:found]
        self._names = {
            data[name_start:name_end].tobytes(): _NameEntries(first=first, count=last - first, position=position)
            for (name_start, name_end, first, position), last in zip(names[:found].tolist(), ends, strict=True)
        }

    def _read_count(self, what: str, content: int, content_end: int, *, bytes_each: int) -> int:
        room = content_end - content - 4
        count = int.from_bytes(self._data[content : content + 4].tobytes(), "big") if room >= 0 else -1
        if not 0 <= count * bytes_each <= room:
            raise self._broken(what, content, f"at most {room // bytes_each} entries", f"{count}")
        return count

    def _broken(self, what: str, offset: int, expected: str, found: str) -> CorruptionError:
        return CorruptionError(what, source=self._source, offset=offset, expected=expected, found=found)


def read_frame(data: Bytes, *, source: str) -> HeaderFrame:
    """Check all of a header file but its two sections. Raises CorruptionError; calls no kernel."""

    def broken(what: str, offset: int, expected: str, found: str) -> CorruptionError:
        return CorruptionError(what, source=source, offset=offset, expected=expected, found=found)

    size = len(data)
    if size < _HEAD.size + TOC_BYTES + _TOC.size:
        raise broken("size", 0, f"at least {_HEAD.size + TOC_BYTES + _TOC.size} bytes", f"{size}")
    magic, version, index_version, table_offset = _HEAD.unpack(data[: _HEAD.size].tobytes())
    if (magic, version, index_version) != (HEADER_MAGIC, HEADER_VERSION, INDEX_VERSION):
        expected = f"{HEADER_MAGIC:#x}, {HEADER_VERSION}, {INDEX_VERSION}"
        raise broken("magic and versions", 0, expected, f"{magic:#x}, {version}, {index_version}")
    end = size - _TOC.size
    symbols, table, stored = _TOC.unpack(data[end:].tobytes())
    computed = checksum_few(data[end : size - CRC_BYTES])
    if stored != computed:
        raise crc_error("header TOC", source=source, offset=end, stored=stored, computed=computed)
    if not _HEAD.size <= symbols <= table <= end - TOC_BYTES:
        raise broken("header TOC", end, "sections in order", f"{symbols}, {table}")
    toc = parse_toc(data[end - TOC_BYTES : end], index_bytes=table_offset + end - table, source=source)
    if toc.postings_table != table_offset:
        raise broken("postings table offset", 6, str(toc.postings_table), str(table_offset))
    return HeaderFrame(symbols, table, toc)


def build_header(toc: IndexToc, *, symbols: bytes, tail: bytes) -> bytes:
    """Return a header file from two ranges of the index: [toc.symbols, toc.series) and [toc.postings_table, end)."""
    head = _HEAD.pack(HEADER_MAGIC, HEADER_VERSION, INDEX_VERSION, toc.postings_table)
    offsets = struct.pack(">QQ", len(head), len(head) + len(symbols))
    checksum = checksum_few(np.frombuffer(offsets, np.uint8))
    return b"".join((head, symbols, tail, offsets, struct.pack(">I", checksum)))


def _scratch() -> Offsets:
    return np.zeros(5, np.int64)
