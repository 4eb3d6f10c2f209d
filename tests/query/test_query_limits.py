"""Limits of a query over HTTP: samples, time, a client that goes away; what an answer says about itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from promontory.api.app import ApiApp
from promontory.api.backend import ApiBackend, ApiSettings
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.promql.parser import parse_matchers
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.testing.memory_store import MemoryStore, make_series

SAMPLES = 2_000
END_S = SAMPLES * 15
# Walks 30,000 points anew at each of 11,000 times for each of 200 series. Minutes, however fast the kernels become: the
# terms of a deviation depend on all samples before them in the window, so none is of use to the next window.
LONG = f"sum(stddev_over_time(x[{END_S}s:1s]))"
LONG_RANGE = {"query": LONG, "start": str(END_S), "end": str(END_S + 11_000), "step": "1"}
PROMPT_S = 5.0
# Parsing and decoding come before.
STEPS_TO_KERNELS = 3


class WatchedPool(ThreadPoolExecutor):
    """Two threads; `busy` is set once a query has come to its kernels."""

    def __init__(self) -> None:
        super().__init__(2)
        self.busy = asyncio.Event()
        self._given = 0

    def submit(self, *args: object, **kwargs: object) -> Future[object]:  # type: ignore[override]
        self._given += 1
        if self._given >= STEPS_TO_KERNELS:
            self.busy.set()
        return super().submit(*args, **kwargs)  # type: ignore[arg-type]


class Site:
    """The HTTP API over a Store of 200 series of 2,000 samples, on two threads."""

    def __init__(self, *, max_samples: int = 50_000_000) -> None:
        times = [15_000 * (at + 1) for at in range(SAMPLES)]
        values = np.random.default_rng(1).random(SAMPLES).tolist()
        store = MemoryStore([make_series({"__name__": "x", "n": f"{row:03}"}, times, values) for row in range(200)])
        self.pool = WatchedPool()
        self.contexts: list[QueryContext] = []
        clock = SystemClock()
        engine = QueryEngine(store, EngineSettings(max_samples=max_samples))

        def new_context(**choices: object) -> QueryContext:
            self.contexts.append(QueryContext(clock=clock, pool=self.pool, **choices))  # type: ignore[arg-type]
            return self.contexts[-1]

        backend = ApiBackend(engine, store, parse_matchers, new_context, clock, self.pool, lambda: ())
        self.app = ApiApp(backend, ApiSettings())

    def wait_until_idle(self) -> float:
        """Wait until all threads of the pool are free, and return the seconds that took."""
        began_s = time.monotonic()
        meeting = threading.Barrier(2)
        for met in [self.pool.submit(meeting.wait, PROMPT_S) for _ in range(2)]:
            met.result()
        return time.monotonic() - began_s


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.pool.shutdown()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="http://promontory") as client:
        yield client


async def test_a_query_that_times_out_ends_and_its_kernels_stop(site: Site, client: httpx.AsyncClient) -> None:
    began_s = time.monotonic()
    response = await client.get("/api/v1/query_range", params={**LONG_RANGE, "timeout": "200ms"})
    assert response.status_code == 503
    assert response.json() == {
        "status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation",
    }  # fmt: skip
    assert time.monotonic() - began_s < PROMPT_S
    assert await asyncio.to_thread(site.wait_until_idle) < PROMPT_S


async def test_a_client_that_goes_away_ends_its_query() -> None:
    site = Site()
    query = "&".join(f"{name}={value}" for name, value in LONG_RANGE.items()).encode()
    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/query_range", "raw_path": b"", "query_string": query,
        "headers": [], "http_version": "1.1", "scheme": "http", "server": ("promontory", 80), "client": None,
    }  # fmt: skip

    async def receive() -> dict[str, object]:
        await site.pool.busy.wait()
        return {"type": "http.disconnect"}

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async with asyncio.timeout(PROMPT_S):
        await site.app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 499
    assert site.contexts[-1].stop[0] == 1
    assert await asyncio.to_thread(site.wait_until_idle) < PROMPT_S
    site.pool.shutdown()


async def test_too_many_samples_are_refused_in_the_words_of_prometheus() -> None:
    small = Site(max_samples=1_000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(small.app), base_url="http://promontory") as client:
        params = {"query": "x", "start": str(END_S - 90), "end": str(END_S), "step": "15"}
        refused = await client.get("/api/v1/query_range", params=params)
        answered = await client.get("/api/v1/query_range", params={**params, "query": 'x{n="000"}'})
    small.pool.shutdown()
    assert refused.status_code == 422
    assert refused.json()["errorType"] == "execution"
    text = "query processing would load too many samples into memory in query execution"
    assert refused.json()["error"] == text
    assert answered.status_code == 200


async def test_a_limit_cuts_the_answer_and_says_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query", params={"query": "x", "time": str(END_S), "limit": "3"})
    assert [row["metric"]["n"] for row in response.json()["data"]["result"]] == ["000", "001", "002"]
    assert response.json()["warnings"] == ["results truncated due to limit"]
    whole = await client.get("/api/v1/query", params={"query": "count(x)", "time": str(END_S), "limit": "1"})
    assert "warnings" not in whole.json()


async def test_annotations_name_their_place_and_are_ten_at_most(client: httpx.AsyncClient) -> None:
    one = await client.get("/api/v1/query", params={"query": "sum(rate(x[5m])) +\n rate(x[5m])", "time": str(END_S)})
    words = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
    assert one.json()["infos"] == [f'PromQL info: {words}: "x" (2:7)']
    many = " or ".join(f"quantile({number}, x)" for number in range(2, 14))
    response = await client.get("/api/v1/query", params={"query": many, "time": str(END_S)})
    warnings = response.json()["warnings"]
    assert len(warnings) == 11
    assert warnings[0] == "PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"
    assert warnings[-1] == "2 more warning annotations omitted"


async def test_statistics_are_answered_where_they_are_asked_for(client: httpx.AsyncClient) -> None:
    params = {"query": "sum(x)", "time": str(END_S)}
    assert "stats" not in (await client.get("/api/v1/query", params=params)).json()["data"]
    response = await client.get("/api/v1/query", params={**params, "stats": "true"})
    stats = response.json()["data"]["stats"]
    assert stats["samples"]["samplesRead"] == stats["samples"]["totalQueryableSamples"] == 200 * 20
    timings = stats["timings"]
    assert timings["execTotalTime"] >= timings["evalTotalTime"] >= timings["innerEvalTime"] > 0
    assert "warnings" not in response.json()
    other = await client.get("/api/v1/query", params={**params, "stats": "yes"})
    assert "stats" in other.json()["data"]
    assert other.json()["warnings"] == [
        'value "yes" for parameter "stats" is deprecated and will be rejected in the next major release, '
        'use "true" or "all"'
    ]
