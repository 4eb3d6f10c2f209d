"""Remote-read answers to Frames: streamed chunks of any encoding as they are, samples as XOR chunks of 120.

Format: docs/formats/remote-read.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.chunk.encode import encode_series
from promontory.errors import CorruptionError, LimitError
from promontory.kernels.remote_read import (
    BAD,
    find_disorder,
    read_chunked_series,
    read_field,
    read_sampled_series,
    scan_frames,
)
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable

FRAMES_A_SCAN = 4096
SAMPLED_LIMIT_BYTES = 1 << 30
# A snappy block grows at most so many times: 64 bytes for a copy of 3.
SNAPPY_GROWTH = 22


class StreamedAnswer:
    """Takes the body piece by piece and gives a Frame for the whole frames it holds so far."""

    def __init__(self, symbols: SymbolTable, *, source: str) -> None:
        self._symbols = symbols
        self._source = source
        self._rest = b""
        self._offset = 0

    def feed(self, piece: bytes) -> Frame | None:
        """Return the series that are now complete, None where there are none. Raises CorruptionError."""
        body = self._rest + piece
        data = np.frombuffer(body, np.uint8)
        start, stop = np.empty(FRAMES_A_SCAN, np.int64), np.empty(FRAMES_A_SCAN, np.int64)
        spans = []
        consumed = 0
        while True:
            count, step = scan_frames(data[consumed:], len(data) - consumed, start, stop)
            if count == BAD:
                raise self._corrupt(consumed + step, "a frame of at most 50 MB with its CRC32C")
            spans.append((start[:count] + consumed, stop[:count] + consumed))
            consumed += step
            if count < FRAMES_A_SCAN:
                break
        self._rest = body[consumed:]
        starts = np.concatenate([span[0] for span in spans])
        stops = np.concatenate([span[1] for span in spans])
        frame = self._parse(data, starts, stops) if len(starts) else None
        self._offset += consumed
        return frame

    def finish(self) -> None:
        """Raise CorruptionError where the body ended inside a frame."""
        if self._rest:
            raise self._corrupt(0, f"more bytes than the {len(self._rest)} of the last frame")

    def _corrupt(self, at: int, expected: str) -> CorruptionError:
        return CorruptionError(
            "remote-read stream", source=self._source, offset=self._offset + at, expected=expected, found="other bytes"
        )

    def _parse(self, data: NDArray[np.uint8], start: NDArray[np.int64], stop: NDArray[np.int64]) -> Frame:
        counts = np.zeros(3, np.int64)
        nothing = np.empty(0, np.int64)
        status = read_chunked_series(
            data, start, stop, nothing, np.empty((0, 4), np.int64), np.empty((0, 6), np.int64), counts
        )
        label_end = np.empty(counts[0], np.int64)
        labels = np.empty((counts[1], 4), np.int64)
        chunks = np.empty((counts[2], 6), np.int64)
        if status < 0 or read_chunked_series(data, start, stop, label_end, labels, chunks, counts) < 0:
            raise self._corrupt(int(start[0]), "a ChunkedReadResponse")
        return Frame(
            labels=_label_rows(self._symbols, data, label_end, labels, source=self._source),
            chunks=_chunk_columns(chunks),
            buffers=(data,),
        )


@dataclass(frozen=True, slots=True)
class SampledAnswer:
    """The floats of a sampled answer; `histogram_count` native histograms beside them were not read."""

    frame: Frame
    histogram_count: int


def read_sampled(body: bytes, symbols: SymbolTable, *, source: str) -> SampledAnswer:
    """Return the series of a snappy-compressed ReadResponse as XOR chunks of 120 samples. Raises CorruptionError.

    Whatever holds histograms and is a Prometheus streams chunks when asked to, as we do.
    """
    data = np.frombuffer(_decompress(body, source=source), np.uint8)
    start, end = _only_result(data, source=source)
    counts = np.zeros(4, np.int64)
    nothing = np.empty((0, 4), np.int64)
    status = read_sampled_series(
        data, start, end, np.empty((0, 2), np.int64), nothing, np.empty(0, np.int64), np.empty(0, np.uint64), counts
    )
    ends = np.empty((counts[0], 2), np.int64)
    labels = np.empty((counts[1], 4), np.int64)
    times = np.empty(counts[2], np.int64)
    bits = np.empty(counts[2], np.uint64)
    if status < 0 or read_sampled_series(data, start, end, ends, labels, times, bits, counts) < 0:
        raise CorruptionError(
            "remote-read answer", source=source, offset=start, expected="a QueryResult", found="other bytes"
        )
    row_start = np.concatenate([np.zeros(1, np.int64), ends[:, 1]])
    encoded = encode_series(row_start, times, bits.view(np.float64))
    rows = _label_rows(symbols, data, np.ascontiguousarray(ends[:, 0]), labels, source=source)
    return SampledAnswer(Frame(labels=rows, chunks=encoded.columns(), buffers=(encoded.data,)), int(counts[3]))


def _decompress(body: bytes, *, source: str) -> bytes:
    import cramjam

    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > SAMPLED_LIMIT_BYTES:
            raise LimitError(f"{source} announces an answer of {size} bytes, more than {SAMPLED_LIMIT_BYTES}")
        if size <= SNAPPY_GROWTH * len(body):
            return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise CorruptionError(
            "remote-read answer", source=source, offset=0, expected="a snappy block", found=str(error)
        ) from error
    raise CorruptionError(
        "remote-read answer", source=source, offset=0, expected=f"at most {SNAPPY_GROWTH} times {len(body)} bytes",
        found=f"a claim of {size}",
    )  # fmt: skip


def _only_result(data: NDArray[np.uint8], *, source: str) -> tuple[int, int]:
    if len(data) == 0:
        return 0, 0
    number, start, end, position = read_field(data, 0, len(data))
    if position < 0 or number != 1 or end < 0:
        raise CorruptionError(
            "remote-read answer", source=source, offset=0, expected="a ReadResponse", found=f"field {number}"
        )
    return start, end


def _label_rows(
    symbols: SymbolTable,
    data: NDArray[np.uint8],
    label_end: NDArray[np.int64],
    spans: NDArray[np.int64],
    *,
    source: str,
) -> LabelRows:
    bad = find_disorder(data, label_end, spans)
    if bad >= 0:
        raise CorruptionError(
            "labels of a remote-read answer", source=source, offset=int(spans[bad, 0]),
            expected="names that rise, none twice, and nothing empty", found="others",
        )  # fmt: skip
    columns = np.ascontiguousarray(spans.T)
    return LabelRows(
        row_start=np.concatenate([np.zeros(1, np.int64), label_end]),
        name=symbols.intern_spans(data, columns[0], columns[1]),
        value=symbols.intern_spans(data, columns[2], columns[3]),
        symbols=symbols,
    )


def _chunk_columns(chunks: NDArray[np.int64]) -> ChunkColumns:
    columns = np.ascontiguousarray(chunks.T)
    count = len(chunks)
    return ChunkColumns(
        row=columns[0].astype(np.int32),
        min_ms=columns[1],
        max_ms=columns[2],
        aggregate=np.zeros(count, np.uint8),
        encoding=columns[3].astype(np.uint8),
        buffer=np.zeros(count, np.int32),
        start=columns[4],
        length=columns[5],
        source=np.zeros(count, np.int32),
    )
