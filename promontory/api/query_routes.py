"""/api/v1/query and /api/v1/query_range."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from promontory.api.answer import Answer, Body, success
from promontory.api.call import Call
from promontory.api.encoder import TRUNCATED, encode_result
from promontory.api.failure import bad_data, invalid_parameter, query_failure
from promontory.api.gate import Gate
from promontory.api.stats import deprecation_of, write_stats
from promontory.errors import PromontoryError
from promontory.model.context import QueryContext
from promontory.model.result import Annotations, QueryResult
from promontory.model.time_range import TimeGrid

MOST_POINTS = 11_000
DEFAULT_POINTS = 250


class QueryRoutes:
    """Evaluates queries, so many at once as the gate lets through."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def instant(self, call: Call) -> Answer:
        """Answer an instant query."""
        limit = call.parameters.limit()
        time_ms = call.parameters.time_ms("time", default_ms=call.backend.clock.now_ms())
        options = call.options(default_resolution_ms=call.settings.instant_resolution_ms, step_ms=0)
        context = call.new_context()
        text = call.parameters.text("query")

        def work() -> Awaitable[QueryResult]:
            return call.backend.engine.instant(text, time_ms, options, context)

        return await self._answer(call, context, work, is_range=False, limit=limit)

    async def range(self, call: Call) -> Answer:
        """Answer a range query."""
        limit = call.parameters.limit()
        grid = read_grid(call)
        options = call.options(default_resolution_ms=0, step_ms=grid.step_ms)
        context = call.new_context()
        text = call.parameters.text("query")

        def work() -> Awaitable[QueryResult]:
            return call.backend.engine.range(text, grid, options, context)

        return await self._answer(call, context, work, is_range=True, limit=limit)

    async def _answer(
        self,
        call: Call,
        context: QueryContext,
        work: Callable[[], Awaitable[QueryResult]],
        *,
        is_range: bool,
        limit: int,
    ) -> Answer:
        stats = call.parameters.text("stats")

        async def evaluate() -> Answer:
            clock = call.backend.clock
            asked_s = clock.monotonic_s()
            async with self._gate.enter(context):
                queue_s = clock.monotonic_s() - asked_s
                result = await work()
                encoded = await context.run(encode_result, result, is_range=is_range, limit=limit)
            warnings = dict.fromkeys((*result.annotations.warnings, *context.warnings))
            if encoded.is_truncated:
                warnings[TRUNCATED] = None
            if deprecation := deprecation_of(stats):
                warnings[deprecation] = None
            tail = encoded.tail
            if stats and result.stats:
                tail = tail.removesuffix(b"}") + b"," + write_stats(result.stats, queue_s=queue_s) + b"}"
            return success(
                Body(encoded.head, encoded.pieces, tail),
                Annotations(tuple(warnings), result.annotations.infos),
                is_partial=result.partial or bool(context.warnings),
            )

        try:
            return await call.guard(context, evaluate())
        except PromontoryError as error:
            raise query_failure(error) from error


def read_grid(call: Call) -> TimeGrid:
    """Return the time grid of a range query. Raises ApiError in Prometheus' words and order."""
    parameters = call.parameters
    start_ms = parameters.time_ms("start")
    end_ms = parameters.time_ms("end")
    if end_ms < start_ms:
        raise invalid_parameter("end", "end timestamp must not be before start time")
    default_ms = max((end_ms - start_ms) // DEFAULT_POINTS, call.settings.default_step_ms)
    step_ms = parameters.duration_ms("step", default_ms=default_ms)
    if step_ms <= 0:
        raise invalid_parameter(
            "step", "zero or negative query resolution step widths are not accepted. Try a positive integer"
        )
    if (end_ms - start_ms) // step_ms > MOST_POINTS:
        raise bad_data(
            f"exceeded maximum resolution of {MOST_POINTS:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return TimeGrid(start_ms, end_ms, step_ms)
