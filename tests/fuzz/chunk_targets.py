"""Targets: payloads of chunks of every encoding, aggregate chunks, and records of segment files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.aggregate_parts import split_chunks
from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.chunk.encode import encode_series
from promontory.chunk.recode import recode_chunks
from promontory.kernels.chunk_records import RECORD_GOOD, check_records
from promontory.kernels.crc32c import crc32c
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, MAX_TIME_MS, MIN_TIME_MS, TimeRange
from tests.fuzz.outcome import Check, plain_value
from tests.golden.chunks import read_golden_chunks

Bytes = NDArray[np.uint8]
LARGEST_SEED = 400
# Room behind a chunk in which kernels may read, so that it is not copied first.
ROOM = bytes(range(64))


def chunk_target(encoding: Encoding) -> Check:
    """Return the target of the payloads of one encoding."""

    def check(data: bytes) -> object:
        return check_chunk(data, encoding)

    return check


def check_chunk(data: bytes, encoding: Encoding) -> object:
    """Decode one payload alone and inside a larger buffer, within a range, and after it was written again."""
    chunks = one_chunk(len(data), encoding)
    buffer = np.frombuffer(data, np.uint8)
    decoded = decode(chunks, buffer)
    inside = decode(replace(chunks, start=chunks.start + 7), np.frombuffer(ROOM[:7] + data + ROOM, np.uint8))
    assert _same(decoded, inside), "a chunk reads otherwise inside a larger buffer"
    times = decoded.timestamps_ms
    assert not np.any(times[1:] < times[:-1]), "times fall"
    assert decoded.status[0] in (ChunkStatus.OK, ChunkStatus.CORRUPT)
    assert decoded.status[0] == ChunkStatus.OK or not len(times)
    if not len(times):
        return decoded
    low, high = int(times[len(times) // 4]), int(times[3 * len(times) // 4])
    part = decode(chunks, buffer, TimeRange(low, high))
    chosen = (times >= low) & (times <= high)
    assert np.array_equal(part.timestamps_ms, times[chosen]), "a range chooses other samples"
    assert part.values.tobytes() == decoded.values[chosen].tobytes(), "a range changes values"
    again = recode_chunks(chunks, (buffer,))
    assert not len(again.broken)
    read = decode(again.chunks, again.data)
    assert np.all(read.status == ChunkStatus.OK), "a chunk of ours cannot be read"
    assert np.array_equal(read.timestamps_ms, times), "writing again changes times"
    assert read.values.tobytes() == decoded.values.tobytes(), "writing again changes values"
    assert _histograms(read) == _histograms(decoded), "writing again changes histograms"
    return decoded, part, again


def check_aggregates(data: bytes) -> object:
    """Split an aggregate payload, and decode what is in it."""
    buffer = np.frombuffer(data, np.uint8)
    chunks, unserved = split_chunks(one_chunk(len(data), Encoding.AGGREGATES), (buffer,), tuple(Aggregate))
    assert np.all((chunks.start >= 0) & (chunks.length > 0) & (chunks.start + chunks.length <= len(data)))
    return chunks, unserved, decode(chunks, buffer)


def check_segment(data: bytes) -> object:
    """Read records at every position; the first byte says whether their checksums are made to fit."""
    body = repair_records(data[1:]) if data[:1] and data[0] & 1 else data[1:]
    buffer = np.frombuffer(body, np.uint8)
    position = np.arange(-1, len(body) + 2)
    status, encoding = np.empty(len(position), np.uint8), np.empty(len(position), np.uint8)
    start, length = np.empty(len(position), np.int64), np.empty(len(position), np.int64)
    check_records(buffer, position, status, encoding, start, length)
    good = status == RECORD_GOOD
    assert np.all(start[good] > position[good])
    assert np.all((length[good] >= 0) & (start[good] + length[good] + 4 <= len(body)))
    assert np.all(length[~good] >= 0), "a record needs less than nothing"
    return status, encoding, start, length


def repair_records(body: bytes) -> bytes:
    """Return the bytes with the checksums of the records that follow each other from the start on made to fit."""
    repaired = bytearray(body)
    position = 0
    while position < len(repaired):
        size = shift = 0
        for octet in repaired[position : position + 5]:
            size |= (octet & 127) << shift
            shift += 7
            if octet < 128:
                break
        stop = position + shift // 7 + 1 + size
        if stop + 4 > len(repaired):
            break
        content = np.frombuffer(bytes(repaired[position + shift // 7 : stop]), np.uint8)
        repaired[stop : stop + 4] = int(crc32c(content, 0, len(content))).to_bytes(4, "big")
        position = stop + 4
    return bytes(repaired)


def one_chunk(length: int, encoding: Encoding) -> ChunkColumns:
    """Return the columns of one chunk that is the whole buffer."""
    return ChunkColumns(
        row=np.zeros(1, np.int32), min_ms=np.array([MIN_TIME_MS]), max_ms=np.array([MAX_TIME_MS]),
        aggregate=np.zeros(1, np.uint8), encoding=np.array([encoding], np.uint8), buffer=np.zeros(1, np.int32),
        start=np.zeros(1, np.int64), length=np.array([length]), source=np.zeros(1, np.int32),
    )  # fmt: skip


def decode(chunks: ChunkColumns, buffer: Bytes, time_range: TimeRange = ALL_TIME) -> DecodedChunks:
    """Return the samples of chunks in one buffer."""
    return decode_samples(chunks, (buffer,), SymbolTable(), time_range, np.zeros(1, np.uint8))


def payloads(encoding: Encoding) -> list[bytes]:
    """Return what Prometheus wrote in an encoding, as far as it is short; XOR chunks are ours, equal to its own."""
    if encoding == Encoding.XOR:
        return _float_payloads()
    chunks = [chunk.data for chunk in read_golden_chunks() if chunk.encoding == encoding]
    return sorted((data for data in chunks if len(data) <= LARGEST_SEED), key=len)[:12]


def aggregate_seeds() -> list[bytes]:
    """Return aggregate payloads: whole, with parts left out, and with a histogram in the counter's place."""
    floats, histograms = payloads(Encoding.XOR)[:5], payloads(Encoding.HISTOGRAM)[:1]
    parts = [bytes([len(one) & 127]) + b"\x01" + one for one in floats if len(one) < 128]
    absent = b"\x00"
    counter = bytes([len(histograms[0])]) + b"\x02" + histograms[0] if len(histograms[0]) < 128 else absent
    return [b"".join(parts), b"".join([*parts[:2], absent, parts[2], absent]), b"".join([*parts[:4], counter])]


