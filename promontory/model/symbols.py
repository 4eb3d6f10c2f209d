"""The SymbolTable: one a query, append-only, equal code = equal string.

Labels are bytes: old blocks hold invalid UTF-8. Code 0 is the empty string, which is also "label absent".
Order is not in the codes: compare bytes at the first differing pair, or ask for `ranks`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.label_rows import sort_rows
from promontory.kernels.symbols import find_slot, hash_bytes, intern_spans, rebuild_slots

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item", bound=np.generic)

EMPTY = 0
# Names of labels are asked for again and again; what is remembered of them stays small.
MOST_FOUND = 256
# So little is searched in less time than a kernel is called.
FEW_BYTES = 4096


class SymbolTable:
    """Distinct byte strings and their codes. Interning is thread-safe; codes never change once given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blob = np.zeros(4096, np.uint8)
        self._start = np.zeros(257, np.int64)
        self._hashes = np.zeros(256, np.uint64)
        self._slots = np.zeros(512, np.int32)
        self._count = np.zeros(1, np.int64)
        self._found: dict[bytes, int] = {}
        self.intern(b"")

    def __len__(self) -> int:
        return int(self._count[0])

    @property
    def resident_bytes(self) -> int:
        """Bytes held by the table."""
        return self._blob.nbytes + self._start.nbytes + self._hashes.nbytes + self._slots.nbytes

    @property
    def blob(self) -> NDArray[np.uint8]:
        """uint8[capacity]: the strings of all codes; a view that stays right for the codes known now."""
        return self._blob

    @property
    def start(self) -> NDArray[np.int64]:
        """int64[capacity]: `start[c]` .. `start[c + 1]` is the string of code c in `blob`."""
        return self._start

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return (blob, start) that belong together, for kernels that compare bytes."""
        with self._lock:
            return self._blob, self._start

    def intern(self, text: bytes) -> int:
        """Return the code of `text`, adding it if it is new."""
        data = np.frombuffer(text, np.uint8)
        return int(self.intern_spans(data, np.zeros(1, np.int64), np.array([len(text)], np.int64))[0])

    def intern_spans(
        self, data: NDArray[np.uint8], span_start: NDArray[np.int64], span_end: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Return int32[n] codes of the strings data[span_start[i]:span_end[i]], adding the new ones."""
        codes = np.empty(len(span_start), np.int32)
        done = 0
        with self._lock:
            while True:
                done = intern_spans(
                    data, span_start, span_end, codes, done,
                    self._blob, self._start, self._hashes, self._slots, self._count,
                )  # fmt: skip
                if done == len(codes):
                    return codes
                self._grow(int(span_end[done] - span_start[done]))

    def adopt(self, other: SymbolTable) -> NDArray[np.int32]:
        """Intern every string of `other`; return int32[len(other)]: its codes here."""
        known, (blob, start) = len(other), other.arrays()  # in this order: the table may grow in between
        return self.intern_spans(blob, start[:known], np.ascontiguousarray(start[1 : known + 1]))

    def find(self, text: bytes) -> int | None:
        """Return the code of `text`, or None when the table does not hold it."""
        known = self._found.get(text)
        if known is not None:
            return known
        data = np.frombuffer(text, np.uint8)
        with self._lock:
            used = int(self._start[self._count[0]])
            if used <= FEW_BYTES and text not in self._blob[:used].tobytes():
                return None
            digest = hash_bytes(data, 0, len(text))
            slot = find_slot(data, self._blob, self._start, self._hashes, self._slots, 0, len(text), digest)
            code = int(self._slots[slot]) - 1
        if code < 0:
            return None
        if len(self._found) < MOST_FOUND:
            self._found[text] = code
        return code

    def text(self, code: int) -> bytes:
        """Return the string of a code."""
        return self._blob[self._start[code] : self._start[code + 1]].tobytes()

    def ranks(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return int32[len(codes)]: the place of each string among them in byte order."""
        distinct, inverse = np.unique(codes, return_inverse=True)
        count = len(distinct)
        index, scratch, runs = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count + 1, np.int64)
        rows = (np.arange(count + 1), distinct, np.zeros(count, np.int32), *self.arrays())
        order = scratch if sort_rows(*rows, index, scratch, runs) else index
        rank = np.empty(count, np.int32)
        rank[order] = np.arange(count, dtype=np.int32)
        return rank[inverse]

    def arrow(self, codes: NDArray[np.int32]) -> pa.LargeBinaryArray:
        """Return the strings of `codes` as an Arrow array, for regexes and export."""
        import pyarrow as pa

        known, (blob, start) = len(self), self.arrays()  # in this order: the table may grow in between
        offsets = pa.py_buffer(np.ascontiguousarray(start[: known + 1]))
        every = pa.LargeBinaryArray.from_buffers(pa.large_binary(), known, [None, offsets, pa.py_buffer(blob)])
        return every.take(pa.array(codes))

    def _grow(self, room: int) -> None:
        known = int(self._count[0])
        used = int(self._start[known])
        if 2 * (known + 1) >= len(self._slots) or known + 1 >= len(self._hashes):
            self._start = _extended(self._start, 2 * len(self._hashes) + 1)
            self._hashes = _extended(self._hashes, 2 * len(self._hashes))
            slots = np.zeros(2 * len(self._hashes), np.int32)
            rebuild_slots(self._hashes, known, slots)
            self._slots = slots
        if used + room > len(self._blob):
            self._blob = _extended(self._blob, max(2 * len(self._blob), used + room))


def _extended(array: NDArray[Item], size: int) -> NDArray[Item]:
    grown = np.zeros(size, array.dtype)
    grown[: len(array)] = array
    return grown
