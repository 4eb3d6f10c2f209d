"""A QueryResult to the `data` of Prometheus' JSON answer, in pieces of whole series.

    {"resultType":"matrix","result":[  piece  ,  piece  ]}

Each piece is made by kernels from columns; the caller runs them in the kernel pool and streams them. Rows without a
sample are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from promontory.api.label_text import LabelText
from promontory.api.mixed_rows import write_mixed
from promontory.api.numbers import format_scalar
from promontory.api.rows import Rows, SampleRows, StepRows
from promontory.kernels.json import write_rows, write_times
from promontory.kernels.shortest import powers_of_ten
from promontory.model.label_rows import LabelRows
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult, VectorResult

PIECE_SAMPLES = 64 * 1024
TIME_BYTES = 24
# Quotes, brackets and commas of a sample, and the longest value: sign, 17 digits, point and five zeros after it.
SAMPLE_BYTES = 6 + 25
ROW_BYTES = 10 + 10 + 4
MATRIX_KEY = np.frombuffer(b'{"metric":,"values":', np.uint8)
VECTOR_KEY = np.frombuffer(b'{"metric":,"value":', np.uint8)
TRUNCATED = "results truncated due to limit"


@dataclass(frozen=True, slots=True)
class EncodedResult:
    """The beginning and end of `data` and what makes its pieces, in order; each piece ends with a comma or is empty."""

    head: bytes
    pieces: tuple[Callable[[], bytes], ...]
    tail: bytes
    is_truncated: bool

    def whole(self) -> bytes:
        """Return everything at once, for small answers and tests."""
        return self.head + b"".join(piece() for piece in self.pieces).removesuffix(b",") + self.tail


def encode_result(result: QueryResult, *, is_range: bool, limit: int = 0) -> EncodedResult:
    """Return the answer's data. `limit` cuts series (0: none); a scalar of a range query is a matrix of one series."""
    value = result.value
    if isinstance(value, StringResult):
        shown = value.text.encode(errors="surrogateescape").decode(errors="replace")
        text = orjson.dumps([_seconds(value.grid.start_ms), shown])
        return EncodedResult(b'{"resultType":"string","result":' + text, (), b"}", is_truncated=False)
    if isinstance(value, ScalarResult) and not is_range:
        text = orjson.dumps([_seconds(value.grid.start_ms), format_scalar(float(value.steps.values[0, 0]))])
        return EncodedResult(b'{"resultType":"scalar","result":' + text, (), b"}", is_truncated=False)
    if isinstance(value, SamplesResult):
        return _encode_rows(SampleRows(value.samples), is_matrix=True, limit=limit)
    assert isinstance(value, VectorResult | ScalarResult)
    return _encode_rows(StepRows(value.steps, value.grid), is_matrix=is_range, limit=limit)


def _encode_rows(rows: Rows, *, is_matrix: bool, limit: int) -> EncodedResult:
    used = np.flatnonzero(rows.counts)
    is_truncated = 0 < limit < len(used)
    last = int(used[limit]) if is_truncated else len(rows.counts)
    labels = LabelText(rows.labels, rows.drop_name) if len(used) else LabelText(_no_rows(rows.labels))

    def piece(first: int, end: int) -> Callable[[], bytes]:
        return lambda: _encode_piece(rows, labels, first, end, is_matrix=is_matrix)

    kind = b"matrix" if is_matrix else b"vector"
    return EncodedResult(
        b'{"resultType":"' + kind + b'","result":[',
        tuple(piece(first, end) for first, end in _pieces(rows.weights[:last])),
        b"]}",
        is_truncated=is_truncated,
    )


def _encode_piece(rows: Rows, labels: LabelText, first: int, end: int, *, is_matrix: bool) -> bytes:
    label_bytes, label_start = labels.write(first, end)
    points = rows.take(first, end)
    time_bytes = np.empty(TIME_BYTES * len(points.times_ms), np.uint8)
    time_start = np.empty(len(points.times_ms) + 1, np.int64)
    write_times(points.times_ms, time_bytes, time_start)
    row_start = np.concatenate([[0], np.cumsum(rows.counts[first:end])]).astype(np.int64)
    longest_time = int(np.diff(time_start).max(initial=0))
    room = len(label_bytes) + ROW_BYTES * (end - first) + (SAMPLE_BYTES + longest_time) * len(points.values)
    cells = points.histograms and points.histograms.compact()
    if cells is not None:
        return write_mixed(
            points, cells, (label_bytes, label_start), row_start, (time_bytes, time_start), room, is_matrix=is_matrix
        )
    out = np.empty(room, np.uint8)
    size = write_rows(
        MATRIX_KEY if is_matrix else VECTOR_KEY, label_bytes, label_start, row_start, time_bytes, time_start,
        points.time_index, points.values, points.values.view(np.uint64), powers_of_ten(), int(is_matrix), out,
    )  # fmt: skip
    return out[:size].tobytes()


def _pieces(weights: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield row ranges of about PIECE_SAMPLES samples and buckets; a row counts as one even when it has none."""
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
