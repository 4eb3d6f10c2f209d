"""SeriesResponse messages to Frames: no object a series or chunk, and the message itself is the Frame's buffer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.errors import StoreError
from promontory.kernels import wire_decode as wire
from promontory.model.context import Budget
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable

COMPLAINTS = {
    wire.MALFORMED: "expected a SeriesResponse, found bytes that break its format",
    wire.LABELS_OUT_OF_ORDER: "expected labels sorted by name, each name once and none empty, found others",
    wire.UNKNOWN_ENCODING: "expected a chunk encoding of one byte, found a larger number",
}
# Columns may take so many times the bytes of a message. A chunk has 64 bytes of them and never less than 8 of its own;
# of empty ones, two bytes each, the largest message would make gigabytes.
MOST_GROWTH = 8
SMALL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What one or more SeriesResponse messages hold: series as a Frame (perhaps of none), and warnings."""

    frame: Frame
    warnings: tuple[str, ...]


def decode_series(message: bytes, symbols: SymbolTable, budget: Budget, *, endpoint: str) -> Answer:
    """Return the series and warnings of SeriesResponse messages laid end to end, codes in `symbols`.

    Raises StoreError naming the endpoint where the bytes break the format, and LimitError before columns are made
    that would exceed the budget.
    """
    data = np.frombuffer(message, np.uint8)
    counts = np.zeros(wire.STATES, np.int64)
    _demand(wire.count_message(data, counts), counts, endpoint)
    rows, pair_count, chunk_count, _ = (int(count) for count in counts[: wire.WARNING + 1])
    column_bytes = 8 * (wire.CHUNK_FIELDS * chunk_count + pair_count + rows)
    if column_bytes > MOST_GROWTH * len(message) + SMALL_BYTES:
        raise StoreError(
            f"store {endpoint} sent a bad Series answer: expected chunks with data, found {chunk_count} chunks of "
            f"{rows} series in {len(message)} bytes",
            endpoint=endpoint,
        )
    # Frames have columns of their own, made of these.
    try:
        budget.charge(2 * column_bytes)
        return _read_columns(message, counts, symbols, endpoint)
    finally:
        budget.release(2 * column_bytes)


def _read_columns(message: bytes, counts: NDArray[np.int64], symbols: SymbolTable, endpoint: str) -> Answer:
    data = np.frombuffer(message, np.uint8)
    rows, pair_count, chunk_count, warning_count = (int(count) for count in counts[: wire.WARNING + 1])
    distinct = 2 * pair_count + chunk_count + 1
    state = np.zeros(wire.STATES, np.int64)
    state[wire.DISTINCT] = 1
    state[wire.SLOTS] = wire.FIRST_SLOTS
    row_start = np.zeros(rows + 1, np.int64)
    pairs = np.empty((2, pair_count), np.int32)
    chunks = np.empty((wire.CHUNK_FIELDS, chunk_count), np.int64)
    spans = np.empty((2, distinct), np.int64)
    spans[:, 0] = 0
    warnings = np.empty((2, warning_count), np.int64)
    # Both are touched only as far as strings turn out to be distinct.
    slots = np.zeros(max(wire.FIRST_SLOTS, 1 << (4 * distinct - 1).bit_length()), np.int32)
    hashes = np.empty(distinct, np.uint64)
    status = wire.read_message(data, state, row_start, pairs, chunks, spans, warnings, slots, hashes)
    _demand(status, state, endpoint)
    found = int(state[wire.DISTINCT])
    codes = symbols.intern_spans(data, spans[0, :found], spans[1, :found])
    row_count, pair_count = int(state[wire.ROW]), int(state[wire.PAIR])
    labels = LabelRows(row_start[: row_count + 1], codes[pairs[0, :pair_count]], codes[pairs[1, :pair_count]], symbols)
    texts = tuple(message[start:end].decode(errors="replace") for start, end in warnings.T.tolist())
    return Answer(Frame(labels, _chunk_columns(chunks, codes), (data,)), texts)


def _demand(status: int, state: NDArray[np.int64], endpoint: str) -> None:
    if status != wire.OK:
        raise StoreError(
            f"store {endpoint} sent a bad Series answer: {COMPLAINTS[status]} at offset {state[wire.STOPPED]}",
            endpoint=endpoint,
        )


def _chunk_columns(table: NDArray[np.int64], codes: NDArray[np.int32]) -> ChunkColumns:
    row, min_ms = table[wire.CHUNK_ROW], table[wire.CHUNK_MIN]
    if bool(np.any((row[1:] == row[:-1]) & (min_ms[1:] < min_ms[:-1]))):
        table = table[:, np.lexsort((min_ms, row))]
    return ChunkColumns(
        row=table[wire.CHUNK_ROW].astype(np.int32),
        min_ms=table[wire.CHUNK_MIN],
        max_ms=table[wire.CHUNK_MAX],
        aggregate=table[wire.CHUNK_AGGREGATE].astype(np.uint8),
        encoding=table[wire.CHUNK_ENCODING].astype(np.uint8),
        buffer=np.zeros(table.shape[1], np.int32),
        start=table[wire.CHUNK_START],
        length=table[wire.CHUNK_LENGTH],
        source=codes[table[wire.CHUNK_SOURCE]],
    )
