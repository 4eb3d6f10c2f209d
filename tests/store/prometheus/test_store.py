"""PrometheusStore over a real Prometheus: what it yields decodes to what Prometheus itself answers."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from promontory.chunk.decode import decode_chunks
from promontory.errors import CorruptionError, InputError, LimitError, StoreError, StoreUnavailable
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.prometheus.answer import read_sampled
from promontory.store.prometheus.client import PrometheusClient, escape_name
from promontory.store.prometheus.request import SAMPLES, encode_read_request
from promontory.store.prometheus.store import PrometheusState, PrometheusStore
from tests.parts import Program, free_port, part_path, run_prometheus

pytestmark = pytest.mark.parts

CONFIG = "global:\n  external_labels: {region: north, replica: a}\n"
START_S = 1_700_000_000
COUNT = 700


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("prometheus")
    lines = ["# TYPE m gauge"]
    for job in ("x", "y", "z"):
        for number in range(COUNT):
            value = "NaN" if number == 300 else f"{number * len(job) / 7!r}"
            lines.append(f'm{{job="{job}",path="/é"}} {value} {START_S + 15 * number + ord(job) / 1000:.3f}')
    (folder / "samples.om").write_text("\n".join(lines) + "\n# EOF\n")
    argv = [part_path("promtool"), "tsdb", "create-blocks-from", "openmetrics", folder / "samples.om", folder / "data"]
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)
    with run_prometheus(folder, config=CONFIG) as program:
        yield program


@pytest.fixture
async def store(prometheus: Program) -> AsyncIterator[PrometheusStore]:
    client = PrometheusClient(prometheus.url)
    store = PrometheusStore(client, name="sidecar")
    await store.refresh()
    yield store
    await client.close()


@pytest.fixture
def context() -> Iterator[QueryContext]:
    with ThreadPoolExecutor(1) as pool:
        yield QueryContext(clock=SystemClock(), pool=pool)


class CountingClient(PrometheusClient):
    """A client that knows how many of its answers are open."""

    open = 0

    @asynccontextmanager
    async def read(self, body: bytes) -> AsyncIterator[httpx.Response]:
        async with super().read(body) as response:
            self.open += 1
            try:
                yield response
            finally:
                self.open -= 1


def equal(name: bytes, value: bytes) -> Matcher:
    return Matcher(MatchKind.EQUAL, name, value)


METRIC = equal(b"__name__", b"m")


def samples_of(frames: list[Frame]) -> dict[Labels, list[tuple[int, bytes]]]:
    """Decode frames to (ms, value bits) by labels."""
    found: dict[Labels, list[tuple[int, bytes]]] = {}
    for frame in frames:
        decoded = decode_chunks(frame.chunks, frame.buffers, min_ms=-(2**62), max_ms=2**62, stop=np.zeros(1, np.uint8))
        assert not decoded.status.any()
        for chunk, row in enumerate(frame.chunks.row):
            span = slice(int(decoded.chunk_start[chunk]), int(decoded.chunk_start[chunk + 1]))
            times = decoded.timestamps_ms[span].tolist()
            bits = [value.tobytes() for value in decoded.values[span]]
            found.setdefault(frame.labels.labels(int(row)), []).extend(zip(times, bits, strict=True))
    return found


async def select(store: PrometheusStore, selector: Selector, context: QueryContext) -> list[Frame]:
    return [frame async for frame in store.select(selector, context)]


def raw(prometheus: Program, query: str) -> dict[str, list[tuple[int, bytes]]]:
    end = START_S + 15 * COUNT
    answer = httpx.get(f"{prometheus.url}/api/v1/query", params={"query": query, "time": end}).json()
    return {
        series["metric"]["job"]: [(round(time * 1000), np.float64(value).tobytes()) for time, value in series["values"]]
        for series in answer["data"]["result"]
    }


def without_nan_payload(points: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    nan = np.float64("nan").tobytes()
    return [(time, nan if np.isnan(np.frombuffer(bits)[0]) else bits) for time, bits in points]


async def test_every_sample_arrives_with_external_labels(
    store: PrometheusStore, prometheus: Program, context: QueryContext
) -> None:
    found = samples_of(await select(store, Selector((METRIC,), ALL_TIME), context))
    wanted = raw(prometheus, "m[10y]")
    assert {labels.get(b"job").decode(): without_nan_payload(points) for labels, points in found.items()} == wanted
    assert sum(map(len, wanted.values())) == 3 * COUNT
    for labels in found:
        assert labels.get(b"region") == b"north"
        assert labels.get(b"replica") == b"a"


async def test_a_replica_label_is_stripped_and_becomes_the_source(
    store: PrometheusStore, context: QueryContext
) -> None:
    selector = Selector((METRIC,), ALL_TIME, without_replica_labels=(b"replica",))
    frames = await select(store, selector, context)
    assert frames
    for frame in frames:
        assert not frame.labels.column(b"replica").any()
        assert {context.symbols.text(int(code)) for code in frame.chunks.source} == {b'replica="a"'}


async def test_labels_alone_are_read_when_chunks_are_not_wanted(store: PrometheusStore, context: QueryContext) -> None:
    frames = await select(store, Selector((METRIC, equal(b"job", b"y")), ALL_TIME, skip_chunks=True), context)
    rows = [frame.labels.labels(row) for frame in frames for row in range(len(frame.labels))]
    assert [row.to_text() for row in rows] == [
        {"__name__": "m", "job": "y", "path": "/é", "region": "north", "replica": "a"}
    ]
    assert all(len(frame.chunks) == 0 for frame in frames)


async def test_matchers_on_external_labels_are_answered_here(store: PrometheusStore, context: QueryContext) -> None:
    assert await select(store, Selector((METRIC, equal(b"region", b"south")), ALL_TIME), context) == []
    assert await select(store, Selector((METRIC, equal(b"region", b"north")), ALL_TIME), context)
    with pytest.raises(InputError, match=r"no matchers specified \(excluding external labels\)"):
        await select(store, Selector((equal(b"region", b"north"),), ALL_TIME), context)


async def test_a_time_range_without_samples_answers_nothing(store: PrometheusStore, context: QueryContext) -> None:
    early = TimeRange(0, START_S * 1000 - 100_000)
    assert samples_of(await select(store, Selector((METRIC,), early), context)) == {}


async def test_labels_of_a_time_before_the_oldest_sample_answer_nothing(
    store: PrometheusStore, context: QueryContext
) -> None:
    before = Selector((METRIC,), TimeRange(-1500, -500))
    store.state = PrometheusState(store.state.labels, 1000)
    assert await store.label_names(before, context) == []
    assert await store.label_values(b"job", before, context) == []
    assert await store.label_values(b"region", before, context) == []


@pytest.mark.parametrize(("time_ms", "found"), [(-1500, False), (2**50, True)])
async def test_labels_before_1970_are_asked_by_the_right_time(
    store: PrometheusStore, context: QueryContext, time_ms: int, found: bool
) -> None:
    names = await store.label_names(Selector((METRIC,), TimeRange(-1500, time_ms)), context)
    assert bool(names) is found


@pytest.mark.parametrize("name", [b"a/b", b"../../status/config", b"a?b#c", "größe".encode(), b"1"])
async def test_an_odd_label_name_stays_one_part_of_the_address(
    store: PrometheusStore, context: QueryContext, name: bytes
) -> None:
    assert await store.label_values(name, Selector((METRIC,), ALL_TIME), context) == []


def test_odd_label_names_are_escaped_as_prometheus_3_reads_them() -> None:
    names = {"job": "job", "_a1": "_a1", "my.name_x": "U__my_2e_name__x", "ö/": "U___f6__2f_", "1": "U__1"}
    assert {name: escape_name(name) for name in names} == names


async def test_a_query_past_its_budget_leaves_no_answer_open(prometheus: Program, store: PrometheusStore) -> None:
    client = CountingClient(prometheus.url)
    counted = PrometheusStore(client, name="sidecar")
    counted.state = store.state
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool, budget=Budget(100))
        with pytest.raises(LimitError):
            await select(counted, Selector((METRIC,), ALL_TIME), context)
        assert (client.open, context.budget.held_bytes) == (0, 0)
    await client.close()


@pytest.mark.parametrize("claim", [1 << 28, (1 << 32) - 1])
def test_a_sampled_answer_that_claims_more_than_its_bytes_hold_is_refused(claim: int) -> None:
    body = bytearray()
    while claim >= 0x80:
        body.append(claim & 0x7F | 0x80)
        claim >>= 7
    with pytest.raises((CorruptionError, LimitError), match="peer"):
        read_sampled(bytes([*body, claim, 0, 0]), SymbolTable(), source="peer")


async def test_label_names_and_values_hold_the_external_ones(store: PrometheusStore, context: QueryContext) -> None:
    every = Selector((), ALL_TIME)
    assert await store.label_names(every, context) == [b"__name__", b"job", b"path", b"region", b"replica"]
    assert await store.label_values(b"job", every, context) == [b"x", b"y", b"z"]
    assert await store.label_values(b"region", every, context) == [b"north"]
    nothing = Selector((equal(b"job", b"none"),), ALL_TIME)
    assert await store.label_values(b"region", nothing, context) == []
    stripped = Selector((), ALL_TIME, without_replica_labels=(b"replica",))
    assert await store.label_values(b"replica", stripped, context) == []
    assert b"replica" not in await store.label_names(stripped, context)


async def test_the_sampled_form_holds_the_same_samples(
    store: PrometheusStore, prometheus: Program, context: QueryContext
) -> None:
    import cramjam

    message = encode_read_request([METRIC], TimeRange(0, 2**50), accepted=[SAMPLES])
    client = PrometheusClient(prometheus.url)
    async with client.read(bytes(cramjam.snappy.compress_raw(message))) as response:
        body = b"".join([piece async for piece in response.aiter_raw()])
    await client.close()
    sampled = samples_of([read_sampled(body, context.symbols, source="test").frame])
    assert sampled == samples_of(await select(store, Selector((METRIC,), ALL_TIME), context))


async def test_a_prometheus_without_external_labels_is_refused_by_name(tmp_path: Path) -> None:
    with run_prometheus(tmp_path / "bare") as bare:
        client = PrometheusClient(bare.url)
        with pytest.raises(InputError, match=r"global\.external_labels"):
            await PrometheusStore(client, name="sidecar").refresh()
        await client.close()


async def test_a_prometheus_that_holds_nothing_yet_is_asked_for_all_times(tmp_path: Path) -> None:
    with run_prometheus(tmp_path / "empty", config=CONFIG) as empty:
        client = PrometheusClient(empty.url)
        store = PrometheusStore(client, name="sidecar")
        await store.refresh()
        assert store.describe().time_range == ALL_TIME
        await client.close()


async def test_external_labels_keep_the_text_that_prometheus_has_for_them(tmp_path: Path) -> None:
    labels = {"a": "=", "b": "on", "c": "017", "d": "1_0", "e": "2020-01-02", "f": "~", "g": "1:30", "h": "0x1f"}
    lines = [f"    {name}: '{value}'" for name, value in labels.items()]
    relabel = "{source_labels: [a], separator: '=', target_label: b}"
    scrape = f"scrape_configs:\n- job_name: x\n  relabel_configs:\n  - {relabel}\n"
    config = "global:\n  external_labels:\n" + "\n".join(lines) + "\n" + scrape
    with run_prometheus(tmp_path / "odd", config=config) as odd:
        client = PrometheusClient(odd.url)
        assert await client.external_labels() == Labels.from_mapping(labels)
        await client.close()


@asynccontextmanager
async def answering(body: str) -> AsyncIterator[PrometheusClient]:
    """Give a client of a server that answers everything with one body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = PrometheusClient(f"http://127.0.0.1:{port}")
        yield client
        await client.close()


