"""/api/v1/format_query and /api/v1/parse_query: what a query says, without evaluating it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from promontory.api.answer import Answer, Body, success, success_of
from promontory.api.call import Call
from promontory.api.failure import query_failure
from promontory.errors import PromontoryError

T = TypeVar("T")


async def answer_format(call: Call) -> Answer:
    """Answer with the query laid out over several lines."""
    return success_of(await _read(call, call.backend.engine.format))


async def answer_syntax(call: Call) -> Answer:
    """Answer with the tree of the query."""
    return success(Body(await _read(call, call.backend.engine.syntax)))


async def _read(call: Call, read: Callable[[str], T]) -> T:
    text = call.parameters.text("query")
    try:
        return await asyncio.get_running_loop().run_in_executor(call.backend.pool, read, text)
    except PromontoryError as error:
        raise query_failure(error) from error
