"""/api/v1/query_explain, /api/v1/query_range_explain, and `analyze` of the query endpoints, over the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from promontory.api.app import ApiApp
from promontory.api.backend import ApiBackend, ApiSettings
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.promql.parser import parse_matchers
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.store.fanout import FanoutStore
from promontory.testing.memory_store import MemoryStore, make_series

RANGE = {"start": "60", "end": "120", "step": "30"}


@pytest.fixture(scope="module")
def app() -> Iterator[ApiApp]:
    clock = SystemClock()
    memory = MemoryStore([make_series({"__name__": "x", "a": a}, [60_000, 120_000], [1.0, 2.0]) for a in "12"])
    store = FanoutStore(lambda: [memory])
    with ThreadPoolExecutor(2) as pool:

        def new_context(**choices: object) -> QueryContext:
            return QueryContext(clock=clock, pool=pool, **choices)  # type: ignore[arg-type]

        engine = QueryEngine(store, EngineSettings())
        yield ApiApp(ApiBackend(engine, store, parse_matchers, new_context, clock, pool, lambda: ()), ApiSettings())


@pytest.fixture
async def client(app: ApiApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://promontory") as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_explained_and_not_run(client: httpx.AsyncClient, method: str) -> None:
    where = {"params" if method == "GET" else "data": {"query": "sum(x)", "time": "120"}}
    response = await client.request(method, "/api/v1/query_explain", **where)  # type: ignore[arg-type]
    assert response.status_code == 200
    tree = response.json()["data"]
    assert tree["name"] == "aggregate sum by ()"
    assert tree["children"] == [
        {"name": "lookup", "children": [{"name": 'read {__name__="x"}[5m]', "select": 0}]}
    ]  # fmt: skip
    assert tree["selects"][0]["estimate"]["untold"][0]["name"] == "memory"


async def test_a_range_query_is_explained_over_its_times(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query_range_explain", params={"query": "x", **RANGE})
    data = response.json()["data"]
    assert (data["start"], data["stepMs"]) == ("1970-01-01T00:01:00.000Z", 30_000)


@pytest.mark.parametrize(
    ("path", "params", "error"),
    [
        ("query_explain", {"query": "x{"}, 'invalid parameter "query": 1:3: parse error: unexpected end of input'),
        ("query_range_explain", {"query": "x"}, 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        (
            "query_range_explain",
            {"query": "x[1m]", **RANGE},
            'invalid parameter "query": invalid expression type "range vector" for range query',
        ),
    ],
)
async def test_what_is_no_query_is_refused_as_where_it_is_run(
    client: httpx.AsyncClient, path: str, params: dict[str, str], error: str
) -> None:
    response = await client.get(f"/api/v1/{path}", params=params)
    assert (response.status_code, response.json()["errorType"]) == (400, "bad_data")
    assert response.json()["error"].startswith(error)


@pytest.mark.parametrize(
    ("path", "params"), [("query", {"query": "sum(x)", "time": "120"}), ("query_range", {"query": "sum(x)", **RANGE})]
)
async def test_an_answer_tells_what_was_done_where_it_is_asked_for(
    client: httpx.AsyncClient, path: str, params: dict[str, str]
) -> None:
    plain = (await client.get(f"/api/v1/{path}", params=params)).json()["data"]
    told = (await client.get(f"/api/v1/{path}", params={**params, "analyze": "true"})).json()["data"]
    analysis = told.pop("analysis")
    assert told == plain
    assert analysis["name"] == "aggregate sum by ()"
    assert analysis["children"][0]["children"][0]["read"]["series"] == 2


async def test_members_stand_beside_every_kind_of_answer(client: httpx.AsyncClient) -> None:
    for query in ("1 + 1", "'text'", "x[2m]", "x", "y"):
        params = {"query": query, "time": "120", "analyze": "1", "stats": "true"}
        data = (await client.get("/api/v1/query", params=params)).json()["data"]
        assert {"resultType", "result", "stats", "analysis"} == data.keys()
