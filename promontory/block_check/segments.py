"""The chunk files of a block by the numbers that refs carry: ref = segment number << 32 | offset of the record."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import CHUNKS_DIRECTORY
from promontory.block_check.files import BlockFiles
from promontory.kernels.chunk_windows import OFFSET_MASK, SEGMENT_SHIFT

_NAME = re.compile(rf"{CHUNKS_DIRECTORY}/([0-9]{{6}})")

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


class Segments:
    """The segment files that are there; `paths` by their number, from 0."""

    def __init__(self, files: BlockFiles) -> None:
        self._files = files
        found = {path: _NAME.fullmatch(path) for path in files.sizes}
        self.paths = {int(match[1]) - 1: path for path, match in sorted(found.items()) if match and int(match[1])}

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self._files.sizes[path] for path in self.paths.values())

    def read(self, number: int) -> Bytes:
        """Return the bytes of a segment; none where it is not there. Raises BucketError."""
        path = self.paths.get(number)
        return np.empty(0, np.uint8) if path is None else self._files.read(path)

    def release(self, ref: int) -> None:
        """Let go of the memory that the records before one take; they can be read still."""
        number = ref >> SEGMENT_SHIFT
        for earlier, path in self.paths.items():
            if earlier <= number:
                self._files.release(path, ref & OFFSET_MASK if earlier == number else self._files.sizes[path])

    def parts(self, refs: Longs) -> Iterator[tuple[Bytes, Longs, Longs]]:
        """Yield (bytes of a segment, int64[k] which of `refs` lie in it, int64[k] their offsets)."""
        numbers = refs >> SEGMENT_SHIFT
        for number in np.unique(numbers).tolist():
            index = np.flatnonzero(numbers == number)
            yield self.read(number), index, refs[index] & OFFSET_MASK
