"""FaultProxy: stands before an HTTP server, counts what is asked of it, and makes the faults that a test plans.

    async with run_fault_proxy(server_port) as proxy:
        proxy.plan(CutBody(25_000), times=4, method="GET")        the next four GETs whose body is longer
        proxy.plan_share(0.3, [Reset(), Answer(503)], seed=7)     three of ten requests, each by one of these

Two rules. A fault that was planned and did not act fails the test on leaving: a test of a fault that never came proves
nothing. Which requests a share strikes depends on the seed and on each request with its count of repetitions alone, so
not on the order in which concurrent requests arrive.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from promontory.model.clock import Clock, SystemClock
from promontory.testing.faults import Fault
from promontory.testing.http_exchange import Exchange, Request, read_request

_LONGEST_HEAD_BYTES = 1 << 20


@dataclass(slots=True)
class _Plan:
    """A fault for requests of a method (empty: any) whose target holds a text; `times` None: each of them."""

    fault: Fault
    times: int | None
    method: str
    text: str
    fired: int = 0

    def fits(self, request: Request) -> bool:
        is_left = self.times is None or self.fired < self.times
        is_meant = self.method in ("", request.method) and (self.text in request.path or self.text in request.target)
        return is_left and is_meant

    @property
    def is_done(self) -> bool:
        return self.fired > 0 if self.times is None else self.fired == self.times


@dataclass(slots=True)
class _Share:
    """A share of all requests, each with one of some faults."""

    share: float
    faults: Sequence[Fault]
    seed: int
    seen: Counter[str]

    def choose(self, request: Request) -> Fault | None:
        part = request.query.get("partNumber", [""])[0]  # an upload's id is the server's choice, and left out
        identity = f"{request.method} {request.path} {part} {request.headers.get('range', '')}"
        self.seen[identity] += 1
        draw = random.Random(f"{self.seed} {identity} {self.seen[identity]}")
        return draw.choice(self.faults) if draw.random() < self.share else None


class FaultProxy:
    """A running proxy: `requests` in order of arrival, bytes of bodies both ways, and how often each fault acted."""

    def __init__(self, upstream_port: int, clock: Clock) -> None:
        self.port = 0
        self.requests: list[Request] = []
        self.fired: Counter[Fault] = Counter()
        self._upstream_port = upstream_port
        self._clock = clock
        self._plans: list[_Plan] = []
        self._share: _Share | None = None
        self._exchanges: list[Exchange] = []
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def received_bytes(self) -> int:
        """Bytes of the bodies of requests."""
        return sum(len(request.body) for request in self.requests)

    @property
    def sent_bytes(self) -> int:
        """Bytes of the server's bodies that were passed on."""
        return sum(exchange.sent_bytes for exchange in self._exchanges)

    def plan(self, fault: Fault, *, times: int | None = 1, method: str = "", text: str = "") -> None:
        """Make a fault of the next `times` requests (None: of all) of a method whose target holds a text."""
        self._plans.append(_Plan(fault, times, method, text))

    def plan_share(self, share: float, faults: Sequence[Fault], *, seed: int) -> None:
        """Make one of some faults of a share of all requests."""
        self._share = _Share(share, faults, seed, Counter())

    def settle(self) -> None:
        """End all plans. Raises AssertionError naming those that did not come to act."""
        missed = [f"{plan.fault}: {plan.fired} of {plan.times or 'any'}" for plan in self._plans if not plan.is_done]
        if self._share:
            missed += [f"{fault}: never" for fault in self._share.faults if not self.fired[fault]]
        self._plans, self._share = [], None
        assert not missed, f"faults that were planned did not act: {'; '.join(missed)}; {len(self.requests)} requests"

    def count(self, method: str = "", text: str = "") -> int:
        """Return how many requests of a method there were whose target holds a text."""
        return sum(
            method in ("", request.method) and (text in request.path or text in request.target)
            for request in self.requests
        )

    def start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection; asyncio calls this."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def stop(self) -> None:
        """End what is under way."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader, writer)
            self.requests.append(request)
            exchange = Exchange(request, (reader, writer), self._upstream_port, self._clock)
            self._exchanges.append(exchange)
            await self._answer(request, exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, request: Request, exchange: Exchange) -> None:
        plan = next((plan for plan in self._plans if plan.fits(request)), None)
        if plan is not None:
            plan.fired += 1
            if await plan.fault.serve(exchange):
                self.fired[plan.fault] += 1
            else:
                plan.fired -= 1
        elif self._share is None or (fault := self._share.choose(request)) is None:
            await exchange.relay()
        elif await fault.serve(exchange):
            self.fired[fault] += 1


@asynccontextmanager
async def run_fault_proxy(upstream_port: int, *, clock: Clock | None = None) -> AsyncIterator[FaultProxy]:
    """Run a proxy before a port of this machine; on leaving well, fails where a planned fault did not act."""
    proxy = FaultProxy(upstream_port, clock or SystemClock())
    server = await asyncio.start_server(proxy.start, "127.0.0.1", 0, limit=_LONGEST_HEAD_BYTES)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
        proxy.settle()
    finally:
        server.close()
        await proxy.stop()
