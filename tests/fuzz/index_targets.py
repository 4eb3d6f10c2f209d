"""Targets: the sections of an index, index headers and tombstones.

What a checksum guards is given behind a right one: the input is the content, and the target frames it.
"""

from __future__ import annotations

import functools
import struct

import numpy as np

from promontory.block.index_header import ALL_POSTINGS, IndexHeader, build_header
from promontory.block.index_layout import TOC_BYTES, parse_toc
from promontory.block.meta import BlockMeta
from promontory.block.postings import read_postings
from promontory.block.series import SeriesRows, check_entries, read_series_rows
from promontory.block.tombstones import NO_TOMBSTONES, TOMBSTONES_MAGIC, TOMBSTONES_VERSION, parse_tombstones
from promontory.bucket.memory import MemoryBucket
from promontory.kernels.crc32c import crc32c
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.block_index import BlockIndex
from promontory.store.block_series import BlockParts, BlockSeries
from promontory.store.chunk_windows import plan_windows
from promontory.store.deletions import find_cover
from promontory.store.header_files import HeaderFile
from promontory.store.merged_series import MergedSeries, SeriesMerger
from promontory.testing.still_clock import StillClock
from tests.fuzz.outcome import SOURCE

SYMBOLS = [b"", *(f"s{number:02}".encode() for number in range(40)), b"\xff\xfe"]
TABLE = [(b"", b"", 5), (b"a", b"x", 25), (b"a", b"y", 45), (b"b", b"x", 65)]
INDEX_BYTES = 4096
ALIVE = np.ones(1, np.uint8)


def check_symbols(data: bytes) -> object:
    """Open a header whose symbol table has this content."""
    return _use(_header_file(symbols=data, table=_table(TABLE)))


def check_postings_table(data: bytes) -> object:
    """Open a header whose postings table has this content."""
    return _use(_header_file(symbols=_symbols(SYMBOLS), table=data))


def check_header(data: bytes) -> object:
    """Open a header file of these bytes; an even last byte makes the checksum of its own TOC fit."""
    if len(data) > 20 and data[-1] % 2 == 0:
        data = data[:-4] + _crc(data[-20:-4])
    return _use(data)


def check_toc(data: bytes) -> object:
    """Read a TOC of these offsets, its checksum right."""
    size = int.from_bytes(data[48:56], "big") if len(data) > 48 else INDEX_BYTES
    offsets = data[:48]
    toc = parse_toc(np.frombuffer(offsets + _crc(offsets), np.uint8), index_bytes=size, source=SOURCE)
    assert 5 <= toc.symbols < toc.series <= toc.series_end <= size - TOC_BYTES
    assert toc.postings < toc.postings_end <= size - TOC_BYTES
    return toc, toc.series_end, toc.postings_end


def check_series(data: bytes) -> object:
    """Read one entry of this content behind another, and the entry cut at each of its last bytes."""
    header = _good_header()
    content = _entry([(2, 3)], [(0, 10, 8)])
    entry = uvarint(len(data)) + data + _crc(data)
    body = np.frombuffer(content + bytes(-len(content) % 16) + entry, np.uint8)
    position = np.array([0, len(body) - len(entry)])
    found: list[object] = []
    for time_range in (ALL_TIME, TimeRange(3, 1_000)):
        for limit in (len(body), len(body) - 1):
            limits = np.array([position[1], limit])
            entries = check_entries(body, position, limits)
            found.append(entries.find_cut())
            rows, error = read_series_rows(
                entries, np.array([0, 7], np.uint32),
                header=header, symbols=SymbolTable(), time_range=time_range, source=SOURCE,
            )  # fmt: skip
            chunks = rows.read_chunks(0, len(rows))
            assert len(rows)
            assert rows.labels.labels(0).pairs
            assert np.all(rows.labels.name != 0), "a label without a name"
            assert np.all(rows.labels.value != 0), "a label without a value"
            assert np.all(chunks.min_ms <= chunks.max_ms)
            assert error is None or SOURCE in str(error)
            windows = [window.chosen for window in plan_windows(_merge(rows), ALIVE, window_bytes=50)]
            assert sum(map(len, windows)) == len(chunks)
            found += [rows, chunks, str(error), windows]
    return found


def _merge(rows: SeriesRows) -> MergedSeries:
    index = BlockIndex(SOURCE, HeaderFile(MemoryBucket(StillClock()), SOURCE, b""), gap_bytes=0)
    parts = BlockParts(BlockMeta(SOURCE, 0, 1), index, {}, NO_TOMBSTONES, record_bytes=100)
    merger = SeriesMerger(rows.labels.symbols)
    return merger.merge([merger.add(BlockSeries(parts, rows, np.zeros(len(rows), np.int32)))])


def check_postings(data: bytes) -> object:
    """Read one list of this content, twice, and the list cut short."""
    section = len(data).to_bytes(4, "big") + data + _crc(data)
    body = np.frombuffer(section, np.uint8)
    start = np.zeros(1, np.int64)
    refs = read_postings(body, start, origin=100, source=SOURCE)
    assert np.all(refs[1:] > refs[:-1])
    return refs


