from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from promontory.errors import (
    BucketUnavailable,
    CorruptionError,
    InputError,
    LimitError,
    StoreError,
    StoreUnavailable,
)
from promontory.model.context import Budget, QueryContext, ReadTally
from promontory.model.frame import Aggregate, Frame
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector, Shard
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.rpc import client
from promontory.store.rpc.answer_reader import AnswerReader
from promontory.store.rpc.client import RemoteStore
from promontory.store.rpc.decode import Answer
from promontory.store.rpc.frame_layout import VERSION
from promontory.store.rpc.frame_reader import is_frame
from promontory.store.rpc.proto import info_pb2, store_pb2
from promontory.store.rpc.requests import GREATEST_TIME_MS, LEAST_TIME_MS
from promontory.testing.memory_store import Fault, MemorySeries, MemoryStore, in_shard, make_series, read_series
from tests.store.rpc.messages import from_messages
from tests.store.rpc.served import Served, connect, serve

SERIES = [
    make_series(
        {"__name__": "up", "replica": replica, "pod": f"pod-{number:03d}", "z": "v"},
        [0, 15_000, 30_000],
        [1.0, 2.0, 3.0],
    )
    for number in range(30)
    for replica in ("a", "b")
]
UP = Selector(matchers=(Matcher(MatchKind.EQUAL, b"__name__", b"up"),), time_range=TimeRange(0, 60_000))
INFO = StoreInfo(
    name="memory",
    kind="sidecar",
    label_sets=(Labels.from_mapping({"replica": "a"}),),
    time_range=TimeRange(-5, 60_000),
    tsdb_infos=(TsdbInfo(Labels.from_mapping({"replica": "a"}), TimeRange(-5, 60_000)),),
)


async def read_all(store: RemoteStore | MemoryStore, selector: Selector, context: QueryContext) -> list[MemorySeries]:
    async with aclosing(store.select(selector, context)) as frames:  # type: ignore[type-var]
        return read_series([frame async for frame in frames])


async def ask_series(served: Served, request: store_pb2.SeriesRequest) -> list[bytes]:
    async with grpc.aio.insecure_channel(served.address) as channel:
        call = channel.unary_stream("/thanos.Store/Series")(request.SerializeToString(), timeout=20)
        return [message async for message in call]


SELECTORS = {
    "everything": replace(UP, time_range=ALL_TIME),
    "no match": replace(UP, matchers=(Matcher(MatchKind.EQUAL, b"__name__", b"down"),)),
    "a regex": replace(UP, matchers=(Matcher(MatchKind.REGEX, b"pod", b"pod-00[1-3]"),)),
    "negative matchers": replace(
        UP, matchers=(Matcher(MatchKind.NOT_EQUAL, b"pod", b"pod-001"), Matcher(MatchKind.NOT_REGEX, b"pod", b".*2"))
    ),
    "a part of the time": replace(UP, time_range=TimeRange(31_000, 60_000)),
    "stripped": replace(UP, without_replica_labels=(b"replica",)),
    "two stripped": replace(UP, without_replica_labels=(b"z", b"replica")),
    "labels only": replace(UP, skip_chunks=True),
    "a limit": replace(UP, limit=7),
    "a shard": replace(UP, shard=Shard(index=1, total=3, by=True, labels=(b"pod",))),
    "a shard without": replace(UP, shard=Shard(index=0, total=2, by=False, labels=(b"pod",))),
}


@pytest.mark.parametrize("name", SELECTORS)
async def test_a_remote_store_answers_like_the_store_behind_it(name: str) -> None:
    store = MemoryStore(SERIES, info=INFO, frame_rows=7)
    async with serve(store) as served, connect(served) as remote:
        expected = await read_all(store, SELECTORS[name], served.client_context())
        assert await read_all(remote, SELECTORS[name], served.client_context()) == expected


ABILITIES = [
    {"sorted": False},
    {"sorted": False, "supports_without_replica_labels": False},
    {"sorted": False, "supports_without_replica_labels": False, "supports_sharding": False},
]


