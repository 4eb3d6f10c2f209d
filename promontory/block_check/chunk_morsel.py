"""Checking some chunks of a block: CRC, samples decoded, times as the index says. Runs in the kernel pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.series import ChunkEntries
from promontory.block_check.segments import Segments
from promontory.chunk.aggregate_parts import split_chunks
from promontory.chunk.aggregates import PARTS
from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import HISTOGRAM_ENCODINGS, decode_samples
from promontory.kernels.block_checks import (
    ANYWHERE,
    EXACT,
    INSIDE,
    TIMES_EQUAL,
    TIMES_FIRST,
    TIMES_GOOD,
    TIMES_LAST,
    TIMES_NONE,
    TIMES_OUTSIDE,
    check_times,
)
from promontory.kernels.chunk_records import RECORD_BAD_CRC, RECORD_CUT, RECORD_GOOD, RECORD_MALFORMED, check_records
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME

CRC_BYTES = 4

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]

_RECORD = {
    RECORD_CUT: (
        "chunk_cut",
        "chunk record: expected a record inside the segment, found one that goes on past its end",
    ),
    RECORD_BAD_CRC: ("chunk_crc", "chunk record: expected the stored CRC, found another one"),
    RECORD_MALFORMED: ("chunk_cut", "chunk record: expected a length, found other bytes"),
}
_TIMES = {
    TIMES_NONE: ("chunk_empty", "chunk: expected samples, found none"),
    TIMES_FIRST: ("chunk_times", "chunk: expected its first sample at {low}, found it at {found}"),
    TIMES_LAST: ("chunk_times", "chunk: expected its last sample at {high}, found it at {found}"),
    TIMES_EQUAL: ("chunk_times", "chunk: expected rising times, found {found} twice"),
    TIMES_OUTSIDE: ("chunk_times", "chunk: expected times from {low} to {high}, found {found}"),
}


@dataclass(frozen=True, slots=True)
class ChunkFault:
    """What is wrong with the chunk numbered `chunk` of a morsel."""

    chunk: int
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class MorselReport:
    """What was found in some chunks; samples of aggregate chunks are those of their count.

    `weight` is how many raw samples they stand for: of an aggregate chunk the sum of its counts, else all but NaN.
    """

    chunk_count: int
    sample_count: int
    histogram_count: int
    weight: int
    record_bytes: int
    faults: tuple[ChunkFault, ...]


def check_morsel(segments: Segments, entries: ChunkEntries, stop: Bytes) -> MorselReport:
    """Check the chunks of the entries against their records."""
    samples = histograms = weight = record_bytes = 0
    faults: list[ChunkFault] = []
    for data, index, offset in segments.parts(entries.ref):
        status, encoding = np.empty(len(index), np.uint8), np.empty(len(index), np.uint8)
        start, length = np.empty(len(index), np.int64), np.empty(len(index), np.int64)
        check_records(data, offset, status, encoding, start, length)
        for place in np.flatnonzero(status != RECORD_GOOD).tolist():
            faults.append(ChunkFault(int(index[place]), *_RECORD[int(status[place])]))
        good = np.flatnonzero(status == RECORD_GOOD)
        record_bytes += int((start + length + CRC_BYTES - offset)[good].sum())
        chunks = _columns(entries, index[good], encoding[good], start[good], length[good])
        samples_here, histograms_here, weight_here, faults_here = _check_payloads(chunks, data, entries, stop)
        samples += samples_here
        histograms += histograms_here
        weight += weight_here
        faults += faults_here
    return MorselReport(len(entries), samples, histograms, weight, record_bytes, tuple(faults))


def _check_payloads(
    chunks: ChunkColumns, data: Bytes, entries: ChunkEntries, stop: Bytes
) -> tuple[int, int, int, list[ChunkFault]]:
    """Decode chunks, `row` being their numbers in the entries; return samples, histograms, weight, what is wrong."""
    parts, unsplit = split_chunks(chunks, (data,), PARTS)
    faults = [
        ChunkFault(number, "chunk_bytes", "aggregate chunk: expected five parts that fill it, found other bytes")
        for number in chunks.row[unsplit].tolist()
    ]
    decoded = decode_samples(parts, (data,), SymbolTable(), ALL_TIME, stop)
    for place in np.flatnonzero(decoded.status != ChunkStatus.OK).tolist():
        faults.append(_explain_undecoded(parts, place, int(decoded.status[place])))
    counted = (parts.aggregate == Aggregate.RAW) | (parts.aggregate == Aggregate.COUNT)
    sizes = np.diff(decoded.chunk_start)
    is_histogram = np.isin(parts.encoding, HISTOGRAM_ENCODINGS)
    readable = decoded.status == ChunkStatus.OK
    faults += _find_time_faults(parts, entries, readable, decoded.chunk_start, decoded.timestamps_ms)
    histograms = int(sizes[counted & is_histogram].sum())
    return int(sizes[counted].sum()), histograms, _weigh(parts, decoded), faults


def _weigh(parts: ChunkColumns, decoded: DecodedChunks) -> int:
    """Return how many raw samples chunks stand for; what no count can be counts nothing."""
    values = decoded.values
    is_absent = np.isnan(values)
    if decoded.histograms is not None:
        is_absent &= ~decoded.histograms.held
    if np.all(parts.aggregate == Aggregate.RAW):
        return len(values) - int(np.count_nonzero(is_absent))
    aggregate = np.repeat(parts.aggregate, np.diff(decoded.chunk_start))
    counts = values[(aggregate == Aggregate.COUNT) & np.isfinite(values)]
    return int(np.count_nonzero((aggregate == Aggregate.RAW) & ~is_absent)) + int(counts.sum())


def _find_time_faults(
    parts: ChunkColumns, entries: ChunkEntries, readable: NDArray[np.bool_], chunk_start: Longs, times: Longs
) -> Iterator[ChunkFault]:
    # A counter begins with the first raw sample, which may be before the first window, and repeats its last time.
    is_counter = parts.aggregate == Aggregate.COUNTER
    reach = np.where(is_counter, ANYWHERE, np.where(parts.aggregate == Aggregate.RAW, EXACT, INSIDE)).astype(np.uint8)
    fault, found = np.empty(len(parts), np.uint8), np.empty(len(parts), np.int64)
    check_times(chunk_start, times, parts.min_ms, parts.max_ms, reach, is_counter, fault, found)
    for place in np.flatnonzero((fault != TIMES_GOOD) & readable).tolist():
        number = int(parts.row[place])
        kind, text = _TIMES[int(fault[place])]
        low, high = int(entries.min_ms[number]), int(entries.max_ms[number])
        problem = _of_part(parts, place) + text.format(low=low, high=high, found=int(found[place]))
        yield ChunkFault(number, kind, problem)


def _explain_undecoded(parts: ChunkColumns, place: int, status: int) -> ChunkFault:
    encoding = int(parts.encoding[place])
    if status == ChunkStatus.UNSUPPORTED:
        problem = f"chunk encoding: expected a known encoding, found {encoding}"
        return ChunkFault(int(parts.row[place]), "chunk_encoding", _of_part(parts, place) + problem)
    problem = f"chunk: expected samples of encoding {Encoding(encoding).name}, found bytes that break its format"
    return ChunkFault(int(parts.row[place]), "chunk_bytes", _of_part(parts, place) + problem)


def _of_part(parts: ChunkColumns, place: int) -> str:
    aggregate = Aggregate(int(parts.aggregate[place]))
    return "" if aggregate is Aggregate.RAW else f"{aggregate.name.lower()} of an aggregate chunk: "


def _columns(entries: ChunkEntries, index: Longs, encoding: Bytes, start: Longs, length: Longs) -> ChunkColumns:
    count = len(index)
    return ChunkColumns(
        row=index.astype(np.int32), min_ms=entries.min_ms[index], max_ms=entries.max_ms[index],
        aggregate=np.full(count, Aggregate.RAW, np.uint8), encoding=encoding, buffer=np.zeros(count, np.int32),
        start=start, length=length, source=np.zeros(count, np.int32),
    )  # fmt: skip
