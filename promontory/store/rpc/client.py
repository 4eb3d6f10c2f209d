"""RemoteStore: a peer that speaks thanos.Store, as a Store.

A peer that says `sorted` in its Info (ours do) is streamed: it strips replica labels itself, and its chunks say from
which replica they came. Any other peer is asked for its series as they are; we strip, gather and sort them, so that
sources are known there too. A peer that cannot shard is filtered here. Shards are never asked for in batches.

A stream that is silent for `idle_timeout_s` is given up by our own timer: grpcio's keepalive does not end a stalled
stream, because the peer's kernel goes on answering.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from promontory.errors import StoreError, StoreUnavailable
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.selector import Selector, Shard
from promontory.model.shard import select_shard
from promontory.model.store_info import StoreInfo
from promontory.store.rpc.answer_reader import AnswerReader, is_small
from promontory.store.rpc.frame_layout import VERSION
from promontory.store.rpc.inbox import Inbox
from promontory.store.rpc.info import read_info
from promontory.store.rpc.proto import info_pb2, store_pb2
from promontory.store.rpc.requests import label_names_request, label_values_request, series_request
from promontory.store.rpc.status import error_of
from promontory.store.sort import sort_frames

TENANT_KEY = "thanos-tenant"
# Thanos' own batch; ours are bounded by the megabyte of a message, so that the count need not be.
BATCH_SIZE = 64
BATCH_SIZE_OF_OURS = 1 << 20
# Of a peer whose answer is gathered anyway, this much is decoded at a time.
GATHERED_BYTES = 256 << 10
MAX_MESSAGE_BYTES = 256 << 20
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 10_000),
)

Response = TypeVar("Response", store_pb2.LabelNamesResponse, store_pb2.LabelValuesResponse)
Parsed = TypeVar("Parsed", bound=Message)


class RemoteStore:
    """A Store at host:port. `refresh` must have succeeded once for `describe` to tell what it holds."""

    def __init__(
        self,
        address: str,
        *,
        idle_timeout_s: float = 10.0,
        info_timeout_s: float = 5.0,
        labels_timeout_s: float = 60.0,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str = "",
    ) -> None:
        self._address = address
        self._idle_timeout_s = idle_timeout_s
        self._info_timeout_s = info_timeout_s
        self._labels_timeout_s = labels_timeout_s
        self._credentials = credentials
        self._options = [*CHANNEL_OPTIONS, *([("grpc.ssl_target_name_override", server_name)] if server_name else [])]
        self._channel: grpc.aio.Channel | None = None
        # Until the peer has said more it is taken for one that can do nothing of itself.
        self._info = StoreInfo(
            name=address, kind="", supports_sharding=False, supports_without_replica_labels=False, sorted=False
        )

    def describe(self) -> StoreInfo:
        """Return what the peer said at the last successful `refresh`."""
        return self._info

    async def refresh(self) -> None:
        """Ask what the peer holds. Raises StoreUnavailable or StoreError; what was known stays."""
        call = self._open().unary_unary(
            "/thanos.info.Info/Info",
            request_serializer=info_pb2.InfoRequest.SerializeToString,
        )
        try:
            answer: bytes = await call(info_pb2.InfoRequest(), timeout=self._info_timeout_s)
        except grpc.aio.AioRpcError as error:
            raise error_of(error, address=self._address) from error
        self._info = read_info(self._parse(info_pb2.InfoResponse.FromString, answer), address=self._address)

    async def close(self) -> None:
        """Close the connection; calls in flight fail with StoreUnavailable."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def select(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        """Yield the peer's series. Raises StoreUnavailable or StoreError naming it."""
        info = self._info
        asked = selector
        local_shard: Shard | None = None
        if selector.shard is not None and not info.supports_sharding:
            # The peer would count the limit before our filter.
            asked, local_shard = replace(selector, shard=None, limit=0), selector.shard
        if info.sorted and info.supports_without_replica_labels:
            frames = self._stream(asked, context, local_shard, batch_size=BATCH_SIZE_OF_OURS, frame_version=VERSION)
        else:
            asked = replace(asked, without_replica_labels=())
            plain = self._stream(asked, context, local_shard, batch_size=BATCH_SIZE)
            frames = sort_frames(plain, context, without=selector.without_replica_labels)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the peer's label names. Raises StoreUnavailable or StoreError naming it."""
        request = label_names_request(selector, partial_response=context.partial_response)
        kind = store_pb2.LabelNamesResponse
        response = await self._ask("LabelNames", request.SerializeToString(), kind.FromString, context)
        return sorted(response.names)

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the peer's values of a label. Raises StoreUnavailable or StoreError naming it."""
        request = label_values_request(name, selector, partial_response=context.partial_response)
        kind = store_pb2.LabelValuesResponse
        response = await self._ask("LabelValues", request.SerializeToString(), kind.FromString, context)
        return sorted(response.values)

    async def _stream(
        self,
        selector: Selector,
        context: QueryContext,
        local_shard: Shard | None,
        *,
        batch_size: int,
        frame_version: int = 0,
    ) -> AsyncGenerator[Frame, None]:
        request = series_request(
            selector,
            partial_response=context.partial_response,
            batch_size=1 if selector.shard is not None else batch_size,
            frame_version=frame_version,
        )
        reader = AnswerReader(context.symbols, context.budget, endpoint=self._address)
        inbox = Inbox(least_bytes=0 if self._info.sorted else GATHERED_BYTES)
        call = self._call_series(request, context)
        tally = context.tally
        if tally is not None:
            tally.count_asked(self._address)
        receiver = asyncio.ensure_future(self._receive(call, inbox))
        try:
            while message := await inbox.take():
                context.check()
                if tally is not None:
                    tally.count_message(self._address, read_bytes=len(message))
                answer = reader.read(message) if is_small(message) else await context.run(reader.read, message)
                self._tell(answer.warnings, context)
                frame = answer.frame
                if local_shard is not None:
                    frame = frame.keep_rows(select_shard(frame.labels, local_shard))
                if len(frame.labels):
                    yield frame
        finally:
            call.cancel()
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)

    def _call_series(
        self, request: store_pb2.SeriesRequest, context: QueryContext
    ) -> grpc.aio.UnaryStreamCall[bytes, bytes]:
        context.check()
        call = self._open().unary_stream("/thanos.Store/Series")
        return call(request.SerializeToString(), timeout=context.remaining_s(), metadata=_metadata(context))

    async def _receive(self, call: grpc.aio.UnaryStreamCall[bytes, bytes], inbox: Inbox) -> None:
        """Move messages into the inbox, and how it ended."""
        try:
            while True:
                async with asyncio.timeout(self._idle_timeout_s):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    break
                await inbox.put(message)
        except grpc.aio.AioRpcError as error:
            inbox.close(error_of(error, address=self._address))
        except TimeoutError:
            text = f"store {self._address} failed: expected a message within {self._idle_timeout_s:g} s, found none"
            inbox.close(StoreUnavailable(text, endpoint=self._address))
        except asyncio.CancelledError:
            inbox.close(self._closed())  # unless its reader has left, it waits for a word
            raise
        else:
            inbox.close()

    async def _ask(
        self, method: str, body: bytes, parse: Callable[[bytes], Response], context: QueryContext
    ) -> Response:
        context.check()
        remaining_s = context.remaining_s()
        timeout_s = self._labels_timeout_s if remaining_s is None else min(remaining_s, self._labels_timeout_s)
        call = self._open().unary_unary(f"/thanos.Store/{method}")
        try:
            answer: bytes = await call(body, timeout=timeout_s, metadata=_metadata(context))
        except grpc.aio.AioRpcError as error:
            raise error_of(error, address=self._address) from error
        except asyncio.CancelledError:
            if _is_canceled():
                raise
            raise self._closed() from None
        response = self._parse(parse, answer)
        self._tell([text.decode(errors="replace") for text in response.warnings], context)
        return response

    def _parse(self, parse: Callable[[bytes], Parsed], answer: bytes) -> Parsed:
        """Return an answer; grpc's own deserializers make None of bytes that are none."""
        try:
            return parse(answer)
        except DecodeError as error:
            raise StoreError(
                f"store {self._address} sent a bad answer: found {len(answer)} bytes that break its format: {error}",
                endpoint=self._address,
            ) from error

    def _closed(self) -> StoreUnavailable:
        return StoreUnavailable(f"store {self._address} failed: the connection was closed", endpoint=self._address)

    def _tell(self, warnings: Sequence[str], context: QueryContext) -> None:
        for warning in warnings:
            context.tolerate(StoreError(f"store {self._address}: {warning}", endpoint=self._address))

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self._address, options=self._options)
            else:
                self._channel = grpc.aio.secure_channel(self._address, self._credentials, options=self._options)
        return self._channel


def _is_canceled() -> bool:
    """Say whether this task is to end; grpcio also raises CancelledError in the calls of a closed channel."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _metadata(context: QueryContext) -> tuple[tuple[str, str], ...]:
    return ((TENANT_KEY, context.tenant),) if context.tenant else ()
