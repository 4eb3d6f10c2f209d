"""Forks: what stands at several places of a query and is computed once.

    samples ──► stem ──┬──► branch ──► fold           stem, branches: Pipelines
                       ├──► branch ──► collected ──┬─► operator
                       │                           └─► operator
                       └──► subset ──► fold

A stem's stages run once over a batch; branches go on from there. Who needs rows as a whole shares one branch that
collects them, and Shared hands its value to all. All pipelines of a select are prepared by one thread one after the
other (Execution.prepare), so what the stem made of a batch waits for them in that thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from promontory.model.samples import Samples
from promontory.promql.execution.choose_rows import ChooseRowsStage
from promontory.promql.execution.operator import Batch, Operator
from promontory.promql.execution.pipeline import Pipeline
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import Value


class Shared:
    """An operator whose value several others take; it is held until the last let it go."""

    def __init__(self, body: Operator) -> None:
        self._body = body
        self._value: Value | None = None
        self._done = False
        self.users = 0

    @property
    def inputs(self) -> Sequence[Operator]:
        """The body, until it was evaluated."""
        return () if self._done else (self._body,)

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return the value of the body, evaluated for the first that asks."""
        if not self._done:
            (self._value,) = values
            self._done = True
        assert self._value is not None
        return self._value

    def let_go(self) -> bool:
        """Count a user as done; say whether it was the last."""
        self.users -= 1
        if not self.users:
            self._value = None
        return not self.users


class Stem:
    """The stages that several pipelines begin with, those of `pipeline`; thread-safe."""

    def __init__(self, run: Run, pipeline: Pipeline) -> None:
        self.run = run
        self.pipeline = pipeline
        self.branches = 0
        self._finished = False
        self._made = threading.local()

    def batch_of(self, samples: Samples) -> tuple[Batch, bool]:
        """Return what the stages make of a batch, and whether they noted nothing of it.

        Asked once by each branch, one after the other in one thread.
        """
        made = self._made
        if getattr(made, "samples", None) is not samples:
            before = self.run.notes_here
            made.batch = self.pipeline.prepare(samples)
            made.quiet = self.run.notes_here == before
            made.samples, made.waiting = samples, self.branches
        batch, quiet = made.batch, made.quiet
        made.waiting -= 1
        if not made.waiting:
            made.samples = made.batch = None
        return batch, quiet

    def finish(self) -> None:
        """All batches were seen: raise what only the whole shows, for the first branch that asks."""
        if not self._finished:
            self._finished = True
            self.pipeline.finish_stages()


class Branch(Pipeline):
    """A pipeline that goes on from a stem."""

    def __init__(self, stem: Stem) -> None:
        super().__init__(stem.run, fixed_name=stem.pipeline.fixed_name)
        self._stem = stem
        stem.branches += 1
        self.continue_from(stem.pipeline)

    def begin(self, samples: Samples) -> Batch:
        """Return what the stem makes of a batch."""
        return self._stem.batch_of(samples)[0]

    def finish_stages(self) -> None:
        """All batches were seen."""
        self._stem.finish()
        super().finish_stages()


class SubsetBranch(Pipeline):
    """A pipeline over some rows of a stem that computes the same as `own` does of the samples of these.

    What the stem noted may be of other rows and is of another place: then `own` computes, and notes.
    """

    def __init__(self, stem: Stem, own: Pipeline, choose: ChooseRowsStage) -> None:
        super().__init__(stem.run, fixed_name=own.fixed_name)
        self._stem = stem
        self._own = own
        self._choose = choose
        stem.branches += 1
        self.continue_from(own)

    def begin(self, samples: Samples) -> Batch:
        """Return the rows chosen from what the stem made of a batch, or computed anew."""
        batch, quiet = self._stem.batch_of(samples)
        return self._choose.apply(batch) if quiet else self._own.prepare(samples)

    def finish_stages(self) -> None:
        """All batches were seen; the stem's rows are looked at by the place that wants them all."""
        self._own.finish_stages()
        super().finish_stages()


class Fork:
    """The value of a part of a plan, for all places at which it stands.

    register: takes each pipeline that is to be fed · an open pipeline becomes the stem, anything else is shared whole
    """

    def __init__(self, run: Run, body: Operator, register: Callable[[Pipeline], None]) -> None:
        self._register = register
        self._stem = Stem(run, body) if isinstance(body, Pipeline) and body.open else None
        self._shared = None if self._stem is not None else Shared(body)

    @property
    def inputs(self) -> Sequence[Operator]:
        """None of its own: whoever takes the value asks for a branch or for the whole."""
        return ()

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Never called."""
        raise AssertionError("a fork is taken by branch() or whole()")

    def branch(self) -> Operator:
        """Return the value for an operator that goes on row by row where it can."""
        if self._stem is None:
            return self.whole()
        return self._registered(Branch(self._stem))

    def whole(self) -> Operator:
        """Return the value for an operator that needs all rows."""
        if self._shared is None:
            assert self._stem is not None
            self._shared = Shared(self._registered(Branch(self._stem)))
        self._shared.users += 1
        return self._shared

    def subset(self, own: Pipeline, choose: ChooseRowsStage) -> Pipeline:
        """Return a pipeline over the rows that are chosen, which computes the same as `own`."""
        assert self._stem is not None, "what reads is an open pipeline"
        return self._registered(SubsetBranch(self._stem, own, choose))

    def _registered(self, pipeline: Pipeline) -> Pipeline:
        self._register(pipeline)
        return pipeline
