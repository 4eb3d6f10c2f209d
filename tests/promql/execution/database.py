"""Series in memory, fed to an Execution in batches: what the tests of operators ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.result import QueryResult, ScalarResult, VectorResult
from promontory.model.samples import STALE_NAN_BITS, Samples
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import MAX_SAMPLES, Execution
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan

LANGUAGE = ParserOptions(ALL_FEATURES)
STALE = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])
Points = Sequence[tuple[int, float]]
Column = tuple[NDArray[np.int64], NDArray[np.float64]]


def at(time_ms: int) -> TimeGrid:
    """Return the grid of an instant query."""
    return TimeGrid(time_ms, time_ms, 0)


class Database:
    """Series by labels. `rows` are answered as {labels as text: [value or None, …]}."""

    def __init__(self) -> None:
        self.series: dict[Labels, Column] = {}

    def add(self, name: str, labels: Mapping[str, str], points: Points) -> Database:
        """Add a series of (time in ms, value)."""
        key = Labels.from_mapping({"__name__": name, **labels})
        self.series[key] = (
            np.array([time for time, _ in points], np.int64), np.array([value for _, value in points], np.float64)
        )  # fmt: skip
        return self

    def answer(
        self, text: str, grid: TimeGrid, *, batch_rows: int = 3, options: PlanOptions | None = None,
        max_samples: int = MAX_SAMPLES, context: QueryContext | None = None,
    ) -> QueryResult:  # fmt: skip
        """Plan, feed in batches of so many series, and finish."""
        with ThreadPoolExecutor(1) as pool:
            context = context or QueryContext(clock=SystemClock(), pool=pool)
            plan = make_plan(parse_query(text, LANGUAGE), grid, replace(options or PlanOptions(), text=text.encode()))
            execution = Execution(plan, context, max_samples=max_samples)
            with execution:
                for index, planned in enumerate(plan.selects):
                    found = self._find(planned.selector)
                    for start in range(0, len(found), batch_rows):
                        samples = self._samples(found[start : start + batch_rows], planned.selector, context)
                        for part in execution.split(index, samples):
                            execution.absorb(index, execution.prepare(index, part))
                return execution.finish()

    def rows(self, text: str, grid: TimeGrid, *, batch_rows: int = 3) -> dict[str, list[float | None]]:
        """Return the vector that a query gives, in its order."""
        return rows_of(self.answer(text, grid, batch_rows=batch_rows))

    def _find(self, selector: Selector) -> list[Labels]:
        return sorted(
            labels for labels in self.series
            if all(matcher.matches(labels.get(matcher.name)) for matcher in selector.matchers)
        )  # fmt: skip

    def _samples(self, chosen: list[Labels], selector: Selector, context: QueryContext) -> Samples:
        columns = []
        for labels in chosen:
            times, values = self.series[labels]
            seen = (times >= selector.time_range.min_time_ms) & (times <= selector.time_range.max_time_ms)
            columns.append((times[seen], values[seen]))
        return Samples(
            labels=LabelRows.from_labels(chosen, context.symbols),
            row_start=np.concatenate([[0], np.cumsum([len(times) for times, _ in columns])]).astype(np.int64),
            timestamps_ms=np.concatenate([times for times, _ in columns]),
            values=np.concatenate([values for _, values in columns]),
        )


def rows_of(result: QueryResult) -> dict[str, list[float | None]]:
    """Return the rows of a vector or scalar result, in their order."""
    assert isinstance(result.value, VectorResult | ScalarResult)
    steps = result.value.steps
    order = range(len(steps)) if steps.order is None else [int(row) for row in steps.order]
    return {
        str(steps.labels.labels(row)): [
            float(value) if present else None
            for value, present in zip(steps.values[row], steps.present[row], strict=True)
        ]
        for row in order
    }
