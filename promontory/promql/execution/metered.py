"""MeteredBuilder: builds operators as Builder does, and puts meters around them.

Each place of the plan has a meter: the stages that it added to a pipeline, the sink with which it closed one, and the
operators that it made are its. They are put around what was built once all of it was.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from promontory.model.time_range import TimeGrid
from promontory.promql.execution.build import Asked, Builder
from promontory.promql.execution.forks import Fork
from promontory.promql.execution.meters import Meter, Meters
from promontory.promql.execution.operator import Batch, Operator, Stage
from promontory.promql.execution.pipeline import Pipeline, Sink
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value
from promontory.promql.plan.nodes import PlanNode, Read, Subset


@dataclass(frozen=True, slots=True)
class _Share:
    """The stages [start, end) of a pipeline that are one place's.

    `begins`: the place is where the rows come from. `closes`: it closed the pipeline. `gives`: its last stage, or its
    sink, gives what the place gives.
    """

    meter: Meter
    start: int
    end: int
    begins: bool = False
    closes: bool = False
    gives: bool = True


class MeteredBuilder(Builder):
    """Builds the operators of one plan; `meters` has one meter for each place then."""

    def __init__(self, run: Run, meters: Meters) -> None:
        super().__init__(run)
        self._meters = meters
        self._shares: dict[Pipeline, list[_Share]] = {}

    def build(self, root: PlanNode, grid: TimeGrid) -> Operator:
        """Return the operator of a plan's root."""
        operator = super().build(root, grid)
        for pipeline, shares in self._shares.items():
            self._put_meters(pipeline, shares)
        return operator

    def _visit(self, asked: Asked) -> Generator[Asked, Operator, Operator]:
        meter = self._meters.add()
        built = yield from super()._visit(asked)
        if isinstance(built, Pipeline):
            self._share(built, meter, begins=isinstance(asked[0], Read | Subset))
        elif not isinstance(built, Fork):
            self._watch(built, meter)
        return built

    def _share(self, pipeline: Pipeline, meter: Meter, *, begins: bool = False, gives: bool = True) -> None:
        shares = self._shares.setdefault(pipeline, [])
        start = shares[-1].end if shares else 0
        shares.append(_Share(meter, start, len(pipeline.stages), begins, not pipeline.open, gives))

    def _watch(self, built: Operator, meter: Meter) -> None:
        """Watch an operator, and those below it that no place below made."""
        waiting = [built]
        while waiting:
            operator = waiting.pop()
            if isinstance(operator, Pipeline):
                if operator not in self._shares:  # collects the rows of a stem, for all who want them whole
                    self._share(operator, meter, gives=False)
            elif not self._meters.is_watched(operator):
                self._meters.watch(operator, meter, gives=operator is built)
                waiting += operator.inputs

    def _put_meters(self, pipeline: Pipeline, shares: list[_Share]) -> None:
        stages: list[Stage] = []
        for share in shares:
            own = pipeline.stages[share.start : share.end] or ([_Pass()] if share.begins else [])
            for stage in own:
                gives = share.gives and not share.closes and stage is own[-1]
                stages.append(_MeteredStage(self._meters, share.meter, stage, gives=gives))
        last = shares[-1]
        gives = last.gives and last.closes
        pipeline.observe(stages, lambda sink: _MeteredSink(self._meters, last.meter, sink, gives=gives))


class _Pass:
    """A stage that does nothing: what is fed is counted there."""

    def apply(self, batch: Batch) -> Batch:
        """Return the batch."""
        return batch

    def finish(self) -> None:
        """Nothing is left."""


class _MeteredStage:
    """A stage, measured."""

    def __init__(self, meters: Meters, meter: Meter, stage: Stage, *, gives: bool) -> None:
        self._meters = meters
        self._meter = meter
        self._stage = stage
        self._gives = gives

    def apply(self, batch: Batch) -> Batch:
        """Return the rows evaluated."""
        result = self._meters.measure(self._meter, self._stage.apply, batch)
        if self._gives:
            self._meters.count(self._meter, result)
        return result

    def finish(self) -> None:
        """All batches were seen."""
        self._stage.finish()


class _MeteredSink:
    """A sink, measured."""

    def __init__(self, meters: Meters, meter: Meter, sink: Sink, *, gives: bool) -> None:
        self._meters = meters
        self._meter = meter
        self._sink = sink
        self._gives = gives

    def absorb(self, batch: Batch) -> None:
        """Take a batch."""
        self._meters.measure(self._meter, self._sink.absorb, batch)

    def finish(self) -> Value:
        """Return the value of all batches."""
        value = self._meters.measure(self._meter, self._sink.finish)
        if self._gives:
            self._meters.count(self._meter, value)
        else:
            self._meters.count_bytes(self._meter, value)
        return value
