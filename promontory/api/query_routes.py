"""/api/v1/query and /api/v1/query_range."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from promontory.api.answer import Answer, success, with_member
from promontory.api.call import Call
from promontory.api.encoder import TRUNCATED, EncodedResult, encode_result, is_small
from promontory.api.failure import bad_data, invalid_parameter, query_failure
from promontory.api.gate import Gate
from promontory.api.outbox import Outbox
from promontory.api.stats import deprecation_of, write_stats
from promontory.errors import LimitError, PromontoryError
from promontory.model.context import QueryContext
from promontory.model.result import Annotations, QueryResult
from promontory.model.time_range import TimeGrid

MOST_POINTS = 11_000
DEFAULT_POINTS = 250


class QueryRoutes:
    """Evaluates queries, so many at once as the gate lets through."""

    def __init__(self, gate: Gate, outbox: Outbox) -> None:
        self._gate = gate
        self._outbox = outbox

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
        async def evaluate() -> Answer:
            clock = call.backend.clock
            asked_s = clock.monotonic_s()
            async with self._gate.enter(context):
                queue_s = clock.monotonic_s() - asked_s
                result = await work()
                encode = partial(encode_result, result, is_range=is_range, limit=limit)
                encoded = encode() if is_small(result) else await context.run(encode)
                answer = _answer(call, context, result, encoded, queue_s=queue_s)
                if not encoded.body.held_bytes:
                    return answer
                await self._admit(encoded.body.held_bytes, context)
                return replace(answer, on_sent=partial(self._outbox.release, encoded.body.held_bytes))

        try:
            return await call.guard(context, evaluate())
        except PromontoryError as error:
            raise query_failure(error) from error

    async def _admit(self, held_bytes: int, context: QueryContext) -> None:
        try:
            await self._outbox.admit(held_bytes)
        except asyncio.CancelledError:
            remaining_s = context.remaining_s()
            if remaining_s is None or remaining_s > 0:
                raise
            raise LimitError(
                f"query timed out: its answer of {held_bytes} bytes waited for other clients to read theirs "
                "(--query.max-unsent)", error_type="timeout",
            ) from None  # fmt: skip


def _answer(
    call: Call, context: QueryContext, result: QueryResult, encoded: EncodedResult, *, queue_s: float
) -> Answer:  # fmt: skip
    warnings = dict.fromkeys((*result.annotations.warnings, *context.warnings))
    if encoded.is_truncated:
        warnings[TRUNCATED] = None
    stats = call.parameters.text("stats")
    if deprecation := deprecation_of(stats):
        warnings[deprecation] = None
    body = encoded.body
    if stats and result.stats:
        body = with_member(body, write_stats(result.stats, queue_s=queue_s))
    if result.analysis:
        body = with_member(body, b'"analysis":' + result.analysis)
    notes = Annotations(tuple(warnings), result.annotations.infos)
    return success(body, notes, is_partial=result.partial or bool(context.warnings))


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
