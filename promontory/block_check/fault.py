"""Fault: one thing that is wrong with a block, and its place. Faults: the first of them, and how many of each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from promontory.errors import CorruptionError


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in which file of the block, and where in it.

    `kind` is a word for programs · `offset` in the file in bytes, None where the fault has none · `series` the text of
    its labels, empty where it is not about one.
    """

    kind: str
    file: str
    problem: str
    offset: int | None = None
    series: str = ""

    def __str__(self) -> str:
        place = f"{self.file} at offset {self.offset}" if self.offset is not None else self.file
        return f"{place}: {f'series {self.series}: ' if self.series else ''}{self.problem}"


class Faults:
    """Collects faults: all are counted, the first `limit` are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.kept: list[Fault] = []
        self.counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many faults there are."""
        return self.counts.total()

    @property
    def is_full(self) -> bool:
        """Whether further faults are only counted."""
        return len(self.kept) >= self._limit

    def add(self, kind: str, file: str, problem: str, *, offset: int | None = None, series: str = "") -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if not self.is_full:
            self.kept.append(Fault(kind, file, problem, offset, series))

    def count(self, kind: str, number: int) -> None:
        """Count faults that are not described."""
        if number:
            self.counts[kind] += number

    def add_corruption(self, kind: str, file: str, error: CorruptionError, *, shift: int = 0) -> None:
        """Note an error of a reader; its offset counts from `shift` in the file."""
        what = str(error).partition(f" in {error.source}")[0]
        problem = f"{what}: expected {error.expected}, found {error.found}"
        self.add(kind, file, problem, offset=error.offset + shift)