def check_tombstones(data: bytes) -> object:
    """Read tombstones of this content, and find what they cover."""
    body = struct.pack(">IB", TOMBSTONES_MAGIC, TOMBSTONES_VERSION) + data + _crc(data)
    found = parse_tombstones(body, source=SOURCE)
    assert np.all(found.min_ms <= found.max_ms)
    edges = np.unique(np.concatenate([found.min_ms, found.max_ms, [0]]))
    ref = np.repeat(np.append(found.series_ref[:2], 7), len(edges))
    low = np.tile(edges, len(ref) // len(edges))
    return found, find_cover(low, low, ref, found.united())


def symbol_seeds() -> list[bytes]:
    """Return contents of symbol tables."""
    return [_symbols(SYMBOLS), _symbols([]), _symbols([b"", b"a", b"a" * 200])]


def table_seeds() -> list[bytes]:
    """Return contents of postings tables."""
    many = [(b"", b"", 5), *((b"n%02d" % (i // 20), b"v%02d" % (i % 20), 20 + i) for i in range(70))]
    return [_table(TABLE), _table(many), _table([])]


def header_seeds() -> list[bytes]:
    """Return whole header files."""
    return [_header_file(symbols=_symbols(SYMBOLS[:4]), table=_table(TABLE))]


def toc_seeds() -> list[bytes]:
    """Return offsets of sections with an index size behind them."""
    return [struct.pack(">7Q", 5, 100, 200, 250, 220, 300, 400), struct.pack(">6Q", 5, 100, 0, 0, 200, 300)]


def series_seeds() -> list[bytes]:
    """Return contents of series entries."""
    entries = [
        ([(2, 3), (4, 5)], [(-50, 10, 8), (11, 20, 1 << 32), (20, 4_000, 90)]),
        ([], [(5, 5, 8)]),
        ([(1, 0), (2, 1)], [(0, 1, 8)]),
        ([(0, 1)], [(0, 1, 8)]),
        ([(3, 4)], []),
    ]
    return [entry_content(*one) for one in entries]


def postings_seeds() -> list[bytes]:
    """Return contents of postings lists."""
    return [struct.pack(f">I{len(refs)}I", len(refs), *refs) for refs in ([], [1], [1, 2, 300, 2**32 - 1])]


def tombstone_seeds() -> list[bytes]:
    """Return entries of tombstones."""
    rows = [(7, -5, 5), (7, 100, 200), (3, 2**40, 2**41)]
    return [b"", b"".join(uvarint(ref) + signed_varint(low) + signed_varint(high) for ref, low, high in rows)]


def _use(data: bytes) -> object:
    header = IndexHeader(np.frombuffer(data, np.uint8), source=SOURCE)
    symbols = SymbolTable()
    refs = np.arange(header.symbol_count)
    codes = [header.intern(refs, symbols), header.intern(refs[-1:], symbols), header.intern(refs[::40], symbols)]
    found: list[object] = [symbols, codes, header.toc, header.resident_bytes]
    for name in [ALL_POSTINGS, *header.label_names(), b"no such name"]:
        table = header.read_values(name)
        values = table.values()
        assert values == sorted(values)
        assert table.arrow().to_pylist() == values
        assert np.all((table.list_start >= 0) & (table.list_start < table.list_end))
        assert np.all(table.list_end <= header.toc.postings_end)
        lists = [header.find_list(name, value) for value in values]
        assert lists == list(zip(table.list_start.tolist(), table.list_end.tolist(), strict=True))
        assert header.find_list(name, b"no such value\xff") is None or b"no such value\xff" in values
        found += [name, values, lists]
    return found


def _header_file(*, symbols: bytes, table: bytes) -> bytes:
    framed = [len(content).to_bytes(4, "big") + content + _crc(content) for content in (symbols, table)]
    series = 5 + len(framed[0])
    offsets = struct.pack(">6Q", 5, series, 0, 0, series + 10, INDEX_BYTES)
    toc = offsets + _crc(offsets)
    parsed = parse_toc(
        np.frombuffer(toc, np.uint8), index_bytes=INDEX_BYTES + len(framed[1]) + len(toc), source=SOURCE
    )  # fmt: skip
    return build_header(parsed, symbols=framed[0], tail=framed[1] + toc)


@functools.cache
def _good_header() -> IndexHeader:
    body = _header_file(symbols=_symbols(SYMBOLS), table=_table(TABLE))
    return IndexHeader(np.frombuffer(body, np.uint8), source=SOURCE)


def _symbols(texts: list[bytes]) -> bytes:
    return len(texts).to_bytes(4, "big") + b"".join(uvarint(len(text)) + text for text in texts)


def _table(rows: list[tuple[bytes, bytes, int]]) -> bytes:
    entries = (
        b"\x02" + uvarint(len(name)) + name + uvarint(len(value)) + value + uvarint(offset)
        for name, value, offset in rows
    )
    return len(rows).to_bytes(4, "big") + b"".join(entries)


def _entry(pairs: list[tuple[int, int]], chunks: list[tuple[int, int, int]]) -> bytes:
    content = entry_content(pairs, chunks)
    return uvarint(len(content)) + content + _crc(content)


def entry_content(pairs: list[tuple[int, int]], chunks: list[tuple[int, int, int]]) -> bytes:
    """Return labels and chunks (min, max, ref) as the content of a series entry; out of order, steps wrap round."""
    content = uvarint(len(pairs)) + b"".join(uvarint(name) + uvarint(value) for name, value in pairs)
    content += uvarint(len(chunks))
    before = (0, 0)
    for number, (low, high, ref) in enumerate(chunks):
        if number == 0:
            content += signed_varint(low) + uvarint(high - low) + uvarint(ref)
        else:
            content += uvarint((low - before[0]) % 2**64) + uvarint(high - low) + signed_varint(ref - before[1])
        before = (high, ref)
    return content


def _crc(content: bytes) -> bytes:
    return int(crc32c(np.frombuffer(content, np.uint8), 0, len(content))).to_bytes(4, "big")


def uvarint(number: int) -> bytes:
    """Return an unsigned number as a varint."""
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def signed_varint(number: int) -> bytes:
    """Return a signed number as a varint."""
    return uvarint(number << 1 if number >= 0 else ~(number << 1))