@pytest.mark.parametrize("abilities", ABILITIES, ids=lambda abilities: f"{len(abilities)} missing")
@pytest.mark.parametrize("name", sorted(set(SELECTORS) - {"a limit"}))
async def test_what_a_peer_cannot_do_is_done_here(name: str, abilities: dict[str, bool]) -> None:
    store = MemoryStore(SERIES[::-1], info=replace(INFO, **abilities), ordered=False)  # type: ignore[arg-type]
    async with serve(store) as served, connect(served) as remote:
        selector = SELECTORS[name]
        expected = await read_all(MemoryStore(SERIES), replace(selector, shard=None), served.client_context())
        if selector.shard is not None:
            expected = [one for one in expected if in_shard(one.labels, selector.shard)]
        found = await read_all(remote, selector, served.client_context())
        assert [one.labels for one in found] == [one.labels for one in expected]
        assert [sorted(one.chunks, key=str) for one in found] == [sorted(one.chunks, key=str) for one in expected]
        assert store.asked[-1].without_replica_labels == ()
        assert (store.asked[-1].shard is None) or abilities.get("supports_sharding", True)


async def test_every_field_of_a_selector_arrives() -> None:
    store = MemoryStore(SERIES, info=INFO)
    selector = Selector(
        matchers=tuple(Matcher(kind, b"pod", b"x\xff" if kind is MatchKind.EQUAL else b"x") for kind in MatchKind),
        time_range=TimeRange(LEAST_TIME_MS, GREATEST_TIME_MS),
        max_resolution_ms=300_000,
        aggregates=(Aggregate.COUNT, Aggregate.SUM),
        function="rate",
        step_ms=15_000,
        range_ms=300_000,
        grouping=(b"job", b"\xff"),
        grouping_by=True,
        limit=9,
        skip_chunks=True,
        without_replica_labels=(b"replica",),
        shard=Shard(index=1, total=2, by=False, labels=(b"\xfe",)),
    )
    async with serve(store) as served, connect(served) as remote:
        await read_all(remote, selector, served.client_context())
        assert store.asked == [selector]
        assert served.contexts[0].tenant == "team-a"
        remaining_s = served.contexts[0].deadline_s
        assert remaining_s is not None
        await read_all(remote, UP, served.client_context(timeout_s=None))
        assert served.contexts[1].deadline_s is None


async def test_info_tells_everything_that_the_store_says_of_itself() -> None:
    async with serve(MemoryStore([], info=INFO)) as served, connect(served) as remote:
        assert remote.describe() == replace(INFO, name=served.address)
        async with grpc.aio.insecure_channel(served.address) as channel:
            body = await channel.unary_unary("/thanos.info.Info/Info")(b"", timeout=20)
        response = info_pb2.InfoResponse.FromString(body)
        assert response.ComponentType == "sidecar"
        assert [field.name for field, _ in response.ListFields()] == ["label_sets", "ComponentType", "store"]


async def test_label_names_and_values_pass_with_their_matchers_limits_and_bytes() -> None:
    odd = make_series({"__name__": "up"}, [0], [1.0])
    odd = MemorySeries(Labels(((b"\xff", b"\xfe"), *odd.labels.pairs)[::-1]), odd.chunks)
    store = MemoryStore([*SERIES, odd], info=INFO)
    async with serve(store) as served, connect(served) as remote:
        context = served.client_context()
        assert await remote.label_names(UP, context) == [b"__name__", b"pod", b"replica", b"z", b"\xff"]
        assert await remote.label_values(b"\xff", UP, context) == [b"\xfe"]
        assert await remote.label_values(b"replica", replace(UP, limit=1), context) == [b"a"]
        assert await remote.label_names(replace(UP, limit=2), context) == [b"__name__", b"pod"]
        selector = replace(UP, matchers=(Matcher(MatchKind.REGEX, b"pod", b"pod-02.|pod-000"),))
        assert (await remote.label_values(b"pod", selector, context))[:2] == [b"pod-000", b"pod-020"]
        with pytest.raises(StoreError, match="label: expected a name"):
            await remote.label_values(b"", UP, context)


