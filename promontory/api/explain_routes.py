"""/api/v1/query_explain and /api/v1/query_range_explain: what a query would do; the parameters are the query's.

Source: thanos pkg/api/query/v1.go, whose answer for these is a tree of names.
"""

from __future__ import annotations

from promontory.api.answer import Answer, Body, success
from promontory.api.call import Call
from promontory.api.failure import query_failure
from promontory.api.gate import Gate
from promontory.api.query_routes import read_grid
from promontory.errors import PromontoryError
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.result import Annotations
from promontory.model.time_range import TimeGrid


class ExplainRoutes:
    """Explains queries. Their postings are read: so many at once as the gate lets through."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def instant(self, call: Call) -> Answer:
        """Explain an instant query."""
        time_ms = call.parameters.time_ms("time", default_ms=call.backend.clock.now_ms())
        options = call.options(default_resolution_ms=call.settings.instant_resolution_ms, step_ms=0)
        return await self._explain(call, TimeGrid(time_ms, time_ms, 0), options)

    async def range(self, call: Call) -> Answer:
        """Explain a range query."""
        grid = read_grid(call)
        return await self._explain(call, grid, call.options(default_resolution_ms=0, step_ms=grid.step_ms))

    async def _explain(self, call: Call, grid: TimeGrid, options: QueryOptions) -> Answer:
        context = call.new_context()

        async def explain(context: QueryContext) -> bytes:
            async with self._gate.enter(context):
                return await call.backend.engine.explain(call.parameters.text("query"), grid, options, context)

        try:
            tree = await call.guard(context, explain(context))
        except PromontoryError as error:
            raise query_failure(error) from error
        warnings = Annotations(tuple(context.warnings))
        return success(Body(tree), warnings, is_partial=bool(context.warnings))
