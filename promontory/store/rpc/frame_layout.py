"""The layout of a Frame on the wire: SeriesResponse.frame, version 1. All numbers are little-endian.

    header    int64[6]   how many rows n · pairs p · chunks c · symbols s · bytes of symbols · bytes of payload
    columns   min_ms, max_ms int64[c] · length, source uint32[c] · pair_count, chunk_count uint32[n] ·
              name, value uint32[p] · symbol_length uint32[s] · aggregate, encoding uint8[c]
    symbols   the strings that this answer did not hold before, one after the other
    payload   the chunks' data, one after the other in the order of the chunks

Names, values and sources are numbers of symbols: 0 is the empty string, 1 the first symbol of the first Frame of the
answer, counted on over its Frames. Rows are in Store order, chunks in that of rows and then of their start.
Source: docs/formats/wire.md.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

VERSION = 1
# Field 1001, length-delimited.
TAG = b"\xca\x3e"
HEADER = struct.Struct("<6q")
# Name, type, and of what there is one.
COLUMNS = (
    ("min_ms", np.dtype("<i8"), "chunks"),
    ("max_ms", np.dtype("<i8"), "chunks"),
    ("length", np.dtype("<u4"), "chunks"),
    ("source", np.dtype("<u4"), "chunks"),
    ("pair_count", np.dtype("<u4"), "rows"),
    ("chunk_count", np.dtype("<u4"), "rows"),
    ("name", np.dtype("<u4"), "pairs"),
    ("value", np.dtype("<u4"), "pairs"),
    ("symbol_length", np.dtype("<u4"), "symbols"),
    ("aggregate", np.dtype("u1"), "chunks"),
    ("encoding", np.dtype("u1"), "chunks"),
)
# Bytes of columns for one row, pair, chunk and symbol.
ROW_BYTES, PAIR_BYTES, CHUNK_BYTES, SYMBOL_BYTES = (
    sum(kind.itemsize for _, kind, of in COLUMNS if of == counted) for counted in ("rows", "pairs", "chunks", "symbols")
)


class Counts(NamedTuple):
    """The header."""

    rows: int
    pairs: int
    chunks: int
    symbols: int
    symbol_bytes: int
    payload_bytes: int

    @property
    def columns_bytes(self) -> int:
        """Bytes of the columns."""
        rows_bytes = ROW_BYTES * self.rows + PAIR_BYTES * self.pairs
        return rows_bytes + CHUNK_BYTES * self.chunks + SYMBOL_BYTES * self.symbols

    @property
    def total_bytes(self) -> int:
        """Bytes of all that follows the header."""
        return self.columns_bytes + self.symbol_bytes + self.payload_bytes
