"""SeriesResponse messages of columns to Frames: one reader an answer, and the message itself is the Frame's buffer.

What a peer sends is not believed: sizes are checked before anything is made of them; numbers, order and spans before
the Frame goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.errors import StoreError
from promontory.kernels.wire_decode import MAX_ENCODING
from promontory.kernels.wire_frame import find_bad_row
from promontory.model.context import Budget
from promontory.model.frame import Aggregate, ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.starts import find_starts
from promontory.model.symbols import SymbolTable
from promontory.store.rpc.frame_layout import COLUMNS, HEADER, TAG, Counts

# What reading makes of a byte of columns, at most.
GROWTH = 4
LONGEST_VARINT = 10


def is_frame(message: bytes) -> bool:
    """Say whether a message holds a Frame."""
    return message.startswith(TAG)


class FrameReader:
    """Reads the Frames of one answer, in order; knows the symbols that came with them."""

    def __init__(self, symbols: SymbolTable, budget: Budget, *, endpoint: str) -> None:
        self._symbols = symbols
        self._budget = budget
        self._endpoint = endpoint
        self._codes = np.zeros(256, np.int32)
        self._known = 1

    def read(self, message: bytes) -> Frame:
        """Return the frame, codes in the symbols of the query.

        Raises StoreError naming the endpoint where the bytes break the format, and LimitError before columns are made
        that would exceed the budget.
        """
        place = self._find_header(message)
        counts = Counts(*HEADER.unpack_from(message, place))
        place += HEADER.size
        if min(counts) < 0 or counts.total_bytes != len(message) - place:
            raise self._bad(f"{counts} in {len(message) - place} bytes")
        columns_bytes = GROWTH * counts.columns_bytes
        try:
            self._budget.charge(columns_bytes)
            return self._read(np.frombuffer(message, np.uint8), place, counts)
        finally:
            self._budget.release(columns_bytes)

    def _find_header(self, message: bytes) -> int:
        """Return where the header starts; the field has to fill its message."""
        length, place = 0, len(TAG)
        for shift, octet in enumerate(message[place : place + LONGEST_VARINT]):
            length |= (octet & 127) << 7 * shift
            place += 1
            if octet < 128:
                break
        if length != len(message) - place or length < HEADER.size:
            raise self._bad(f"a field of {length} bytes in a message of {len(message)}")
        return place

    def _read(self, data: NDArray[np.uint8], place: int, counts: Counts) -> Frame:
        columns = _view_columns(data[place : place + counts.columns_bytes].copy(), counts)
        sums = tuple(int(columns[name].sum()) for name in ("pair_count", "chunk_count", "symbol_length", "length"))
        if sums != (counts.pairs, counts.chunks, counts.symbol_bytes, counts.payload_bytes):
            raise self._bad(f"sums {sums} of columns that say {counts}")
        place += counts.columns_bytes
        self._learn(data, place, columns["symbol_length"])
        labels = LabelRows(
            find_starts(columns["pair_count"]), self._look_up(columns["name"]), self._look_up(columns["value"]),
            self._symbols,
        )  # fmt: skip
        bad = find_bad_row(labels.row_start, labels.name, labels.value, *self._symbols.arrays())
        if bad < len(labels):
            raise self._bad(f"labels of row {bad} that are not sorted by name, each name once and none empty")
        row = np.repeat(np.arange(counts.rows, dtype=np.int32), columns["chunk_count"])
        equal = labels.equal_neighbours()
        if equal.any():  # a series that goes on
            labels = labels.take(np.flatnonzero(~equal))
            row = (np.cumsum(~equal, dtype=np.int32) - 1)[row]
        return Frame(labels, self._chunk_columns(columns, row, place + counts.symbol_bytes), (data,))

    def _chunk_columns(
        self, columns: dict[str, NDArray[np.integer]], row: NDArray[np.int32], payload_at: int
    ) -> ChunkColumns:
        aggregate, encoding = columns["aggregate"].astype(np.uint8), columns["encoding"].astype(np.uint8)
        if len(row) and (aggregate.max() > max(Aggregate) or encoding.min() < 1 or encoding.max() > MAX_ENCODING):
            raise self._bad("an unknown aggregate, or an encoding that is none")
        ends = find_starts(columns["length"])
        min_ms = columns["min_ms"]
        found = ChunkColumns(
            row=row,
            min_ms=min_ms.astype(np.int64),
            max_ms=columns["max_ms"].astype(np.int64),
            aggregate=aggregate,
            encoding=encoding,
            buffer=np.zeros(len(row), np.int32),
            start=payload_at + ends[:-1],
            length=columns["length"].astype(np.int64),
            source=self._look_up(columns["source"]),
        )
        if bool(np.any((row[1:] == row[:-1]) & (min_ms[1:] < min_ms[:-1]))):
            return found.take(np.lexsort((min_ms, row)))
        return found

    def _learn(self, data: NDArray[np.uint8], place: int, length: NDArray[np.integer]) -> None:
        """Take up the new symbols, which lie at `place`."""
        if not len(length):
            return
        ends = place + find_starts(length)
        codes = self._symbols.intern_spans(data, ends[:-1], np.ascontiguousarray(ends[1:]))
        known = self._known + len(codes)
        if known > len(self._codes):
            self._codes = np.append(self._codes, np.zeros(2 * known - len(self._codes), np.int32))
        self._codes[self._known : known] = codes
        self._known = known

    def _look_up(self, numbers: NDArray[np.integer]) -> NDArray[np.int32]:
        if len(numbers) and int(numbers.max()) >= self._known:
            raise self._bad(f"symbol {int(numbers.max())} of {self._known}")
        found: NDArray[np.int32] = self._codes[numbers]
        return found

    def _bad(self, found: str) -> StoreError:
        return StoreError(
            f"store {self._endpoint} sent a bad Series answer: expected a Frame, found {found}",
            endpoint=self._endpoint,
        )


def _view_columns(data: NDArray[np.uint8], counts: Counts) -> dict[str, NDArray[np.integer]]:
    found, place = {}, 0
    for name, kind, of in COLUMNS:
        size = kind.itemsize * int(getattr(counts, of))
        found[name] = data[place : place + size].view(kind)
        place += size
    return found
