"""What a script consists of: commands, each with the line it begins on, counted from 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from promontory.model.labels import Labels
from promontory.model.time_range import TimeGrid
from promontory.testing.promqltest.literals import Values

if TYPE_CHECKING:
    import re2


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget all that was loaded."""

    line: int


@dataclass(frozen=True, slots=True)
class Load:
    """Add series: value number i stands at i * step. `starts` are start timestamps relative to the samples, in ms.

    `convert_classic` adds histograms with custom buckets made of classic ones, `load_with_nhcb`.
    """

    line: int
    step_ms: int
    series: Mapping[Labels, Values]
    starts: Mapping[Labels, tuple[int | None, ...]] = field(default_factory=dict)
    convert_classic: bool = False


class Kind(Enum):
    """What an `expect` line is about; the value is its word."""

    ORDERED = "ordered"
    FAIL = "fail"
    WARN = "warn"
    NO_WARN = "no_warn"
    INFO = "info"
    NO_INFO = "no_info"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A text, or part of one as a regular expression; with neither, any will do."""

    kind: Kind
    message: str | None = None
    regex: re2._Regexp[bytes] | None = None

    def matches(self, text: str) -> bool:
        """Say whether a text is what was expected."""
        if self.regex is not None:
            return self.regex.search(text.encode(errors="surrogateescape")) is not None
        return self.message is None or self.message == text

    def __str__(self) -> str:
        if self.regex is not None:
            return f"pattern {self.regex.pattern.decode(errors='replace')!r}"
        return "anything" if self.message is None else f"message {self.message!r}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A query at one time or over a grid, and what it must give.

    `rows` are the expected series in the order in which they stand; `number` an expected scalar, `text` a string;
    `points` the times of an expected range vector. A grid with a step is a range query.
    """

    line: int
    query: str
    grid: TimeGrid
    expectations: tuple[Expectation, ...] = ()
    rows: Mapping[Labels, Values] = field(default_factory=dict)
    number: float | None = None
    text: str | None = None
    points: TimeGrid | None = None

    @property
    def is_range(self) -> bool:
        """Whether it is a range query."""
        return self.grid.step_ms > 0

    def of(self, kind: Kind) -> list[Expectation]:
        """Return the expectations of one kind."""
        return [expectation for expectation in self.expectations if expectation.kind is kind]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A command that is none: counts as an evaluation that failed."""

    line: int
    command: str
    reason: str


Command = Clear | Load | Evaluation | Unreadable
