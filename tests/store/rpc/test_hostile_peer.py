"""A peer that answers with other bytes than the Store API's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from promontory.errors import StoreError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo
from promontory.model.time_range import ALL_TIME
from promontory.store.rpc.client import RemoteStore
from promontory.store.rpc.info import info_response
from promontory.store.rpc.proto import store_pb2
from promontory.testing.memory_store import MemorySeries
from tests.store.rpc.messages import to_proto

GARBAGE = b"\xff\xff\xff\x01 other bytes"
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"job", b".*"),), ALL_TIME)
SERIES = store_pb2.SeriesResponse(series=to_proto(MemorySeries(Labels.from_mapping({"job": "a"}), ())))


class Peer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers each call with bytes as they are given."""

    def __init__(self) -> None:
        self.one = GARBAGE
        self.several: tuple[bytes, ...] = (GARBAGE,)

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return what answers a call."""
        if call.method.endswith("/Series"):
            return grpc.unary_stream_rpc_method_handler(self._answer_stream)
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, request: bytes, context: object) -> bytes:
        return self.one

    async def _answer_stream(self, request: bytes, context: object) -> AsyncIterator[bytes]:
        for message in self.several:
            yield message


@pytest.fixture
def context(pool: ThreadPoolExecutor) -> QueryContext:
    """A query that tolerates failing parts."""
    return QueryContext(clock=SystemClock(), pool=pool)


@pytest.fixture
async def peer_and_store() -> AsyncIterator[tuple[Peer, RemoteStore]]:
    """A hostile peer and a client of it."""
    peer, server = Peer(), grpc.aio.server()
    server.add_generic_rpc_handlers((peer,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    store = RemoteStore(f"127.0.0.1:{port}")
    yield peer, store
    await store.close()
    await server.stop(0)


async def test_an_answer_that_is_no_message_is_an_error_that_names_the_peer(
    peer_and_store: tuple[Peer, RemoteStore], context: QueryContext
) -> None:
    _, store = peer_and_store
    with pytest.raises(StoreError, match=r"store 127\.0\.0\.1:\d+ sent a bad answer"):
        await store.refresh()
    with pytest.raises(StoreError, match="sent a bad answer"):
        await store.label_names(EVERYTHING, context)
    with pytest.raises(StoreError, match="sent a bad answer"):
        await store.label_values(b"job", EVERYTHING, context)
    with pytest.raises(StoreError, match="sent a bad Series answer"):
        [frame async for frame in store.select(EVERYTHING, context)]


async def test_an_empty_message_does_not_end_the_answer(
    peer_and_store: tuple[Peer, RemoteStore], context: QueryContext
) -> None:
    peer, store = peer_and_store
    peer.one = info_response(StoreInfo("peer", "store")).SerializeToString()
    await store.refresh()
    assert store.describe().sorted
    peer.several = (b"", SERIES.SerializeToString(), b"")
    frames = [frame async for frame in store.select(EVERYTHING, context)]
    assert [len(frame.labels) for frame in frames] == [1]
