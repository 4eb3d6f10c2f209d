"""Run: what the operators of one query share: context, limits on what is held, annotations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from promontory.errors import LimitError
from promontory.model.context import QueryContext
from promontory.model.result import Annotations
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.values import Value, held_bytes, held_samples
from promontory.promql.plan.position import NOWHERE, Position

# A float64 and whether it is present.
CELL_BYTES = 9
TOO_MANY_SAMPLES = "query processing would load too many samples into memory in query execution"


class Detail(Protocol):
    """What an info says behind its words, joined over all that it is about."""

    def joined(self, other: Self) -> Self:
        """Return both as one."""

    def text(self) -> str:
        """Return the details in words."""


class Run:
    """One evaluation. Thread-safe: batches are prepared side by side.

    `max_samples` bounds the samples held at one time, as in Prometheus; a batch that is folded at once is not held.
    The switches are those of PlanOptions.
    """

    def __init__(
        self,
        context: QueryContext,
        *,
        max_samples: int = 50_000_000,
        delayed_names: bool = False,
        start_timestamps: bool = False,
        type_and_unit: bool = False,
    ) -> None:
        self.context = context
        self.delayed_names = delayed_names
        self.start_timestamps = start_timestamps
        self.type_and_unit = type_and_unit
        self._max_samples = max_samples
        self._lock = threading.Lock()
        self._noted = threading.local()
        self._held_samples = 0
        self._charged_bytes = 0
        self._closed = False
        self.peak_samples = 0
        """The most samples that were held at one time."""
        self.samples_read = 0
        """Raw samples that were fed."""
        self._warnings: dict[str, Position] = {}
        self._occurrences: dict[str, int] = {}
        self._infos: dict[str, Position] = {}
        self._details: dict[str, tuple[Position, Detail]] = {}

    @property
    def symbols(self) -> SymbolTable:
        """The symbol table of the query."""
        return self.context.symbols

    @property
    def stop(self) -> NDArray[np.uint8]:
        """uint8[1], polled by kernels."""
        return self.context.stop

    def check(self) -> None:
        """Raise LimitError where the query was canceled or timed out."""
        self.context.check()

    def hold(self, value: Value) -> None:
        """Count a value as held. Raises LimitError beyond the limit of samples or bytes."""
        samples = held_samples(value)
        self.charge(held_bytes(value))
        with self._lock:
            self._held_samples += samples
            held = self._held_samples
            self.peak_samples = max(self.peak_samples, held)
        if held > self._max_samples:
            raise LimitError(TOO_MANY_SAMPLES)

    def release(self, value: Value) -> None:
        """Count a value as gone."""
        self.give_back(held_bytes(value))
        with self._lock:
            self._held_samples -= held_samples(value)

    def charge(self, size_bytes: int) -> None:
        """Take bytes of the query's budget, which has them back where the evaluation fails. Raises LimitError."""
        with self._lock:
            if self._closed:
                return
            self._charged_bytes += size_bytes
            self.context.budget.charge(size_bytes)

    def give_back(self, size_bytes: int) -> None:
        """Give bytes back that were charged."""
        with self._lock:
            if self._closed:
                return
            self._charged_bytes -= size_bytes
            self.context.budget.release(size_bytes)

    def close(self) -> None:
        """Give back all that is charged, where the evaluation failed; a thread may still be at it."""
        with self._lock:
            left_bytes, self._charged_bytes, self._closed = self._charged_bytes, 0, True
        self.context.budget.release(left_bytes)

    def count_read(self, samples: int) -> None:
        """Count raw samples as fed."""
        with self._lock:
            self.samples_read += samples

    def refuse_beyond(self, samples: int) -> None:
        """Raise LimitError where an array of so many samples would be too much, before it is made."""
        if samples > self._max_samples:
            raise LimitError(TOO_MANY_SAMPLES)

    def expect(self, rows: int, count: int) -> None:
        """Raise LimitError where a vector of so many rows and times could not be held, before it is made."""
        if not rows:
            return
        self.refuse_beyond(count)
        self.expect_bytes(rows * count * CELL_BYTES)

    def expect_bytes(self, size_bytes: int) -> None:
        """Raise LimitError where so many bytes could not be held."""
        try:
            self.charge(size_bytes)
        finally:
            self.give_back(size_bytes)

    @property
    def notes_here(self) -> int:
        """How often this thread noted anything so far."""
        return getattr(self._noted, "count", 0)

    def warn(self, text: str, position: Position) -> None:
        """Note a warning, once for its text, with the last place where it arose."""
        with self._noting():
            self._warnings[text] = _latest(self._warnings.get(text, NOWHERE), position)

    def warn_often(self, text: str, position: Position, occurrences: int) -> None:
        """Note a warning that says how often it arose where that is more than once; it names the first place."""
        with self._noting():
            places = (self._warnings.get(text, position), *position.places)
            self._warnings[text] = min(places, key=lambda place: place.order)
            self._occurrences[text] = self._occurrences.get(text, 0) + occurrences * len(position.places)

    def inform(self, text: str, position: Position) -> None:
        """Note an info, once for its text, with the last place where it arose."""
        with self._noting():
            self._infos[text] = _latest(self._infos.get(text, NOWHERE), position)

    def inform_joined(self, text: str, position: Position, detail: Detail) -> None:
        """Note an info whose details are joined over all places where it arose; it names the first of them."""
        with self._noting():
            first, before = self._details.get(text, (position, None))
            for _ in position.places:
                before = detail if before is None else before.joined(detail)
            assert before is not None
            self._details[text] = (first, before)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        self._noted.count = self.notes_here + 1
        with self._lock:
            yield

    def annotations(self) -> Annotations:
        """Return what was noted, as the API shows it."""
        often = {text: f" ({count} occurrences)" for text, count in self._occurrences.items() if count > 1}
        warnings = {text + often.get(text, ""): position for text, position in self._warnings.items()}
        infos = self._infos | {text + detail.text(): place for text, (place, detail) in self._details.items()}
        return Annotations(
            warnings=tuple(_shown("PromQL warning", warnings)),
            infos=tuple(_shown("PromQL info", infos)),
        )


def _latest(before: Position, position: Position) -> Position:
    """Return the place that is evaluated last, whichever thread came first: Prometheus keeps the last it met."""
    return max((before, *position.places), key=lambda place: place.order)


def _shown(kind: str, noted: dict[str, Position]) -> list[str]:
    return [
        f"{kind}: {text} ({position.text})" if position.text else f"{kind}: {text}" for text, position in noted.items()
    ]
