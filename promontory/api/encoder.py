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
from promontory.api.numbers import format_scalar
from promontory.kernels.json import write_rows, write_times
from promontory.kernels.shortest import powers_of_ten
from promontory.model.label_rows import LabelRows
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult, VectorResult
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid

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
        return _encode_rows(_SampleRows(value.samples), is_matrix=True, limit=limit)
    assert isinstance(value, VectorResult | ScalarResult)
    return _encode_rows(_StepRows(value.steps, value.grid), is_matrix=is_range, limit=limit)


class _SampleRows:
    """Rows of raw samples: every sample has its own time."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.labels = samples.labels
        self.drop_name: NDArray[np.bool_] | None = None
        self.counts = np.diff(samples.row_start)

    def take(self, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return times int64[t], time index int64[m] and values float64[m] of rows [first, end)."""
        span = slice(int(self._samples.row_start[first]), int(self._samples.row_start[end]))
        times_ms = np.ascontiguousarray(self._samples.timestamps_ms[span])
        return times_ms, np.arange(len(times_ms)), np.ascontiguousarray(self._samples.values[span])


class _StepRows:
    """Rows of a time grid: the samples of all rows share its times."""

    def __init__(self, steps: Steps, grid: TimeGrid) -> None:
        order = steps.order
        self._values = steps.values if order is None else steps.values[order]
        self._present = steps.present if order is None else steps.present[order]
        self._times_ms = grid.times_ms()
        self.labels = steps.labels if order is None else steps.labels.take(order)
        self.drop_name: NDArray[np.bool_] | None = steps.drop_name if order is None else steps.drop_name[order]
        self.counts = np.count_nonzero(self._present, axis=1).astype(np.int64)

    def take(self, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return times int64[t], time index int64[m] and values float64[m] of rows [first, end)."""
        present = self._present[first:end]
        times = np.broadcast_to(np.arange(len(self._times_ms)), present.shape)
        return self._times_ms, times[present], self._values[first:end][present]


def _encode_rows(rows: _SampleRows | _StepRows, *, is_matrix: bool, limit: int) -> EncodedResult:
    used = np.flatnonzero(rows.counts)
    is_truncated = 0 < limit < len(used)
    last = int(used[limit]) if is_truncated else len(rows.counts)
    labels = LabelText(rows.labels, rows.drop_name) if len(used) else LabelText(_no_rows(rows.labels))

    def piece(first: int, end: int) -> Callable[[], bytes]:
        return lambda: _encode_piece(rows, labels, first, end, is_matrix=is_matrix)

    kind = b"matrix" if is_matrix else b"vector"
    return EncodedResult(
        b'{"resultType":"' + kind + b'","result":[',
        tuple(piece(first, end) for first, end in _pieces(rows.counts[:last])),
        b"]}",
        is_truncated=is_truncated,
    )


def _encode_piece(
    rows: _SampleRows | _StepRows, labels: LabelText, first: int, end: int, *, is_matrix: bool
) -> bytes:  # fmt: skip
    label_bytes, label_start = labels.write(first, end)
    times_ms, time_index, values = rows.take(first, end)
    time_bytes = np.empty(TIME_BYTES * len(times_ms), np.uint8)
    time_start = np.empty(len(times_ms) + 1, np.int64)
    write_times(times_ms, time_bytes, time_start)
    row_start = np.concatenate([[0], np.cumsum(rows.counts[first:end])]).astype(np.int64)
    longest_time = int(np.diff(time_start).max(initial=0))
    room = len(label_bytes) + ROW_BYTES * (end - first) + (SAMPLE_BYTES + longest_time) * len(values)
    out = np.empty(room, np.uint8)
    size = write_rows(
        MATRIX_KEY if is_matrix else VECTOR_KEY, label_bytes, label_start, row_start, time_bytes, time_start,
        time_index, values, values.view(np.uint64), powers_of_ten(), int(is_matrix), out,
    )  # fmt: skip
    return out[:size].tobytes()


def _pieces(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield row ranges of about PIECE_SAMPLES samples; a row counts as one even when it has none."""
    ends = np.cumsum(np.maximum(counts, 1))
    first = 0
    while first < len(counts):
        before = int(ends[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(ends, before + PIECE_SAMPLES, side="right")))
        yield first, end
        first = end


def _no_rows(labels: LabelRows) -> LabelRows:
    return labels.take(np.empty(0, np.int64))


def _seconds(time_ms: int) -> float | int:
    return time_ms // 1000 if time_ms % 1000 == 0 else time_ms / 1000
