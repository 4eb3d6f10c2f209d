import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.small_backend import NOW_MS, SmallSite

T = NOW_MS // 1000


@pytest.fixture
def site() -> SmallSite:
    return SmallSite(replica_labels=(b"replica",))


@pytest.fixture
async def client(site: SmallSite) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://promontory") as client:
        yield client


GOOD = [
    (f"/api/v1/query?query=1%2B1&time={T}", {"resultType": "scalar", "result": [T, "2"]}),
    (f"/api/v1/query?query=1/3&time={T}.5", {"resultType": "scalar", "result": [T + 0.5, "0.3333333333333333"]}),
    (f"/api/v1/query?query=%22a%3Cb%3E%26%22&time={T}", {"resultType": "string", "result": [T, "a<b>&"]}),
    ("/api/v1/query?query=nonexistent", {"resultType": "vector", "result": []}),
    ("/api/v1/query_range?query=nonexistent&start=0&end=10&step=5", {"resultType": "matrix", "result": []}),
    (
        "/api/v1/query_range?query=1%2B1&start=0&end=10&step=5",
        {"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "2"], [5, "2"], [10, "2"]]}]},
    ),
    ("/api/v1/labels", ["__name__", "instance", "job", "replica"]),
    ("/api/v1/labels?match[]=up&limit=2", ["__name__", "instance"]),
    ("/api/v1/label/job/values", ["node", "prometheus"]),
    ("/api/v1/label/nope/values", []),
    ("/api/v1/label/a-b/values", []),
    ("/api/v1/label/U__j_6f_b/values", ["node", "prometheus"]),
    ('/api/v1/label/instance/values?match[]=up{job="node"}&match[]=up{job="x"}', ["localhost:9100"]),
    ("/api/v1/metadata?limit=4", {}),
    ("/api/v1/format_query?query=foo%2Fbar", "foo / bar"),
    ("/api/v1/parse_query?query=-(5)",
     {"type": "unaryExpr", "op": "-", "expr": {"type": "parenExpr", "expr": {"type": "numberLiteral", "val": "5"}}}),
    ("/api/v1/series?match[]=up&start=10&end=5", []),
    ("/api/v1/series?match[]=up&start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z&limit=1",
     [{"__name__": "up", "instance": "localhost:9090", "job": "prometheus"}]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "data"), GOOD)
async def test_good_requests(client: httpx.AsyncClient, path: str, data: object) -> None:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json()["data"] == data


POINTS = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
STEP = "zero or negative query resolution step widths are not accepted. Try a positive integer"
BAD = [
    ("query?query=up{", 'invalid parameter "query": 1:4: parse error: unexpected end of input inside braces'),
    ("query?query=", 'invalid parameter "query": unknown position: parse error: no expression found in input'),
    ("query?query=foo(up)", 'invalid parameter "query": 1:1: parse error: unknown function with name "foo"'),
    ("format_query?query=up{", 'invalid parameter "query": 1:4: parse error: unexpected end of input inside braces'),
    ("parse_query", 'invalid parameter "query": unknown position: parse error: no expression found in input'),
    (
        "query?query=rate(up)",
        'invalid parameter "query": 1:6: parse error: expected type range vector in call to function "rate", '
        "got instant vector",
    ),
    (
        "query?query=up&time=yesterday",
        'invalid parameter "time": invalid time value for \'time\': cannot parse "yesterday" to a valid timestamp',
    ),
    ("query?query=up&time=0x10", 'invalid parameter "time": invalid time value for \'time\': cannot parse "0x10" to'),
    ("query?query=up&time=1e999", 'invalid parameter "time": '),
    ("query?query=up&timeout=x", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
    ("query?query=up&limit=-1", 'invalid parameter "limit": limit must be non-negative'),
    ("query?query=up&limit=many", 'invalid parameter "limit": strconv.Atoi: parsing "many": invalid syntax'),
    (
        f"query?query=up&limit={1 << 63}",
        f'invalid parameter "limit": strconv.Atoi: parsing "{1 << 63}": value out of range',
    ),
    ("query?query=up&dedup=maybe", 'invalid parameter "dedup": expected true or false, found "maybe"'),
    ("query?query=up&engine=mine", "invalid parameter \"engine\": unknown engine: 'mine'"),
    ("query?query=up&shard_info={%22total_shards%22:2}", 'invalid parameter "shard_info": '),
    ("query?query=up&max_source_resolution=-1", "negative 'max_source_resolution' is not accepted"),
    ("query?query=up&storeMatch[]={", 'invalid parameter "storeMatch[]": 1:2: parse error'),
    ("query_range?query=up&end=10&step=1", 'invalid parameter "start": cannot parse "" to a valid timestamp'),
    ("query_range?query=up&start=10&step=1", 'invalid parameter "end": cannot parse "" to a valid timestamp'),
    (
        "query_range?query=up&start=10&end=5&step=1",
        'invalid parameter "end": end timestamp must not be before start time',
    ),
    ("query_range?query=up&start=1&end=5&step=0", f'invalid parameter "step": {STEP}'),
    ("query_range?query=up&start=1&end=5&step=-1", f'invalid parameter "step": {STEP}'),
    ("query_range?query=up&start=1&end=5&step=0.0001", f'invalid parameter "step": {STEP}'),
    (
        "query_range?query=up&start=1&end=5&step=Inf",
        'invalid parameter "step": cannot parse "Inf" to a valid duration. It overflows int64',
    ),
    ("query_range?query=up&start=0&end=11001&step=1", POINTS),
    (
        "query_range?query=up[1m]&start=0&end=1&step=1",
        'invalid parameter "query": invalid expression type "range vector" for range query, '
        "must be Scalar or instant Vector",
    ),
    ('labels?match[]={job=""}', "match[] must contain at least one non-empty matcher"),
    ("labels?match[]=up{", "1:4: parse error: unexpected end of input inside braces"),
    ("label/job/values?match[]=up{", "1:4: parse error: unexpected end of input inside braces"),
    ("labels?start=x", 'invalid parameter "start": invalid time value for \'start\': cannot parse "x" to a valid'),
    ("series?match[]=up{", 'invalid parameter "match[]": 1:4: parse error: unexpected end of input inside braces'),
    ("series?match[]={}", 'invalid parameter "match[]": match[] must contain at least one non-empty matcher'),
    ("series", "no match[] parameter provided"),
    ("metadata?limit=x", "limit must be a number"),
]


@pytest.mark.parametrize(("path", "message"), BAD)
async def test_bad_requests_are_400_in_prometheus_words(client: httpx.AsyncClient, path: str, message: str) -> None:
    response = await client.get(f"/api/v1/{path}")
    assert response.status_code == 400
    body = response.json()
    assert (body["status"], body["errorType"]) == ("error", "bad_data")
    assert body["error"].startswith(message)
    assert response.headers["cache-control"] == "no-store"


async def test_execution_errors_are_422(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query", params={"query": "up*on()up"})
    assert response.status_code == 422
    assert response.json()["errorType"] == "execution"


async def test_eleven_thousand_and_one_points_are_allowed(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query_range?query=1%2B1&start=0&end=11000&step=1")
    assert len(response.json()["data"]["result"][0]["values"]) == 11_001


async def test_grafanas_health_check(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/query", data={"query": "1+1", "time": "4"})
    assert response.content == b'{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}'
    for method in ("GET", "POST"):
        info = await client.request(method, "/api/v1/status/buildinfo")
        assert info.json()["data"]["version"] == "1.2.3"
        assert "features" not in info.json()["data"]


async def test_a_form_wins_over_the_query_string_and_lists_join(client: httpx.AsyncClient, site: SmallSite) -> None:
    response = await client.post(
        "/api/v1/query?query=up&dedup=false&storeMatch[]=a", data={"query": "1+1", "storeMatch[]": "b", "time": "4"}
    )
    assert response.json()["data"]["result"] == [4, "2"]
    _, _, options, context = site.engine.asked[-1]
    assert not options.deduplicate
    assert [matchers[-1].value for matchers in context.store_matchers] == [b"b", b"a"]


async def test_a_body_that_is_no_form_is_ignored(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/api/v1/query?query=1%2B1&time=4", headers=headers, content=b'{"query":"up"}')
    assert response.json()["data"]["result"] == [4, "2"]
    response = await client.post("/api/v1/query", headers=headers)
    assert "no expression found in input" in response.json()["error"]


async def test_options_reach_the_engine(client: httpx.AsyncClient, site: SmallSite) -> None:
    await client.get(
        "/api/v1/query_range?query=up&start=0&end=100&replicaLabels[]=x,y&replicaLabels=z&lookback_delta=90s"
        "&max_source_resolution=auto&partial_response=0&step=50&timeout=5s&engine=thanos&analyze=true&stats=all",
        headers={"THANOS-TENANT": "team-a"},
    )
    text, grid, options, context = site.engine.asked[-1]
    assert (text, grid.step_ms) == ("up", 50_000)
    assert options.replica_labels == (b"x", b"y", b"z")
    assert (options.lookback_ms, options.max_resolution_ms) == (90_000, 10_000)
    assert (context.partial_response, context.tenant) == (False, "team-a")
    remaining_s = context.remaining_s()
    assert remaining_s is not None
    assert 0 < remaining_s <= 5


async def test_defaults_of_time_and_step(client: httpx.AsyncClient, site: SmallSite) -> None:
    await client.get("/api/v1/query?query=up")
    assert site.engine.asked[-1][1].start_ms == NOW_MS
    await client.get("/api/v1/query_range?query=up&start=0&end=1000")
    assert site.engine.asked[-1][1].step_ms == 4000


async def test_times_round_to_milliseconds(client: httpx.AsyncClient, site: SmallSite) -> None:
    for text, time_ms in [
        (f"{T}.1235", NOW_MS + 124), ("-1.5", -1500), ("1_000", 1_000_000), ("1.7e9", 1_700_000_000_000),
        ("2024-01-02T03:04:05.678%2B01:00", 1704161045678),
    ]:  # fmt: skip
        await client.get(f"/api/v1/query?query=up&time={text}")
        assert site.engine.asked[-1][1].start_ms == time_ms


async def test_annotations_are_capped_at_ten(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query?query=warned")
    body = response.json()
    assert body["warnings"][10:] == ["2 more warning annotations omitted"]
    assert body["infos"] == ["PromQL info: x (1:1)"]
    assert "cache-control" not in response.headers


async def test_a_partial_answer_warns_and_is_not_cached(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query?query=partial")
    assert response.status_code == 200
    assert response.json()["warnings"] == ["store 10.0.0.1:10901: unavailable"]
    assert response.headers["cache-control"] == "no-store"


async def test_a_limit_cuts_and_warns(client: httpx.AsyncClient) -> None:
    for path in ("query?query=up", "series?match[]=up", "label/job/values?x="):
        response = await client.get(f"/api/v1/{path}&limit=1")
        body = response.json()
        result = body["data"]["result"] if isinstance(body["data"], dict) else body["data"]
        assert len(result) == 1
        assert body["warnings"] == ["results truncated due to limit"]


async def test_series_are_merged_over_replicas_unless_told(client: httpx.AsyncClient) -> None:
    merged = await client.get('/api/v1/series?match[]=up&match[]=up{job="node"}')
    assert [row["job"] for row in merged.json()["data"]] == ["prometheus", "node"]
    every = await client.post("/api/v1/series", data={"match[]": "up", "dedup": "false"})
    assert len(every.json()["data"]) == 3


async def test_stores_are_listed_by_kind(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/stores")).json()["data"]
    assert found["sidecar"] == [
        {
            "name": "10.0.0.1:10901", "lastCheck": "1970-01-01T00:00:01.500Z", "lastError": None,
            "labelSets": [{"replica": "a"}], "minTime": 1, "maxTime": 2,
        }
    ]  # fmt: skip
    assert found["unknown"][0]["lastError"] == "refused"


async def test_wrong_paths_and_methods_are_text(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nope")
    assert (missing.status_code, missing.text) == (404, "404 page not found\n")
    assert (await client.get("/api/v1/query/")).status_code == 404
    wrong = await client.post("/api/v1/label/job/values")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, OPTIONS")
    assert (await client.head("/api/v1/query")).status_code == 405
    assert (await client.put("/api/v1/query")).headers["allow"] == "GET, POST, OPTIONS"
    assert (await client.get("/")).status_code == 200


async def test_cors_is_for_browsers_only(client: httpx.AsyncClient) -> None:
    plain = await client.get("/api/v1/query?query=up")
    assert "access-control-allow-origin" not in plain.headers
    origin = {"Origin": "http://grafana"}
    assert (await client.get("/api/v1/query?query=up", headers=origin)).headers["access-control-allow-origin"] == "*"
    preflight = await client.options("/api/v1/query", headers=origin)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"


async def test_cors_can_be_disabled() -> None:
    transport = httpx.ASGITransport(SmallSite(disable_cors=True).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://promontory") as client:
        response = await client.get("/api/v1/query?query=up", headers={"Origin": "http://grafana"})
    assert "access-control-allow-origin" not in response.headers


async def test_a_route_prefix_is_served() -> None:
    transport = httpx.ASGITransport(SmallSite(route_prefix="/metrics-view").app)
    async with httpx.AsyncClient(transport=transport, base_url="http://promontory") as client:
        assert (await client.get("/metrics-view/api/v1/query?query=up")).status_code == 200


@pytest.mark.parametrize(
    "path", ["query_range?query=up&start=0&end=100&step=1", "query_range?query=up&start=0&end=11000&step=1"]
)
async def test_answers_are_gzipped_for_who_asks(client: httpx.AsyncClient, path: str) -> None:
    for header in ("gzip", "gzip;q=1.0, *;q=0.5"):
        async with client.stream("GET", f"/api/v1/{path}", headers={"accept-encoding": header}) as response:
            packed = b"".join([part async for part in response.aiter_raw()])
            assert response.headers["content-encoding"] == "gzip"
    for header in ("identity", "gzip;q=0", "br"):
        plain = await client.get(f"/api/v1/{path}", headers={"accept-encoding": header})
        assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content


async def test_a_small_answer_is_not_gzipped(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query?query=1%2B1", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


async def test_a_query_past_its_deadline_is_503(client: httpx.AsyncClient, site: SmallSite) -> None:
    response = await client.get("/api/v1/query?query=slow&timeout=300ms")
    assert response.status_code == 503
    assert response.json()["errorType"] == "timeout"
    assert response.json()["error"] == "query timed out in expression evaluation"
    assert site.engine.was_canceled.is_set()


@pytest.mark.parametrize("asked", ["0", "0s", "-1"])
async def test_a_timeout_of_nothing_does_not_lift_the_limit(client: httpx.AsyncClient, asked: str) -> None:
    response = await client.get(f"/api/v1/query?query=up&timeout={asked}")
    assert (response.status_code, response.json()["errorType"]) == (503, "timeout")


async def test_a_client_that_goes_away_stops_its_query(site: SmallSite) -> None:
    disconnect = asyncio.Event()
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not sent and not site.engine.started.is_set():
            await site.engine.started.wait()
        disconnect.set()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/query", "query_string": b"query=slow", "headers": [],
        "http_version": "1.1", "scheme": "http", "root_path": "", "server": ("x", 1), "client": ("y", 2),
    }  # fmt: skip
    await asyncio.wait_for(site.app(scope, receive, send), 10)
    assert sent[0]["status"] == 499
    assert site.engine.was_canceled.is_set()
    assert site.engine.asked[-1][3].stop[0] == 1


async def test_no_more_queries_run_than_allowed_and_too_many_are_turned_away() -> None:
    site = SmallSite(max_concurrent=2)
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://promontory") as client:
        answers = await asyncio.gather(
            *(client.get("/api/v1/query?query=slow&timeout=150ms") for _ in range(2 + 20 + 3))
        )
    assert site.engine.most_running <= 2
    turned_away = [answer for answer in answers if answer.json()["errorType"] == "unavailable"]
    assert len(turned_away) == 3
    assert all(answer.status_code == 503 for answer in answers)


async def test_a_bug_is_a_500(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/query?query=broken")
    assert response.status_code == 500
    assert response.json()["errorType"] == "internal"


async def test_a_bug_in_writing_the_answer_is_an_answer_too(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("promontory.api.encoder._encode_piece", fail)
    response = await client.get("/api/v1/query?query=up")
    assert response.status_code == 500
    assert response.json()["errorType"] == "internal"
