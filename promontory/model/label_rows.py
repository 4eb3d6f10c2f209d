"""LabelRows: the label sets of many series as codes, CSR.

    row_start int64[n + 1] · name int32[p] · value int32[p]     pairs of a row sorted by the bytes of the name

No pair has an empty value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable


@dataclass(frozen=True, slots=True)
class LabelRows:
    """n label sets whose codes live in `symbols`."""

    row_start: NDArray[np.int64]
    name: NDArray[np.int32]
    value: NDArray[np.int32]
    symbols: SymbolTable

    def __len__(self) -> int:
        return len(self.row_start) - 1

    @staticmethod
    def from_labels(labels: Sequence[Labels], symbols: SymbolTable) -> LabelRows:
        """Return rows of label values; for small inputs and tests."""
        pairs = [pair for row in labels for pair in row.pairs]
        counts = [len(row.pairs) for row in labels]
        return LabelRows(
            row_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            name=np.array([symbols.intern(name) for name, _ in pairs], np.int32),
            value=np.array([symbols.intern(value) for _, value in pairs], np.int32),
            symbols=symbols,
        )

    def labels(self, row: int) -> Labels:
        """Return one row as a value; for the rim and tests."""
        span = slice(int(self.row_start[row]), int(self.row_start[row + 1]))
        return Labels(
            tuple(
                (self.symbols.text(int(name)), self.symbols.text(int(value)))
                for name, value in zip(self.name[span], self.value[span], strict=True)
            )
        )
