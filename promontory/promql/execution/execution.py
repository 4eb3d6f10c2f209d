"""Execution: a plan that is fed and answers.

    execution = Execution(plan, context, max_samples=…)
    for each select i, for each part of execution.split(i, samples) of each of its batches, in order:
        prepared = execution.prepare(i, part)     # any thread, several at a time
        execution.absorb(i, prepared)                # one at a time
    result = execution.finish()

All of it is for the kernel pool: nothing here awaits. Around all of this stands `with execution`: where it fails, what
is charged to the query's budget is given back; the answer stays charged.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult, VectorResult
from promontory.model.samples import Samples, drop_stale
from promontory.model.steps import Steps
from promontory.promql.execution.build import Builder
from promontory.promql.execution.forks import Shared
from promontory.promql.execution.metered import MeteredBuilder
from promontory.promql.execution.meters import Meters
from promontory.promql.execution.names import drop_marked_names, drop_marked_samples_names
from promontory.promql.execution.operator import Batch, Operator
from promontory.promql.execution.run import CELL_BYTES, Run
from promontory.promql.execution.values import Value, compact, constant_steps, take_steps
from promontory.promql.plan.plan import Plan
from promontory.promql.plan.walk import walk_tree

MAX_SAMPLES = 50_000_000
# Cells of the vectors that are made of one part, as if all were floats: few short series over many times would else be
# gigabytes.
BATCH_CELLS = 4 << 20


class Execution:
    """One evaluation of a plan; `meters`, where there are any, see what each place of it does."""

    def __init__(
        self, plan: Plan, context: QueryContext, *, max_samples: int = MAX_SAMPLES, meters: Meters | None = None
    ) -> None:
        self._plan = plan
        self._meters = meters
        self._run = Run(
            context,
            max_samples=max_samples,
            delayed_names=plan.options.delayed_names,
            start_timestamps=plan.options.start_timestamps,
            type_and_unit=plan.options.type_and_unit,
        )
        builder = Builder(self._run) if meters is None else MeteredBuilder(self._run, meters)
        self._root = builder.build(plan.root, plan.grid)
        self._pipelines = [builder.pipelines[select.selector] for select in plan.selects]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            self._run.close()

    @property
    def peak_samples(self) -> int:
        """The most samples that were held at one time so far."""
        return self._run.peak_samples

    @property
    def samples_read(self) -> int:
        """Raw samples that were fed so far."""
        return self._run.samples_read

    def rows_at_once(self, index: int) -> int:
        """Return how many series of select `index` have small vectors over all times, in all pipelines."""
        return max(1, BATCH_CELLS // max(1, self._width(index)))

    def split(self, index: int, samples: Samples) -> Iterator[Samples]:
        """Yield a batch in parts whose vectors over all times, in all pipelines, are small; thread-safe."""
        self._run.count_read(len(samples.timestamps_ms))
        width = self._width(index)
        if samples.histograms is not None:
            # A function of them may make one of its own at each time.
            table = samples.histograms.table
            width *= 1 + table.resident_bytes // (max(len(table), 1) * CELL_BYTES)
        return samples.split(max(1, BATCH_CELLS // max(1, width)))

    def _width(self, index: int) -> int:
        return sum(pipeline.width for pipeline in self._pipelines[index])

    def prepare(self, index: int, samples: Samples) -> Sequence[Batch]:
        """Return a batch of select `index` as each of its pipelines wants it; thread-safe."""
        return [pipeline.prepare(samples) for pipeline in self._pipelines[index]]

    def absorb(self, index: int, prepared: Sequence[Batch]) -> None:
        """Take a prepared batch; in the order of the batches of its select."""
        for pipeline, batch in zip(self._pipelines[index], prepared, strict=True):
            pipeline.absorb(batch)

    def finish(self) -> QueryResult:
        """Return the answer, once everything was absorbed."""
        value = walk_tree(self._evaluate, self._root)
        grid = self._plan.grid
        if isinstance(value, Steps):
            answer = VectorResult(grid, self._ordered(value))
            return QueryResult(answer, self._run.annotations())
        if isinstance(value, Samples):
            samples = drop_marked_samples_names(drop_stale(value))
            return QueryResult(SamplesResult(grid, _sorted_samples(samples)), self._run.annotations())
        if isinstance(value, str):
            return QueryResult(StringResult(grid, value), self._run.annotations())
        steps = constant_steps(LabelRows.from_labels([Labels()], self._run.symbols), value)
        return QueryResult(ScalarResult(grid, steps), self._run.annotations())

    def _evaluate(self, operator: Operator) -> Generator[Operator, Value, Value]:
        inputs = operator.inputs
        values = []
        for child in inputs:
            values.append((yield child))
        self._run.check()
        value = operator.evaluate(values) if self._meters is None else self._meters.evaluate(operator, values)
        self._run.check()
        if isinstance(operator, Shared):  # held since its body was evaluated, once for all who take it
            return value
        for child, used in zip(inputs, values, strict=True):
            if not isinstance(child, Shared) or child.let_go():
                self._run.release(used)
        self._run.hold(value)
        return value

    def _ordered(self, steps: Steps) -> Steps:
        """Return the rows present at some time, by labels unless an instant answer has an order of its own."""
        steps = compact(drop_marked_names(steps))
        # A range query of one step is a range query: step_ms is 0 for instant ones alone.
        if steps.order is not None and self._plan.grid.step_ms == 0:
            return steps
        if steps.labels.is_sorted():
            return steps if steps.order is None else replace(steps, order=None)
        return take_steps(steps, steps.labels.sort_index())


def _sorted_samples(samples: Samples) -> Samples:
    """Return the series that have samples, by labels."""
    index = samples.labels.sort_index()
    index = index[np.diff(samples.row_start)[index] > 0]
    return samples if np.array_equal(index, np.arange(len(samples))) else samples.take(index)
