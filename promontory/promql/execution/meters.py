"""Meters: what each place of a plan did, where a query is analyzed. Nothing of this stands in the way of others.

CPU is that of the thread that works, and of the threads that help it (MeteredPool), not the time that passes; what is
measured within something measured counts for the inner one alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np

from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.promql.execution.operator import Operator
from promontory.promql.execution.values import Value, held_bytes, held_samples

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Meter:
    """What one place did: how often it was called, its CPU, and what it gave.

    rows: series present at some time, once for each batch that holds them · samples: values present, or raw samples ·
    peak_samples and peak_bytes: the most that it gave at once
    """

    calls: int = 0
    cpu_ns: int = 0
    rows: int = 0
    samples: int = 0
    peak_samples: int = 0
    peak_bytes: int = 0


class Meters:
    """The meters of one evaluation, those of `places` in the order of the plan's outline. Thread-safe."""

    def __init__(self) -> None:
        self.places: list[Meter] = []
        self._lock = threading.Lock()
        self._here = threading.local()
        self._operators: dict[int, tuple[Operator, Meter, bool]] = {}

    def add(self) -> Meter:
        """Return the meter of the next place."""
        meter = Meter()
        self.places.append(meter)
        return meter

    def watch(self, operator: Operator, meter: Meter, *, gives: bool) -> bool:
        """Measure an operator; `gives`: its value is what the place gives. Say whether it was not watched before."""
        return self._operators.setdefault(id(operator), (operator, meter, gives))[0] is operator

    def is_watched(self, operator: Operator) -> bool:
        """Say whether an operator is measured."""
        return id(operator) in self._operators

    def evaluate(self, operator: Operator, values: Sequence[Value]) -> Value:
        """Return the value of an operator, measured where it is watched."""
        found = self._operators.get(id(operator))
        if found is None:
            return operator.evaluate(values)
        _, meter, gives = found
        value = self.measure(meter, operator.evaluate, values)
        if gives:
            self.count(meter, value)
        return value

    def measure(self, meter: Meter, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `work` returns, its CPU counted."""
        outer = self.current
        self._here.meter = meter
        began_ns = time.thread_time_ns()
        try:
            return work(*args, **kwargs)
        finally:
            spent_ns = time.thread_time_ns() - began_ns
            self._here.meter = outer
            with self._lock:
                meter.calls += 1
            self.spend(meter, spent_ns)
            if outer is not None:
                self.spend(outer, -spent_ns)

    def count(self, meter: Meter, value: Value) -> None:
        """Count what a place gave."""
        rows, samples = count_rows(value), held_samples(value)
        with self._lock:
            meter.rows += rows
            meter.samples += samples
            meter.peak_samples = max(meter.peak_samples, samples)
        self.count_bytes(meter, value)

    def count_bytes(self, meter: Meter, value: Value) -> None:
        """Count bytes that a place gave at once."""
        size_bytes = held_bytes(value)
        with self._lock:
            meter.peak_bytes = max(meter.peak_bytes, size_bytes)

    def spend(self, meter: Meter, cpu_ns: int) -> None:
        """Count CPU."""
        with self._lock:
            meter.cpu_ns += cpu_ns

    @property
    def current(self) -> Meter | None:
        """What this thread measures now."""
        found: Meter | None = getattr(self._here, "meter", None)
        return found


class MeteredPool(Executor):
    """A pool whose tasks count for `whole`, and for what the thread that submits them measures."""

    def __init__(self, pool: Executor, meters: Meters, whole: Meter) -> None:
        self._pool = pool
        self._meters = meters
        self._whole = whole

    def submit(self, work: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a function in the pool."""
        meter = self._meters.current

        def run() -> R:
            began_ns = time.thread_time_ns()
            try:
                return work(*args, **kwargs)
            finally:
                spent_ns = time.thread_time_ns() - began_ns
                self._meters.spend(self._whole, spent_ns)
                if meter is not None:
                    self._meters.spend(meter, spent_ns)

        return self._pool.submit(run)


def count_rows(value: Value) -> int:
    """Return the series of a value that are present at some time."""
    if isinstance(value, Steps):
        return int(np.count_nonzero(value.present.any(axis=1)))
    return len(value) if isinstance(value, Samples) else 0
