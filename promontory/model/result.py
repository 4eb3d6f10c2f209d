"""QueryResult: the answer of a query before it is written out."""

from __future__ import annotations

from dataclasses import dataclass, field

from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid


@dataclass(frozen=True, slots=True)
class Annotations:
    """Warnings and infos in the order they arose, each once."""

    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VectorResult:
    """An instant vector (grid of one) or a matrix (range query): rows sorted by labels unless steps.order says."""

    grid: TimeGrid
    steps: Steps


@dataclass(frozen=True, slots=True)
class ScalarResult:
    """A scalar at each time of the grid: `steps` has one label-less row, always present."""

    grid: TimeGrid
    steps: Steps


@dataclass(frozen=True, slots=True)
class SamplesResult:
    """A range vector asked for as an instant query: raw samples, rows sorted by labels."""

    grid: TimeGrid
    samples: Samples


@dataclass(frozen=True, slots=True)
class StringResult:
    """A string literal."""

    grid: TimeGrid
    text: str


@dataclass(frozen=True, slots=True)
class QueryStats:
    """What an answer took: seconds before and while samples were read, samples read, and the most held at once."""

    preparation_s: float
    evaluation_s: float
    samples_read: int
    peak_samples: int


@dataclass(frozen=True, slots=True)
class QueryResult:
    """An answer with its annotations. `partial` says that a Store's failure made some of the warnings.

    `analysis` is JSON, what each part of the query did; empty where nobody asked.
    """

    value: VectorResult | ScalarResult | SamplesResult | StringResult
    annotations: Annotations = field(default_factory=Annotations)
    partial: bool = False
    stats: QueryStats | None = None
    analysis: bytes = b""
