"""Large answers wait for room in the outbox, in order, and never for ever."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from promontory.api.outbox import Outbox
from tests.api.small_backend import SmallSite


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_answers_are_admitted_in_order_as_others_leave() -> None:
    outbox = Outbox(10)
    await outbox.admit(6)
    waiting = [asyncio.ensure_future(outbox.admit(size)) for size in (6, 3, 4)]
    await settle()
    assert [one.done() for one in waiting] == [False, False, False]
    outbox.release(6)
    await settle()
    assert [one.done() for one in waiting] == [True, True, False]
    outbox.release(3)
    await waiting[2]
    outbox.release(6)
    outbox.release(4)
    assert outbox.held_bytes == 0


async def test_an_answer_larger_than_the_limit_goes_alone() -> None:
    outbox = Outbox(10)
    await outbox.admit(11)
    other = asyncio.ensure_future(outbox.admit(1))
    await settle()
    assert not other.done()
    outbox.release(11)
    await other
    assert outbox.held_bytes == 1


@pytest.mark.parametrize("after_its_turn", [False, True])
async def test_who_gives_up_waiting_holds_nothing(after_its_turn: bool) -> None:
    outbox = Outbox(10)
    await outbox.admit(10)
    gives_up = asyncio.ensure_future(outbox.admit(8))
    next_one = asyncio.ensure_future(outbox.admit(2))
    await settle()
    if after_its_turn:
        outbox.release(10)
        gives_up.cancel()
    else:
        gives_up.cancel()
        outbox.release(10)
    await settle()
    assert gives_up.cancelled()
    assert next_one.done()
    assert outbox.held_bytes == 2


async def test_a_query_whose_answer_found_no_room_in_time_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promontory.api.encoder.PIECE_SAMPLES", 100)
    site = SmallSite(max_unsent_bytes=1)
    await site.app.outbox.admit(1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="http://promontory") as client:
        response = await client.get("/api/v1/query_range?query=up&start=0&end=1000&step=1&timeout=50ms")
    assert response.status_code == 503
    assert "waited for other clients to read theirs (--query.max-unsent)" in response.json()["error"]
    assert site.app.outbox.held_bytes == 1
