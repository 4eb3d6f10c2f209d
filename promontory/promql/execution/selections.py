"""The aggregations that choose or count rows: sinks like the folds, but not of a value a group.

Each is made of (run, node, count of times, parameter); where the parameter is not known before the query is
evaluated, or the vector is no select's, the sink is made and fed late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from promontory.model.steps import Steps
from promontory.promql.execution.count_values import CountValuesSink
from promontory.promql.execution.limits import LimitSink, RatioSink
from promontory.promql.execution.operator import Operator
from promontory.promql.execution.pipeline import Sink
from promontory.promql.execution.tops import TopSink
from promontory.promql.execution.values import Value

SELECTIONS: dict[str, Callable[..., Sink]] = {
    "bottomk": TopSink,
    "count_values": CountValuesSink,
    "limit_ratio": RatioSink,
    "limitk": LimitSink,
    "topk": TopSink,
}


@dataclass(frozen=True, slots=True)
class SinkOperator:
    """A sink over a vector that is there as a whole; the inputs are the vector and what the sink is made of."""

    make_sink: Callable[..., Sink]
    inputs: Sequence[Operator]

    def evaluate(self, values: Sequence[Value]) -> Value:
        """Return what the sink makes of the vector."""
        vector, *parameters = values
        assert isinstance(vector, Steps)
        sink = self.make_sink(*parameters)
        sink.absorb(vector)
        return sink.finish()
