"""SeriesSpool: the labels and chunk entries of a block's series, until its index can be written.

Labels are codes until then: the numbers of symbols are known only when all symbols are. 16 MiB stay in memory;
whenever there are more they go to a file, which has no name, so that nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.symbols import EMPTY, SymbolTable

SPOOL_BYTES = 16 << 20

Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]
Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class IndexedSeries:
    """n series in order: labels, and entries[entry_start[r] : entry_start[r + 1]], the chunks part of each entry."""

    labels: LabelRows
    entries: NDArray[np.uint8]
    entry_start: Offsets

    @property
    def resident_bytes(self) -> int:
        """Bytes of the columns."""
        return self.labels.resident_bytes + self.entries.nbytes + self.entry_start.nbytes


class SeriesSpool:
    """Takes series in order and gives them back, once all are there, as often as wanted."""

    def __init__(self, directory: Path, symbols: SymbolTable) -> None:
        """Begin with none; what does not stay in memory goes to a file in the directory."""
        self.symbols = symbols
        self._directory = directory
        self._opened = ExitStack()
        self._file: IO[bytes] | None = None
        self._pending: list[IndexedSeries] = []
        self._pending_bytes = 0
        self._written: list[tuple[int, int, int]] = []
        self._used = np.zeros(1, np.bool_)

    def append(self, series: IndexedSeries) -> None:
        """Take series that come after those before."""
        known = len(self.symbols)
        if known > len(self._used):
            self._used = np.concatenate([self._used, np.zeros(2 * known - len(self._used), np.bool_)])
        self._used[series.labels.name] = True
        self._used[series.labels.value] = True
        self._pending.append(series)
        self._pending_bytes += series.resident_bytes
        if self._pending_bytes > SPOOL_BYTES:
            self._write(_join(self._pending))
            self._pending.clear()
            self._pending_bytes = 0

    def used_codes(self) -> Codes:
        """Return int32[s]: the codes of all strings of the labels, the empty one always among them."""
        self._used[EMPTY] = True
        return np.flatnonzero(self._used).astype(np.int32)

    def read(self) -> Iterator[IndexedSeries]:
        """Yield all series, some at a time."""
        if self._file is not None:
            self._file.seek(0)
            for sizes in self._written:
                yield self._read(self._file, *sizes)
        if self._pending:
            yield _join(self._pending)

    def close(self) -> None:
        """Remove the file."""
        self._opened.close()
        self._file = None

    def _write(self, series: IndexedSeries) -> None:
        if self._file is None:
            self._file = self._opened.enter_context(open_unnamed(self._directory))
        labels = series.labels
        for column in (labels.row_start, labels.name, labels.value, series.entry_start, series.entries):
            self._file.write(np.ascontiguousarray(column).data)
        self._written.append((len(labels), len(labels.name), len(series.entries)))

    def _read(self, file: IO[bytes], rows: int, pairs: int, entry_bytes: int) -> IndexedSeries:
        row_start = _read_array(file, np.int64, rows + 1)
        name, value = _read_array(file, np.int32, pairs), _read_array(file, np.int32, pairs)
        entry_start = _read_array(file, np.int64, rows + 1)
        entries = _read_array(file, np.uint8, entry_bytes)
        return IndexedSeries(LabelRows(row_start, name, value, self.symbols), entries, entry_start)


def open_unnamed(directory: Path) -> AbstractContextManager[IO[bytes]]:
    """Return a new file in a directory that has no name there, to be entered; leaving it frees its bytes."""
    return TemporaryFile(dir=directory)


def _join(parts: Sequence[IndexedSeries]) -> IndexedSeries:
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(len(part.entries) for part in parts)])
    starts = [part.entry_start[:-1] + end for part, end in zip(parts, ends, strict=False)]
    return IndexedSeries(
        concat_rows([part.labels for part in parts]),
        np.concatenate([part.entries for part in parts]),
        np.concatenate([*starts, ends[-1:]]),
    )


def _read_array(file: IO[bytes], dtype: type[Item], count: int) -> NDArray[Item]:
    array = np.fromfile(file, dtype, count)
    assert len(array) == count, "a spool that someone has cut"
    return array
