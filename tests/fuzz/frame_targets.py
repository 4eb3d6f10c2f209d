"""Target: Frames of hostile chunks, de-duplicated: lanes, overlaps, and aggregates of downsampled blocks.

input   ( control byte, length byte, payload )*     control: row 1 bit | source 2 | encoding 3 | range 2
"""

from __future__ import annotations

import numpy as np

from promontory.chunk.aggregate_parts import split_chunks
from promontory.model.frame import Aggregate, ChunkColumns, Encoding, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.dedup import decode_frame
from tests.fuzz.chunk_targets import aggregate_seeds, payloads

ENCODINGS = [*Encoding, Encoding.XOR]
ROWS, SOURCES = 2, (b"", b'replica="a"', b'replica="b"', b'replica="c"')
RANGES_MS = [(0, 10_000), (5_000, 20_000), (-(2**63), 2**63 - 1), (20_000, 30_000)]
MOST_CHUNKS = 8
ASKED = [(Aggregate.RAW,), (Aggregate.COUNT, Aggregate.SUM), (Aggregate.COUNTER,), (Aggregate.MAX,)]


def check_frame(data: bytes) -> object:
    """Decode a Frame as each query may; the times of a row rise, and no sample is made up."""
    symbols = SymbolTable()
    chunks = _read_chunks(data, symbols)
    buffer = np.frombuffer(data, np.uint8)
    labels = LabelRows.from_labels([Labels.from_mapping({"row": str(row)}) for row in range(ROWS)], symbols)
    found = []
    for asked in ASKED:
        split, unserved = split_chunks(chunks, (buffer,), asked)
        for penalty in (False, True):
            stop = np.zeros(1, np.uint8)
            frame = Frame(labels, split, (buffer,))
            decoded = decode_frame(frame, ALL_TIME, penalty=penalty, stop=stop, aggregates=asked)
            samples = decoded.samples
            assert np.all(np.diff(samples.row_start) > 0), "a row without samples"
            for row in range(len(samples.labels)):
                times = samples.timestamps_ms[samples.row_start[row] : samples.row_start[row + 1]]
                assert np.all(times[1:] > times[:-1]), "times of a row that do not rise"
            assert not decoded.stopped
            found += [samples, decoded.corrupt, decoded.unsupported, unserved]
    return found


def frame_seeds() -> list[bytes]:
    """Return chunks that overlap, of several replicas and encodings, and aggregates beside raw chunks."""
    floats, histograms = payloads(Encoding.XOR), payloads(Encoding.HISTOGRAM)[:2]
    aggregates = aggregate_seeds()
    xor, histogram, whole = (ENCODINGS.index(one) for one in (Encoding.XOR, Encoding.HISTOGRAM, Encoding.AGGREGATES))
    return [
        b"".join(_piece(payload, row=i & 1, source=i & 3, encoding=xor, span=0) for i, payload in enumerate(floats)),
        b"".join(_piece(one, row=0, source=i, encoding=histogram, span=2) for i, one in enumerate(histograms))
        + _piece(floats[1], row=0, source=1, encoding=xor, span=1),
        _piece(aggregates[0], row=0, source=0, encoding=whole, span=0)
        + _piece(aggregates[2], row=0, source=0, encoding=whole, span=3)
        + _piece(floats[2], row=1, source=2, encoding=xor, span=0),
    ]


def _piece(payload: bytes, *, row: int, source: int, encoding: int, span: int) -> bytes:
    assert len(payload) < 256
    return bytes([row | source << 1 | encoding << 3 | span << 6, len(payload)]) + payload


def _read_chunks(data: bytes, symbols: SymbolTable) -> ChunkColumns:
    found = []
    position = 0
    while position + 2 <= len(data) and len(found) < MOST_CHUNKS:
        control, size = data[position], min(data[position + 1], len(data) - position - 2)
        low, high = RANGES_MS[control >> 6]
        source = symbols.intern(SOURCES[control >> 1 & 3])  # code 0 is the unknown one
        found.append((control & 1, low, high, ENCODINGS[control >> 3 & 7], position + 2, size, source))
        position += 2 + size
    found.sort(key=lambda one: one[:2])
    columns = np.array(found, np.int64).reshape(-1, 7).T
    row, low, high, encoding, start, length, source = np.ascontiguousarray(columns)
    return ChunkColumns(
        row=row.astype(np.int32), min_ms=low, max_ms=high, aggregate=np.zeros(len(row), np.uint8),
        encoding=encoding.astype(np.uint8), buffer=np.zeros(len(row), np.int32), start=start, length=length,
        source=source.astype(np.int32),
    )  # fmt: skip
