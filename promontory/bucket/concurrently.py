"""Many small reads at once, with a bound; the first failure ends the rest and is raised as itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

DEFAULT_CONCURRENCY = 32

Item = TypeVar("Item")
Result = TypeVar("Result")


async def map_concurrently(
    function: Callable[[Item], Awaitable[Result]], items: Sequence[Item], *, limit: int = DEFAULT_CONCURRENCY
) -> list[Result]:
    """Return the results of a function over items, in their order, at most `limit` of them running."""
    results: dict[int, Result] = {}
    left = iter(enumerate(items))

    async def work() -> None:
        for position, item in left:
            results[position] = await function(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(limit, len(items))):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [results[position] for position in range(len(items))]
