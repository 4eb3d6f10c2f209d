"""Database: what a script has loaded, as columns, found by selectors.

The columns are made once after a load and serve all queries until the next; so does their symbol table.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.histograms import cells_of
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.testing.histogram_values import HistogramValue, histograms_of
from promontory.testing.promqltest.classic_histograms import convert_classic_histograms
from promontory.testing.promqltest.literals import Value
from promontory.testing.promqltest.reset_hints import show_stored_hints
from promontory.testing.promqltest.script import Load


class Database:
    """Series by labels, each by time."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._values: dict[Labels, dict[int, Value]] = {}
        self._starts: dict[Labels, dict[int, int]] = {}
        self._context: QueryContext | None = None
        self._samples: Samples | None = None
        self._matched: dict[tuple[Matcher, ...], Samples] = {}

    def clear(self) -> None:
        """Forget all series."""
        self._values = {}
        self._starts = {}
        self._forget_columns()

    def load(self, command: Load) -> None:
        """Add the series of a load command. Raises InputError where a sample is there already with another value."""
        fresh = {
            labels: {place * command.step_ms: value for place, value in enumerate(values) if value is not None}
            for labels, values in command.series.items()
        }
        if command.convert_classic:
            fresh |= convert_classic_histograms(fresh)
        for labels, points in fresh.items():
            self._add(labels, points)
        for labels, offsets in command.starts.items():
            self._starts.setdefault(labels, {}).update(
                {
                    place * command.step_ms: place * command.step_ms + offset
                    for place, offset in enumerate(offsets)
                    if offset is not None
                }
            )
        self._forget_columns()

    @property
    def context(self) -> QueryContext:
        """The context of queries over the columns as they are."""
        if self._context is None:
            self._context = QueryContext(clock=SystemClock(), pool=self._pool)
        return self._context

    def select(self, selector: Selector) -> Samples:
        """Return the series that a selector names within its time range, by labels."""
        found = self._matched.get(selector.matchers)
        if found is None:
            found = self._all().take(self._find(selector.matchers))
            self._matched[selector.matchers] = found
        times = found.timestamps_ms
        wanted = selector.time_range
        return found.keep((times >= wanted.min_time_ms) & (times <= wanted.max_time_ms))

    def _add(self, labels: Labels, points: Mapping[int, Value]) -> None:
        known = self._values.setdefault(labels, {})
        for time_ms, value in points.items():
            if not _is_same(known.setdefault(time_ms, value), value):
                raise InputError(f"expected one value for {labels} at {time_ms} ms, found two")

    def _forget_columns(self) -> None:
        self._context = None
        self._samples = None
        self._matched = {}

    def _find(self, matchers: tuple[Matcher, ...]) -> NDArray[np.int64]:
        rows = [
            row for row, labels in enumerate(sorted(self._values))
            if all(matcher.matches(labels.get(matcher.name)) for matcher in matchers)
        ]  # fmt: skip
        return np.array(rows, np.int64)

    def _all(self) -> Samples:
        if self._samples is None:
            self._samples = self._columns()
        return self._samples

    def _columns(self) -> Samples:
        times: list[int] = []
        numbers: list[float] = []
        starts: list[int] = []
        held: list[bool] = []
        histograms: list[HistogramValue] = []
        row_start = [0]
        chosen = sorted(self._values)
        for labels in chosen:
            points = sorted(self._values[labels].items())
            began = self._starts.get(labels, {})
            times += [time_ms for time_ms, _ in points]
            starts += [began.get(time_ms, 0) for time_ms, _ in points]
            numbers += [value.number for _, value in points]
            held += [value.histogram is not None for _, value in points]
            histograms += show_stored_hints([value.histogram for _, value in points])
            row_start.append(len(times))
        return Samples(
            labels=LabelRows.from_labels(chosen, self.context.symbols),
            row_start=np.array(row_start, np.int64),
            timestamps_ms=np.array(times, np.int64),
            values=np.array(numbers, np.float64),
            histograms=cells_of(np.array(held, np.bool_), histograms_of(histograms, self.context.symbols)),
            start_ms=np.array(starts, np.int64) if any(starts) else None,
        )


def _is_same(left: Value, right: Value) -> bool:
    """Say whether two values are one; a reset hint that is stated or not makes no difference."""
    floats = np.array([left.number, right.number]).view(np.uint64)
    return bool(floats[0] == floats[1]) and replace(left, number=0.0, hint_stated=False) == replace(
        right, number=0.0, hint_stated=False
    )