async def test_batches_are_sent_when_asked_for_and_never_with_a_shard() -> None:
    async with serve(MemoryStore(SERIES, info=INFO)) as served:
        request = store_pb2.SeriesRequest(min_time=0, max_time=60_000)
        assert len(await ask_series(served, request)) == len(SERIES)
        request.response_batch_size = 25
        messages = await ask_series(served, request)
        batches = [store_pb2.SeriesResponse.FromString(message).batch.series for message in messages]
        assert [len(batch) for batch in batches] == [25, 25, 10]
        assert from_messages(messages) == sorted(SERIES, key=lambda one: one.labels)
        request.shard_info.total_shards = 1
        assert len(await ask_series(served, request)) == len(SERIES)


async def test_frames_are_sent_when_asked_for_and_never_with_a_shard() -> None:
    async with serve(MemoryStore(SERIES, info=INFO, frame_rows=7)) as served:
        request = store_pb2.SeriesRequest(min_time=0, max_time=60_000, response_batch_size=25)
        assert not any(is_frame(message) for message in await ask_series(served, request))
        request.frame_version = VERSION
        messages = await ask_series(served, request)
        assert all(is_frame(message) for message in messages)
        reader = AnswerReader(SymbolTable(), Budget(), endpoint=served.address)
        frames = [reader.read(message).frame for message in messages]
        assert read_series(frames) == sorted(SERIES, key=lambda one: one.labels)
        request.shard_info.total_shards = 1
        assert len(from_messages(await ask_series(served, request))) == len(SERIES)


