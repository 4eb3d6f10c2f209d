from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from promontory.testing.fault_proxy import FaultProxy, run_fault_proxy
from promontory.testing.faults import Answer, BlackHole, CutBody, CutRequest, Delay, LoseAnswer, Reset, Throttle
from promontory.testing.still_clock import StillClock

BODY = bytes(1000)


class Origin:
    """A server of one thing: `GET` or `PUT` anything and get BODY; it remembers how much arrived."""

    def __init__(self) -> None:
        self.arrived: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        body = await reader.read(length) if length else b""
        self.arrived.append(len(body))
        if len(body) == length:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + BODY)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(origin: Origin, clock: StillClock | None = None) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    try:
        async with run_fault_proxy(server.sockets[0].getsockname()[1], clock=clock) as proxy:
            yield proxy
    finally:
        server.close()


async def ask(proxy: FaultProxy, text: str = "GET /a", body: bytes = b"") -> bytes:
    """Ask, hang up where there is no answer within a moment, and return what came; a reset is nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(f"{text} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        async with asyncio.timeout(0.5):
            return await reader.read()
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


async def test_each_fault_does_what_it_says() -> None:
    origin, clock = Origin(), StillClock()
    async with proxied(origin, clock) as proxy:
        proxy.plan(Answer(503, "SlowDown", retry_after_s=7))
        answer = await ask(proxy)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 7\r\n" in answer
        assert b"<Code>SlowDown</Code>" in answer
        proxy.plan(Reset())
        assert await ask(proxy) == b""
        assert origin.arrived == []
        proxy.plan(LoseAnswer())
        assert await ask(proxy, "PUT /a", b"12345") == b""
        proxy.plan(CutRequest(2))
        assert await ask(proxy, "PUT /a", b"12345") == b""
        assert origin.arrived == [5, 2]
        proxy.plan(CutBody(10))
        assert len((await ask(proxy)).partition(b"\r\n\r\n")[2]) == 10
        proxy.plan(Delay(9.0))
        proxy.plan(Throttle(100.0))
        for waits in ([9.0], [9.0, 10.0]):
            assert (await ask(proxy)).endswith(BODY)
            assert clock.slept_s == waits
        proxy.plan(BlackHole())
        assert await ask(proxy) == b""
    assert set(proxy.fired.values()) == {1}
    assert (proxy.count(), proxy.count("PUT"), proxy.count(text="/b")) == (8, 2, 0)
    assert (proxy.received_bytes, proxy.sent_bytes) == (10, 2010)


async def ask_once(plan: Callable[[FaultProxy], None]) -> None:
    async with proxied(Origin()) as proxy:
        plan(proxy)
        await ask(proxy)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (lambda proxy: proxy.plan(Reset(), times=2), r"did not act: .*Reset\(\): 1 of 2; 1 requests"),
        (lambda proxy: proxy.plan(CutBody(1000), times=None), "CutBody.*: 0 of any"),
        (lambda proxy: proxy.plan_share(0.0, [Answer(500)], seed=1), "Answer.*: never"),
    ],
)
async def test_a_fault_that_did_not_act_fails_on_leaving(plan: Callable[[FaultProxy], None], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        await ask_once(plan)


async def test_what_failed_before_is_not_hidden_by_a_fault_that_did_not_act() -> None:
    def fail(proxy: FaultProxy) -> None:
        proxy.plan(Reset())
        raise KeyError

    with pytest.raises(KeyError):
        await ask_once(fail)


async def test_a_share_strikes_the_same_requests_whatever_their_order() -> None:
    texts = [f"GET /{number % 20}" for number in range(100)]
    struck = []
    for order in (texts, texts[::-1]):
        async with proxied(Origin()) as proxy:
            proxy.plan_share(0.3, [Answer(500), Reset()], seed=11)
            answers = [(text, (await ask(proxy, text))[:12]) for text in order]
            struck.append(sorted(answers))
            assert 15 <= proxy.fired.total() <= 45
    assert struck[0] == struck[1]


async def test_a_plan_keeps_to_its_method_and_text() -> None:
    async with proxied(Origin()) as proxy:
        proxy.plan(Answer(500), method="GET", text="/b")
        assert (await ask(proxy, "GET /a")).startswith(b"HTTP/1.1 200")
        assert (await ask(proxy, "PUT /b")).startswith(b"HTTP/1.1 200")
        assert (await ask(proxy, "GET /x/b")).startswith(b"HTTP/1.1 500")
        assert (await ask(proxy, "GET /x/b")).startswith(b"HTTP/1.1 200")
