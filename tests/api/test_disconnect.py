"""What ends the work of a request: its client, its deadline, the server; nothing is looked at for a quick answer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.api.disconnect import guard
from promontory.api.failure import ApiError
from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext


def context(timeout_s: float | None = None) -> QueryContext:
    return QueryContext(clock=SystemClock(), pool=ThreadPoolExecutor(1), timeout_s=timeout_s)


async def stays() -> dict[str, object]:
    await asyncio.Event().wait()
    raise AssertionError


async def never() -> dict[str, object]:
    raise AssertionError("a quick answer asks for nothing")


async def leaves() -> dict[str, object]:
    return {"type": "http.disconnect"}


async def wait_long() -> None:
    await asyncio.Event().wait()


async def test_a_quick_answer_is_not_watched() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await guard(work(), context(60), never) == 7
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_the_work_is_its_own() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await guard(fail(), context(), never)


async def test_a_client_that_leaves_cancels_the_query() -> None:
    query = context()
    with pytest.raises(ApiError, match="the client went away"):
        await guard(wait_long(), query, leaves)
    assert query.stop[0] != 0
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("timeout_s", [0.001, 0.05])
async def test_a_deadline_ends_the_query_though_the_client_waits(timeout_s: float) -> None:
    query = context(timeout_s)
    with pytest.raises(LimitError, match="query timed out"):
        await guard(wait_long(), query, stays)
    assert query.stop[0] == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_that_stops_is_no_client_that_left() -> None:
    task = asyncio.ensure_future(guard(wait_long(), context(), stays))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_survives_its_cancellation_keeps_its_outcome() -> None:
    async def stubborn() -> str:
        try:
            await wait_long()
        except asyncio.CancelledError:
            return "done"

    assert await guard(stubborn(), context(0.001), stays) == "done"
    await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(6))
async def test_a_client_that_leaves_as_the_work_ends_changes_nothing(turns: int) -> None:
    """The answer may hold room in the outbox: it is returned or the work is ended, never lost."""
    loop = asyncio.get_running_loop()
    watched, left, done = loop.create_future(), loop.create_future(), loop.create_future()

    async def leaves_then() -> dict[str, object]:
        watched.set_result(None)
        await left
        for _ in range(turns):
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def work() -> int:
        await done
        for _ in range(3):
            await asyncio.sleep(0)
        return 7

    task = asyncio.ensure_future(guard(work(), context(), leaves_then))
    await watched
    left.set_result(None)
    done.set_result(None)
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert outcome == 7 or isinstance(outcome, ApiError)
    assert task.cancelling() == 0