async def test_a_small_answer_wakes_no_thread_of_either_side() -> None:
    class Refusing(ThreadPoolExecutor):
        def submit(self, *work: object) -> Future[object]:  # type: ignore[override]
            raise AssertionError("a thread was asked")

    async with serve(MemoryStore(SERIES[:20], info=INFO)) as served, connect(served) as remote:
        with Refusing(1) as served.pool:
            found = await read_all(remote, UP, served.client_context())
        assert len(found) == 20


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_client_asks_its_own_kind_for_frames_and_no_other_peer(
    is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    class Spy(AnswerReader):
        def read(self, message: bytes) -> Answer:
            read.append(message)
            return super().read(message)

    monkeypatch.setattr(client, "AnswerReader", Spy)
    async with serve(MemoryStore(SERIES, info=replace(INFO, sorted=is_ours))) as served, connect(served) as remote:
        await read_all(remote, UP, served.client_context())
    assert read
    assert all(is_frame(message) is is_ours for message in read)


async def test_warnings_travel_with_the_answer_or_end_it_as_the_request_says() -> None:
    store = MemoryStore(SERIES, info=INFO, warnings=["block 01 is gone"])
    async with serve(store) as served, connect(served) as remote:
        context = served.client_context()
        assert len(await read_all(remote, UP, context)) == len(SERIES)
        await remote.label_names(UP, context)
        assert list(context.warnings) == [f"store {served.address}: block 01 is gone"]
        strict = served.client_context(partial_response=False)
        for work in (
            read_all(remote, UP, strict),
            remote.label_names(UP, strict),
            remote.label_values(b"pod", UP, strict),
        ):
            with pytest.raises(StoreError, match=r"127\.0\.0\.1:\d+ failed: block 01 is gone \(ABORTED\)"):
                await work


FAILURES = [
    (InputError("no matchers"), StoreError, "no matchers .INVALID_ARGUMENT"),
    (LimitError("more than 5 series (--store.limits)"), StoreError, "--store.limits. .RESOURCE_EXHAUSTED"),
    (LimitError("too late", error_type="timeout"), StoreUnavailable, "too late .DEADLINE_EXCEEDED"),
    (StoreUnavailable("down", endpoint="x"), StoreUnavailable, "down .UNAVAILABLE"),
    (BucketUnavailable("down", key="k", operation="get"), StoreUnavailable, "down .UNAVAILABLE"),
    (StoreError("odd", endpoint="x"), StoreError, "odd .ABORTED"),
    (CorruptionError("index", source="b", offset=1, expected="c", found="d"), StoreError, "index in b.*ABORTED"),
]


@pytest.mark.parametrize(("raised", "kind", "text"), FAILURES, ids=lambda value: type(value).__name__)
async def test_a_failure_half_way_arrives_as_an_error_that_names_the_peer(
    raised: Exception, kind: type[StoreError], text: str
) -> None:
    store = MemoryStore(SERIES, info=INFO, frame_rows=10, fault=Fault(after_frames=2, error=raised))
    async with serve(store) as served, connect(served) as remote:
        frames: list[Frame] = []

        async def read() -> None:
            async for frame in remote.select(UP, served.client_context()):
                frames.append(frame)

        with pytest.raises(kind, match=text) as caught:
            await read()
        assert caught.value.endpoint == served.address
        assert caught.value.retryable is (kind is StoreUnavailable)
        assert read_series(frames) == sorted(SERIES, key=lambda one: one.labels)[:20]


async def test_a_silent_peer_is_given_up_by_our_own_timer_and_its_work_stops() -> None:
    fault = Fault(after_frames=1, gate=asyncio.Event())
    store = MemoryStore(SERIES, info=INFO, frame_rows=10, fault=fault)
    async with serve(store) as served, connect(served, idle_timeout_s=0.2) as remote:
        with pytest.raises(StoreUnavailable, match=r"expected a message within 0\.2 s, found none"):
            await read_all(remote, UP, served.client_context())
        async with asyncio.timeout(10):
            await fault.ended.wait()
        assert served.contexts[0].stop[0] == 1


async def test_a_connection_closed_under_a_reader_is_an_unavailable_store_and_no_silence() -> None:
    fault = Fault(after_frames=1, gate=asyncio.Event())
    store = MemoryStore(SERIES, info=INFO, frame_rows=10, fault=fault)
    async with serve(store) as served, connect(served) as remote:
        reading = asyncio.ensure_future(read_all(remote, UP, served.client_context()))
        async with asyncio.timeout(10):
            await fault.reached.wait()
            await remote.close()
            with pytest.raises(StoreUnavailable, match=rf"store {served.address} failed: .*closed"):
                await reading


async def test_a_connection_closed_under_a_question_for_labels_cancels_nobody() -> None:
    gate = asyncio.Event()

    class SlowLabels(MemoryStore):
        async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
            gate.set()
            await asyncio.Event().wait()
            return []

    async with serve(SlowLabels(SERIES, info=INFO)) as served, connect(served) as remote:
        asking = asyncio.ensure_future(remote.label_names(UP, served.client_context()))
        async with asyncio.timeout(10):
            await gate.wait()
            await remote.close()
            with pytest.raises(StoreUnavailable, match=rf"store {served.address} failed: .*closed"):
                await asking


async def test_a_slow_peer_that_goes_on_in_time_is_heard_to_the_end() -> None:
    fault = Fault(after_frames=1, gate=asyncio.Event())
    store = MemoryStore(SERIES, info=INFO, frame_rows=10, fault=fault)
    async with serve(store) as served, connect(served) as remote:
        reading = asyncio.ensure_future(read_all(remote, UP, served.client_context()))
        async with asyncio.timeout(10):
            await fault.reached.wait()
        assert not reading.done()
        assert fault.gate is not None
        fault.gate.set()
        assert len(await reading) == len(SERIES)


async def test_a_reader_that_leaves_stops_the_work_of_the_server() -> None:
    fault = Fault(after_frames=2, gate=asyncio.Event())
    store = MemoryStore(SERIES, info=INFO, frame_rows=10, fault=fault)
    async with serve(store) as served, connect(served) as remote:
        async with aclosing(remote.select(UP, served.client_context())) as frames:
            await anext(frames)
        async with asyncio.timeout(10):
            await fault.ended.wait()
        assert served.contexts[0].stop[0] == 1


async def test_a_deadline_ends_the_call_on_both_sides() -> None:
    fault = Fault(after_frames=0, gate=asyncio.Event())
    async with serve(MemoryStore(SERIES, info=INFO, fault=fault)) as served, connect(served) as remote:
        with pytest.raises((StoreUnavailable, LimitError)):
            await read_all(remote, UP, served.client_context(timeout_s=0.2))
        async with asyncio.timeout(10):
            await fault.ended.wait()


async def test_a_canceled_query_asks_nobody() -> None:
    store = MemoryStore(SERIES, info=INFO)
    async with serve(store) as served, connect(served) as remote:
        context = served.client_context()
        context.cancel()
        with pytest.raises(LimitError, match="canceled"):
            await read_all(remote, UP, context)
        assert store.asked == []


async def test_a_store_that_is_not_ready_says_so_and_keeps_what_was_known() -> None:
    async with serve(MemoryStore(SERIES, info=INFO)) as served, connect(served) as remote:
        served.is_ready = False
        for work in (remote.refresh(), read_all(remote, UP, served.client_context())):
            with pytest.raises(StoreUnavailable, match="store memory is not ready"):
                await work
        assert remote.describe().kind == "sidecar"


async def test_nobody_there_is_an_unavailable_store() -> None:
    async with serve(MemoryStore([])) as served:
        pass
    async with connect(served, refresh=False) as remote:
        with pytest.raises(StoreUnavailable, match=served.address):
            await remote.refresh()


async def test_a_peer_without_a_store_is_refused() -> None:
    async def answer(body: bytes, call: grpc.aio.ServicerContext) -> bytes:
        return info_pb2.InfoResponse(ComponentType="rule").SerializeToString()

    server = grpc.aio.server()
    handlers = {"Info": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("thanos.info.Info", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    remote = RemoteStore(f"127.0.0.1:{port}")
    try:
        with pytest.raises(StoreError, match="found a rule without"):
            await remote.refresh()
    finally:
        await remote.close()
        await server.stop(0)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (b"\x0b", "expected a thanos.SeriesRequest"),
        (
            store_pb2.SeriesRequest(matchers=[{"type": 9, "name": b"a"}]).SerializeToString(),
            "expected type 0 to 3, found 9",
        ),  # type: ignore[list-item]
        (b"\x28\x07", "aggregates: expected 0 to 5, found 7"),
        (
            store_pb2.SeriesRequest(shard_info={"shard_index": 2, "total_shards": 2}).SerializeToString(),  # type: ignore[arg-type]
            "shard_index: expected 0 to 1, found 2",
        ),
    ],
)
async def test_bad_requests_are_the_callers_fault(request_: bytes, text: str) -> None:
    async with serve(MemoryStore(SERIES)) as served, grpc.aio.insecure_channel(served.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [message async for message in channel.unary_stream("/thanos.Store/Series")(request_, timeout=20)]
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert text in str(caught.value.details())


async def test_reflection_lists_and_describes_the_services() -> None:
    async with serve(MemoryStore([])) as served, grpc.aio.insecure_channel(served.address) as channel:
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="thanos.Store"),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="thanos.info.Info"),
        ]
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(requests), timeout=20)
        listed, store, info = [response async for response in call]
        names = {service.name for service in listed.list_services_response.service}
        assert {"thanos.Store", "thanos.info.Info", "grpc.health.v1.Health"} <= names
        assert b"SeriesRequest" in store.file_descriptor_response.file_descriptor_proto[0]
        assert b"InfoResponse" in info.file_descriptor_response.file_descriptor_proto[0]


async def test_what_comes_of_a_peer_is_counted_where_somebody_wants_to_know() -> None:
    store = MemoryStore(SERIES, info=INFO)
    async with serve(store) as served, connect(served) as remote:
        context, tally = served.client_context(), ReadTally()
        await read_all(remote, UP, context.counting(context.pool, tally))
    (counted,) = tally.endpoints.values()
    assert list(tally.endpoints) == [served.address]
    assert (tally.requests, tally.read_bytes) == (1, counted.read_bytes)
    assert counted.responses >= 1
    assert counted.read_bytes > sum(len(chunk.data) for one in SERIES for chunk in one.chunks)
