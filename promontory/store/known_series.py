"""Series of blocks that are known already: what a block's index said of the series that some matchers select.

    matchers, replica labels  ->  labels of few series, and times, refs and bounded sizes of all their chunks

An index never changes, so what it said once holds for as long as its block is there. No samples are kept. Only what is
plain is: label sets once and in order, chunks of a series one after the other, records by rising refs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.block.series import SeriesRows
from promontory.kernels.known_chunks import choose_chunks, take_records
from promontory.model.label_rows import LabelRows
from promontory.model.symbols import SymbolTable

MOST_SERIES = 256
MOST_CHUNKS = 16_384
KNOWN_BYTES = 32 << 20
ENTRY_BYTES = 2_000
"""What an entry takes besides its columns."""

Offsets = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """n series in Store order with p labels in all, c chunks, t distinct texts.

    blob uint8[b], text_start, text_end int64[t] · row_start int64[n + 1] · name, value int32[p] and source int32[n]:
    texts · row int32[c] · min_ms, max_ms, ref, size int64[c]: as in ChunkRefs; the sizes become those of the records
    when these are read
    """

    blob: NDArray[np.uint8]
    text_start: Offsets
    text_end: Offsets
    row_start: Offsets
    name: Codes
    value: Codes
    source: Codes
    row: Codes
    min_ms: Offsets
    max_ms: Offsets
    ref: Offsets
    size: Offsets

    def __len__(self) -> int:
        return len(self.source)

    @property
    def resident_bytes(self) -> int:
        """Bytes that it is taken to hold."""
        return ENTRY_BYTES + int(sum(getattr(self, name).nbytes for name in self.__slots__))

    def intern(self, symbols: SymbolTable) -> tuple[LabelRows, Codes]:
        """Return the labels and int32[n], the sources, in the codes of a query."""
        codes = symbols.intern_spans(self.blob, self.text_start, self.text_end)
        return LabelRows(self.row_start, codes[self.name], codes[self.value], symbols), codes[self.source]


def describe_series(rows: SeriesRows, source: Codes, *, record_bytes: int) -> KnownSeries | None:
    """Return what is known of series in Store order with all their chunks, None where they are many or not plain."""
    labels = rows.labels
    if len(rows) > MOST_SERIES or int(rows.chunk_count.sum()) > MOST_CHUNKS:
        return None
    chunks = rows.read_chunks(0, len(rows))
    follows = chunks.row[1:] > chunks.row[:-1]
    is_plain = np.all(follows | (chunks.min_ms[1:] > chunks.max_ms[:-1])) and np.all(chunks.ref[1:] > chunks.ref[:-1])
    if not is_plain or labels.equal_neighbours().any():
        return None
    size = np.full(len(chunks), record_bytes, np.int64)
    np.minimum(size[:-1], np.diff(chunks.ref), out=size[:-1])
    used = np.unique(np.concatenate([labels.name, labels.value, source]))
    texts = [labels.symbols.text(code) for code in used.tolist()]
    bounds = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    for used_later in (choose_chunks, take_records):  # on the event loop, which is no place to load machine code
        assert used_later.compiled is not None
    name, value, places = (
        np.searchsorted(used, codes).astype(np.int32) for codes in (labels.name, labels.value, source)
    )
    return KnownSeries(
        np.frombuffer(b"".join(texts), np.uint8), bounds[:-1].copy(), bounds[1:].copy(), labels.row_start.copy(),
        name, value, places, chunks.row, chunks.min_ms, chunks.max_ms, chunks.ref, size,
    )  # fmt: skip


class KnownSeriesCache:
    """Known series of all blocks of a Store, those used last; thread-safe."""

    def __init__(self, limit_bytes: int = KNOWN_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, KnownSeries] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable) -> KnownSeries | None:
        """Return what is known under a key."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def keep(self, key: Hashable, entry: KnownSeries) -> None:
        """Keep an entry, and let go of those that were not used for longest."""
        with self._lock:
            before = self._entries.pop(key, None)
            self.held_bytes += entry.resident_bytes - (before.resident_bytes if before is not None else 0)
            self._entries[key] = entry
            while self.held_bytes > self._limit_bytes:
                _, dropped = self._entries.popitem(last=False)
                self.held_bytes -= dropped.resident_bytes
