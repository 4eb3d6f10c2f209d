"""Pipeline: one select's samples, through its stages, into a sink.

`prepare` runs the stages over a batch on any thread; `absorb` takes what it gave, in the order of the batches, one
at a time: that order alone decides the digits of a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from promontory.model.samples import Samples, concat_samples
from promontory.model.steps import Steps
from promontory.promql.execution.operator import Batch, Operator, Stage
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value, compact, concat_steps, knows_types, merge_equal


class Sink(Protocol):
    """Where the batches of a pipeline end."""

    def absorb(self, batch: Batch) -> None:
        """Take a batch; batches come in order."""

    def finish(self) -> Value:
        """Return the value of all batches, and hold nothing any more."""


class Pipeline:
    """An operator that is fed. Built open, stage by stage, and closed by a sink.

    `width` is how many times the widest vector within has.
    """

    def __init__(self, run: Run, *, fixed_name: bool) -> None:
        self.run = run
        self.fixed_name = fixed_name
        self.stages: list[Stage] = []
        self.open = True
        self.width = 0
        self._count: int | None = None
        self._sink: Sink = CollectSamples(run)

    @property
    def inputs(self) -> Sequence[Operator]:
        """None: a pipeline is fed."""
        return ()

    def then(self, stage: Stage, *, count: int | None) -> Pipeline:
        """Add a stage; what it gives are samples, or vectors over `count` times."""
        assert self.open
        self.stages.append(stage)
        self.width = max(self.width, count or 0)
        self._count = count
        self._sink = self.collector()
        return self

    def close(self, sink: Sink) -> Pipeline:
        """End in `sink` instead of keeping the rows."""
        assert self.open
        self.open = False
        self._sink = sink
        return self

    def observe(self, stages: list[Stage], sink_around: Callable[[Sink], Sink]) -> None:
        """Run stages that watch its own, and end in what watches its sink."""
        self.stages = stages
        self._sink = sink_around(self._sink)

    def continue_from(self, other: Pipeline) -> None:
        """Begin with what the stages of another give."""
        self._count = other._count
        self.width = other.width
        self._sink = self.collector()

    def collector(self) -> Sink:
        """Return a new sink that keeps the rows after all stages."""
        return CollectSamples(self.run) if self._count is None else CollectSteps(self.run, self._count)

    def begin(self, samples: Samples) -> Batch:
        """Return a batch before the first stage; thread-safe."""
        if samples.start_ms is not None and not self.run.start_timestamps:
            return replace(samples, start_ms=None)
        return samples

    def prepare(self, samples: Samples) -> Batch:
        """Return the batch after all stages; thread-safe."""
        self.run.check()
        batch = self.begin(samples)
        for stage in self.stages:
            batch = stage.apply(batch)
        # A kernel that saw the stop flag left rows out.
        self.run.check()
        return batch

    def absorb(self, batch: Batch) -> None:
        """Take what `prepare` gave; in order, one at a time."""
        self._sink.absorb(batch)
        self.run.check()

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return what the sink made of all batches."""
        assert not values
        self.finish_stages()
        return self._sink.finish()

    def finish_stages(self) -> None:
        """All batches were seen by the stages."""
        for stage in self.stages:
            stage.finish()


class CollectSteps:
    """A sink that keeps the rows present at some time."""

    def __init__(self, run: Run, count: int) -> None:
        self._run = run
        self._count = count
        self._parts: list[Steps] = []

    def absorb(self, batch: Batch) -> None:
        """Keep the rows of a batch."""
        assert isinstance(batch, Steps)
        part = compact(batch)
        if len(part):
            self._run.hold(part)
            self._parts.append(part)

    def finish(self) -> Value:
        """Return all rows."""
        for part in self._parts:
            self._run.release(part)
        steps = concat_steps(self._parts, self._run.symbols, self._count)
        self._parts = []
        # Series that were told apart by their types alone, of which a stage took these.
        return merge_equal(steps) if knows_types(self._run.symbols) and not self._run.delayed_names else steps


class CollectSamples:
    """A sink that keeps raw samples."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: list[Samples] = []

    def absorb(self, batch: Batch) -> None:
        """Keep the samples of a batch."""
        assert isinstance(batch, Samples)
        if len(batch):
            self._run.hold(batch)
            self._parts.append(batch)

    def finish(self) -> Value:
        """Return all samples."""
        for part in self._parts:
            self._run.release(part)
        parts, self._parts = self._parts, []
        return concat_samples(parts) if parts else Samples.empty(self._run.symbols)
