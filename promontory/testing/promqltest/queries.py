"""Queries over a Database as Prometheus' test engine asks them, every feature of the language on.

The limit of samples is our own: Prometheus' tests allow 10,000, and count them in another way than columns do.
"""

from __future__ import annotations

from dataclasses import dataclass

from promontory.errors import QueryError
from promontory.model.result import QueryResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.nodes import Node, ValueType
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.types import value_type
from promontory.testing.promqltest.database import Database

LANGUAGE = ParserOptions(ALL_FEATURES)


@dataclass(frozen=True, slots=True)
class Query:
    """A query that is parsed once."""

    text: str
    node: Node

    @staticmethod
    def parse(text: str) -> Query:
        """Return the query of a text. Raises QueryError."""
        return Query(text, parse_query(text, LANGUAGE))

    def answer(self, database: Database, grid: TimeGrid, *, batch_rows: int) -> QueryResult:
        """Return the answer over a grid, series fed so many at a time."""
        found = value_type(self.node)
        if grid.step_ms and found not in (ValueType.VECTOR, ValueType.SCALAR):
            raise QueryError(
                f'invalid expression type "{found.value}" for range query, must be Scalar or instant Vector'
            )
        text = self.text.encode(errors="surrogateescape")
        options = PlanOptions(text=text, delayed_names=True, start_timestamps=True)
        plan = make_plan(self.node, grid, options)
        execution = Execution(plan, database.context)
        for index, planned in enumerate(plan.selects):
            for samples in database.select(planned.selector).split(batch_rows):
                for part in execution.split(index, samples):
                    execution.absorb(index, execution.prepare(index, part))
        return execution.finish()
