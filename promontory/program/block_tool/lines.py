"""Frames to lines of text: the samples of a block as `promtool tsdb dump` prints them, or an object of JSON a sample.

The series of downsampled blocks have samples of several aggregates; their lines carry one more label, `__aggregate__`.
A histogram in JSON is that of Prometheus' HTTP API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from promontory.block_check.index_view import show_labels
from promontory.chunk.decode import ChunkStatus, DecodedChunks
from promontory.chunk.decode_samples import decode_samples
from promontory.errors import CorruptionError
from promontory.kernels.histogram_bounds import bound_fractions
from promontory.kernels.histogram_json import (
    BUCKET_BYTES,
    HISTOGRAM_BYTES,
    WORD_START,
    WORDS,
    lay_out_histograms,
    write_histogram,
)
from promontory.kernels.sample_lines import NUMBERS_BYTES, write_lines
from promontory.kernels.shortest import powers_of_ten
from promontory.model.frame import Aggregate, Encoding, Frame
from promontory.model.histograms import Histograms
from promontory.model.labels import Labels
from promontory.model.time_range import TimeRange
from promontory.promql.execution.histogram_text import histogram_texts

AGGREGATE_LABEL = b"__aggregate__"
_WHOLE = (Encoding.HISTOGRAM, Encoding.HISTOGRAM_ST)
_WORDS = np.frombuffer(WORDS, np.uint8)

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LineForm:
    """What stands around the labels, the value and the time of a line."""

    before_float: bytes
    after_float: bytes
    before_histogram: bytes
    between: bytes
    ending: bytes
    is_json: bool

    @property
    def parts(self) -> tuple[Bytes, Bytes, Bytes, Bytes, Bytes]:
        """The texts after the labels, for `write_lines`."""
        return (
            np.frombuffer(self.before_float, np.uint8), np.frombuffer(self.after_float, np.uint8),
            np.frombuffer(self.before_histogram, np.uint8), np.frombuffer(self.between, np.uint8),
            np.frombuffer(self.ending, np.uint8),
        )  # fmt: skip


TEXT_LINES = LineForm(b" ", b"", b" ", b" ", b"\n", is_json=False)
JSON_LINES = LineForm(b',"value":"', b'"', b',"histogram":', b',"timestamp":', b"}\n", is_json=True)


def write_frame(
    frame: Frame, form: LineForm, time_range: TimeRange, stop: Bytes
) -> tuple[bytes, list[CorruptionError]]:
    """Return the lines of a frame's samples within the range, and what of it cannot be read."""
    chunks = frame.chunks.take(np.lexsort((frame.chunks.min_ms, frame.chunks.aggregate, frame.chunks.row)))
    decoded = decode_samples(chunks, frame.buffers, frame.labels.symbols, time_range, stop)
    group = chunks.row.astype(np.int64) << 8 | chunks.aggregate
    first = np.flatnonzero(np.diff(group, prepend=-1))
    row_start = decoded.chunk_start[np.append(first, len(chunks))]
    heads = [
        _head(frame.labels.labels(row), Aggregate(aggregate), form)
        for row, aggregate in zip(chunks.row[first].tolist(), chunks.aggregate[first].tolist(), strict=True)
    ]
    texts = _write_histograms(decoded, chunks.encoding, form)
    cells = np.full(len(decoded.values), -1, np.int32) if decoded.histograms is None else decoded.histograms.index
    head_text, head_start = _join(heads)
    text, text_start = _join(texts)
    named = cells[cells >= 0]
    room = int(np.diff(row_start) @ np.diff(head_start)) + int(np.diff(text_start)[named].sum())
    room += len(cells) * (NUMBERS_BYTES + sum(map(len, form.parts)))
    out = np.empty(room, np.uint8)
    size = write_lines(
        head_text, head_start, np.ascontiguousarray(row_start), decoded.timestamps_ms, decoded.values.view(np.uint64),
        np.ascontiguousarray(cells), text, text_start, *form.parts, powers_of_ten(), out,
    )  # fmt: skip
    return out[:size].tobytes(), _find_unread(decoded, frame, chunks.row, chunks.min_ms, chunks.encoding)


def _head(labels: Labels, aggregate: Aggregate, form: LineForm) -> bytes:
    if aggregate is not Aggregate.RAW:
        labels = Labels(tuple(sorted((*labels.pairs, (AGGREGATE_LABEL, aggregate.name.lower().encode())))))
    if form.is_json:
        return orjson.dumps({"metric": labels.to_text()})[:-1]
    return show_labels(labels).encode()


def _write_histograms(decoded: DecodedChunks, encoding: Bytes, form: LineForm) -> list[bytes]:
    """Return the texts of all histograms of the table."""
    if decoded.histograms is None:
        return []
    table, index = decoded.histograms.table, decoded.histograms.index
    if form.is_json:
        return _write_json(table)
    is_whole = np.zeros(len(table), np.bool_)
    of_chunk = np.repeat(np.isin(encoding, _WHOLE), np.diff(decoded.chunk_start))
    is_whole[index[(index >= 0) & of_chunk]] = True
    return histogram_texts(table, is_whole=is_whole)


def _write_json(table: Histograms) -> list[bytes]:
    buckets = np.diff(table.bucket_start) + (table.zero_count > 0)
    start = np.concatenate([[0], np.cumsum(2 + 4 * buckets)]).astype(np.int64)
    numbers = np.empty(int(start[-1]))
    lay_out_histograms(
        table.schema, table.zero_threshold, table.zero_count, table.count, table.sum, table.bucket_start,
        table.bucket_key, table.bucket_count, bound_fractions(), *table.bound_values(), start, numbers,
    )  # fmt: skip
    out = np.empty(HISTOGRAM_BYTES + BUCKET_BYTES * int(buckets.max(initial=0)), np.uint8)
    texts = []
    for first, end in zip(start[:-1].tolist(), start[1:].tolist(), strict=True):
        bits = numbers.view(np.uint64)
        size = write_histogram(numbers, bits, first, end, _WORDS, WORD_START, powers_of_ten(), out, 0)
        texts.append(out[:size].tobytes())
    return texts


def _find_unread(
    decoded: DecodedChunks, frame: Frame, row: NDArray[np.int32], min_ms: Longs, encoding: Bytes
) -> list[CorruptionError]:
    errors = []
    for chunk in np.flatnonzero(decoded.status != ChunkStatus.OK).tolist():
        labels = show_labels(frame.labels.labels(int(row[chunk])))
        is_unknown = int(decoded.status[chunk]) == ChunkStatus.UNSUPPORTED
        expected = "a known encoding" if is_unknown else "samples"
        found = f"encoding {encoding[chunk]}" if is_unknown else "bytes that break the format"
        errors.append(
            CorruptionError(
                f"chunk from {min_ms[chunk]} on", source=f"series {labels}", offset=0, expected=expected, found=found
            )
        )
    return errors


def _join(texts: Sequence[bytes]) -> tuple[Bytes, Longs]:
    start = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=start[1:])
    return np.frombuffer(b"".join(texts), np.uint8), start