@pytest.mark.parametrize("body", ["{}", "[]", '{"data": []}', '{"data": {"yaml": "{"}}', '{"data": {"yaml": "[]"}}'])
async def test_what_is_no_prometheus_is_an_error_that_names_it(body: str) -> None:
    async with answering(body) as client:
        with pytest.raises(StoreError, match=rf"{re.escape(client.url)}/api/v1/status/config: expected"):
            await client.external_labels()


@pytest.mark.parametrize("data", ["5", "[5]", "[null]", '["\\ud800"]', '[{"a": 5}]', '[{"\\ud800": "a"}]', "[[]]"])
async def test_labels_that_are_no_texts_are_an_error_that_names_it(data: str) -> None:
    async with answering(f'{{"data": {data}}}') as client:
        for asked in (client.label_names(()), client.label_values("job", ()), client.series(())):
            with pytest.raises(StoreError, match=rf"{re.escape(client.url)}/api/v1/\S+: expected"):
                await asked


@pytest.mark.parametrize("number", ["..", "1e999", "1e308", "NaN"])
async def test_an_oldest_time_that_is_no_time_is_not_known(number: str) -> None:
    async with answering(f"prometheus_tsdb_lowest_timestamp_seconds {number}\n") as client:
        assert await client.lowest_time_ms() is None


async def test_a_prometheus_that_is_down_is_named() -> None:
    client = PrometheusClient(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match=r"Prometheus http://127\.0\.0\.1:\d+ did not answer"):
        await PrometheusStore(client, name="sidecar").refresh()
    await client.close()


async def test_nothing_is_answered_before_the_external_labels_are_known(context: QueryContext) -> None:
    client = PrometheusClient("http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable, match="has not said its external labels yet"):
        await select(PrometheusStore(client, name="sidecar"), Selector((METRIC,), ALL_TIME), context)
    await client.close()