def segment_seeds() -> list[bytes]:
    """Return a few records, one after the other."""
    chosen = payloads(Encoding.XOR)[:3] + payloads(Encoding.HISTOGRAM)[:2]
    records = [bytes([len(one)]) + b"\x01" + one + bytes(4) for one in chosen if len(one) < 128]
    return [b"\x01" + b"".join(records), b"\x00" + repair_records(b"".join(records)), b"\x01" + records[0]]


def _float_payloads() -> list[bytes]:
    values = np.array([1.5, 1.5, -0.0, np.inf, np.nan, 5e-324, 7.25, 7.5, -1e300])
    times = np.array([5, 5, 20, 21, 2**20, 2**21, 2**40, 2**40 + 1, 2**62])
    ends = [1, 2, 3, 5, 9]
    row_start = np.array([0, *np.cumsum(ends)])
    chosen = np.concatenate([np.arange(end) for end in ends])
    encoded = encode_series(row_start, times[chosen], values[chosen])
    return [
        encoded.data[start : start + length].tobytes()
        for start, length in zip(encoded.start, encoded.length, strict=True)
    ]


def _histograms(decoded: DecodedChunks) -> object:
    """Return all of the histograms but their reset hints, which begin anew with a chunk.

    A bound or zero threshold of -0 comes back as 0, as from Prometheus' encoder.
    """
    if decoded.histograms is None:
        return None
    found = decoded.histograms.chosen()
    bounds = [(np.frombuffer(found.symbols.text(int(code)), "<f8") + 0.0).tobytes() for code in found.bounds]
    threshold = found.zero_threshold + 0.0
    plain = replace(
        found, hint=found.hint[:0], bounds=found.bounds[:0], zero_threshold=threshold, symbols=SymbolTable()
    )
    return decoded.histograms.held.tolist(), bounds, plain_value(plain)


def _same(left: DecodedChunks, right: DecodedChunks) -> bool:
    return plain_value(left) == plain_value(right)
