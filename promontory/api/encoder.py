"""A QueryResult to the `data` of Prometheus' JSON answer, in pieces of whole series.

    {"resultType":"matrix","result":[  piece  ,  piece  ]}

Each piece is made by kernels from columns; the caller runs them in the kernel pool and streams them. Rows without a
sample are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from promontory.api.answer import Body, Piece
from promontory.api.label_text import LabelText
from promontory.api.mixed_rows import write_mixed
from promontory.api.numbers import format_scalar
from promontory.api.rows import Rows, SampleRows, StepRows
from promontory.kernels.digits import OVERRUN_BYTES
from promontory.kernels.json import write_rows
from promontory.kernels.json_size import UNKNOWN, measure_samples
from promontory.kernels.shortest import powers_of_ten
from promontory.model.label_rows import LabelRows
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult, VectorResult

Bytes = NDArray[np.uint8]

PIECE_SAMPLES = 64 * 1024
SMALL_SAMPLES = 1000
# Quotes, brackets and commas of a sample, and the longest value: sign, 17 digits, point and five zeros after it.
SAMPLE_BYTES = 6 + 25
ROW_BYTES = 10 + 10 + 4
MATRIX_KEY = np.frombuffer(b'{"metric":,"values":', np.uint8)
VECTOR_KEY = np.frombuffer(b'{"metric":,"value":', np.uint8)
TRUNCATED = "results truncated due to limit"


@dataclass(frozen=True, slots=True)
class EncodedResult:
    """The `data` of an answer. `is_truncated` says that a limit left series out."""

    body: Body
    is_truncated: bool = False

    def whole(self) -> bytes:
        """Return everything at once, for tests."""
        return b"".join((self.body.head, *(piece.make() for piece in self.body.pieces), self.body.tail))


def is_small(result: QueryResult) -> bool:
    """Say whether encoding takes less than a hop to another thread and back."""
    value = result.value
    if isinstance(value, SamplesResult):
        return value.samples.histograms is None and len(value.samples.values) <= SMALL_SAMPLES
    if isinstance(value, VectorResult | ScalarResult):
        return value.steps.histograms is None and value.steps.values.size <= SMALL_SAMPLES
    return True


def encode_result(result: QueryResult, *, is_range: bool, limit: int = 0) -> EncodedResult:
    """Return the answer's data. `limit` cuts series (0: none); a scalar of a range query is a matrix of one series."""
    value = result.value
    if isinstance(value, StringResult):
        shown = value.text.encode(errors="surrogateescape").decode(errors="replace")
        text = orjson.dumps([_seconds(value.grid.start_ms), shown])
        return EncodedResult(Body(b'{"resultType":"string","result":' + text + b"}"))
    if isinstance(value, ScalarResult) and not is_range:
        text = orjson.dumps([_seconds(value.grid.start_ms), format_scalar(float(value.steps.values[0, 0]))])
        return EncodedResult(Body(b'{"resultType":"scalar","result":' + text + b"}"))
    if isinstance(value, SamplesResult):
        return _encode_rows(SampleRows(value.samples), is_matrix=True, limit=limit)
    assert isinstance(value, VectorResult | ScalarResult)
    return _encode_rows(StepRows(value.steps, value.grid), is_matrix=is_range, limit=limit)


def _encode_rows(rows: Rows, *, is_matrix: bool, limit: int) -> EncodedResult:
    last = _find_last(rows.counts, limit)
    is_truncated = last < len(rows.counts)
    weight = int(rows.weights.sum())
    labels = LabelText(rows.labels, rows.drop_name) if weight else LabelText(_no_rows(rows.labels))

    def piece(first: int, end: int, *, is_last: bool) -> Piece:
        def make() -> memoryview:
            text = _encode_piece(rows, labels, first, end, is_matrix=is_matrix)
            return text[: len(text) - is_last].data

        def measure() -> int:
            size = _measure_piece(rows, labels, first, end, is_matrix=is_matrix)
            return size if size == UNKNOWN else size - is_last

        return Piece(make, measure)

    ranges = [(first, end) for first, end in _pieces(rows.weights[:last]) if rows.counts[first:end].any()]
    body = Body(
        b'{"resultType":"matrix","result":[' if is_matrix else b'{"resultType":"vector","result":[',
        tuple(piece(first, end, is_last=(first, end) == ranges[-1]) for first, end in ranges),
        b"]}",
        held_bytes=rows.held_bytes if len(ranges) > 1 else 0,
        small=weight <= SMALL_SAMPLES,
    )
    return EncodedResult(body, is_truncated)


def _encode_piece(rows: Rows, labels: LabelText, first: int, end: int, *, is_matrix: bool) -> Bytes:
    label_bytes, label_start = labels.write(first, end)
    points = rows.take(first, end)
    row_start = np.zeros(end - first + 1, np.int64)
    np.cumsum(rows.counts[first:end], out=row_start[1:])
    room = len(label_bytes) + ROW_BYTES * (end - first) + OVERRUN_BYTES
    room += (SAMPLE_BYTES + _longest_time(points.times_ms)) * len(points.values)
    cells = points.histograms and points.histograms.compact()
    if cells is not None:
        return write_mixed(points, cells, (label_bytes, label_start), row_start, room, is_matrix=is_matrix)
    out = np.empty(room, np.uint8)
    size = write_rows(
        MATRIX_KEY if is_matrix else VECTOR_KEY, label_bytes, label_start, row_start, points.times_ms, points.values,
        points.values.view(np.uint64), powers_of_ten(), int(is_matrix), out,
    )  # fmt: skip
    return out[:size]


def _measure_piece(rows: Rows, labels: LabelText, first: int, end: int, *, is_matrix: bool) -> int:
    """Return the length of what `_encode_piece` writes, UNKNOWN where that is as much work."""
    points = rows.take(first, end)
    if points.histograms is not None:
        return UNKNOWN
    size = measure_samples(points.times_ms, points.values, points.values.view(np.uint64))
    if size == UNKNOWN:
        return UNKNOWN
    _, label_start = labels.write(first, end)
    is_written = rows.counts[first:end] > 0
    # Around a row's samples: the key, a brace and a comma, for a matrix two brackets; its last sample has no comma.
    frame = len(MATRIX_KEY) + 3 if is_matrix else len(VECTOR_KEY) + 1
    return size + int(np.diff(label_start)[is_written].sum()) + frame * int(np.count_nonzero(is_written))


def _find_last(counts: NDArray[np.int64], limit: int) -> int:
    """Return where the rows end that a limit leaves (0: all): before the first with a sample that is too many."""
    if limit:
        used = np.flatnonzero(counts)
        if limit < len(used):
            return int(used[limit])
    return len(counts)


def _longest_time(times_ms: NDArray[np.int64]) -> int:
    """Return the most bytes that one of the times takes: its digits, a sign, a point."""
    if len(times_ms) == 0:
        return 0
    return max(len("-0.001"), len(str(times_ms.min())) + 1, len(str(times_ms.max())) + 1)


def _pieces(weights: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield row ranges of about PIECE_SAMPLES samples and buckets; a row counts as one even when it has none."""
    if len(weights) + int(weights.sum()) <= PIECE_SAMPLES:
        yield 0, len(weights)
        return
    ends = np.cumsum(np.maximum(weights, 1))
    first = 0
    while first < len(weights):
        before = int(ends[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(ends, before + PIECE_SAMPLES, side="right")))
        yield first, end
        first = end


def _no_rows(labels: LabelRows) -> LabelRows:
    return labels.take(np.empty(0, np.int64))


def _seconds(time_ms: int) -> float | int:
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000
