"""PostingsSpool: refs of series by label, sorted on disk where there are many.

    run    key int64[p], rising, then ref uint32[p], rising within a key        a list is what all runs hold of a key

16 MiB stay in memory; whenever there are more they are sorted and go as one run to a file, which has no name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from promontory.block.series_spool import open_unnamed

SPOOL_BYTES = 16 << 20
# Refs of several lists that are sorted at a time.
BATCH_REFS = 1 << 20
KEY_BYTES, REF_BYTES = 8, 4

Offsets = NDArray[np.int64]
Refs = NDArray[np.uint32]


class PostingsSpool:
    """Takes pairs of a key and a ref, refs rising, and gives back the refs of each key, keys rising."""

    def __init__(self, directory: Path) -> None:
        """Begin with none; what does not stay in memory goes to a file in the directory."""
        self._directory = directory
        self._opened = ExitStack()
        self._file: IO[bytes] | None = None
        self._pending: list[tuple[Offsets, Refs]] = []
        self._pending_pairs = 0
        self._run_start = [0]

    def append(self, key: Offsets, ref: Refs) -> None:
        """Take key int64[p] and ref uint32[p]; the refs of one key rise, here and after those before."""
        self._pending.append((key, ref))
        self._pending_pairs += len(key)
        if self._pending_pairs * (KEY_BYTES + REF_BYTES) > SPOOL_BYTES:
            self._write_run(*self._sort_pending())

    def read(self) -> Iterator[tuple[Offsets, Offsets, Refs]]:
        """Yield (key int64[l], list_start int64[l + 1], ref uint32[…]) of some lists at a time."""
        if self._file is None:
            yield _cut_lists(*self._sort_pending())
            return
        if self._pending:
            self._write_run(*self._sort_pending())
        self._file.flush()
        runs = self._map_runs(self._file)
        low = [0] * len(runs)
        for bound in _find_bounds([key for key, _ in runs]):
            high = [len(key) if bound is None else int(np.searchsorted(key, bound)) for key, _ in runs]
            spans = [slice(*span) for span in zip(low, high, strict=True)]
            keys = np.concatenate([key[span] for (key, _), span in zip(runs, spans, strict=True)])
            refs = np.concatenate([ref[span] for (_, ref), span in zip(runs, spans, strict=True)])
            order = np.argsort(keys, kind="stable")
            if len(order):
                yield _cut_lists(keys[order], refs[order])
            low = high

    def close(self) -> None:
        """Remove the file."""
        self._opened.close()
        self._file = None

    def _sort_pending(self) -> tuple[Offsets, Refs]:
        keys = np.concatenate([key for key, _ in self._pending] or [np.empty(0, np.int64)])
        refs = np.concatenate([ref for _, ref in self._pending] or [np.empty(0, np.uint32)])
        self._pending.clear()
        self._pending_pairs = 0
        order = np.argsort(keys, kind="stable")
        return keys[order], refs[order]

    def _write_run(self, key: Offsets, ref: Refs) -> None:
        if self._file is None:
            self._file = self._opened.enter_context(open_unnamed(self._directory))
        self._file.write(key.data)
        self._file.write(ref.data)
        self._run_start.append(self._run_start[-1] + len(key))

    def _map_runs(self, file: IO[bytes]) -> list[tuple[Offsets, Refs]]:
        """Return the keys and refs of each run; mapped, so that just the pages that are looked at are read."""
        runs: list[tuple[Offsets, Refs]] = []
        for start, end in zip(self._run_start, self._run_start[1:], strict=False):
            place, count = start * (KEY_BYTES + REF_BYTES), end - start
            key = np.memmap(file, np.int64, "r", offset=place, shape=(count,))
            ref = np.memmap(file, np.uint32, "r", offset=place + KEY_BYTES * count, shape=(count,))
            runs.append((key, ref))
        return runs


def _find_bounds(runs: Sequence[Offsets]) -> list[int | None]:
    """Return keys, rising, between which there are about BATCH_REFS pairs, or one key; None at the end is no bound."""
    step = max(BATCH_REFS // len(runs) // 4, 1)
    sampled = np.sort(np.concatenate([run[::step] for run in runs]))
    return [*np.unique(sampled[:: max(BATCH_REFS // step, 1)]).tolist(), None]


def _cut_lists(key: Offsets, ref: Refs) -> tuple[Offsets, Offsets, Refs]:
    begins = np.ones(len(key), np.bool_)
    begins[1:] = key[1:] != key[:-1]
    first = np.flatnonzero(begins)
    return key[first], np.append(first, len(key)), ref
