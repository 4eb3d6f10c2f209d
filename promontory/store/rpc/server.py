"""Serving a Store over gRPC: thanos.Store and thanos.info.Info, with reflection.

Handlers take and give raw bytes. Each write of Series is awaited, so that a slow client slows the Store. A failing
part is a warning message (WARN) or ends the call with ABORTED (ABORT), as the request says. When a call ends for
whatever reason, its QueryContext is canceled and the Store's answer is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

import grpc
from google.protobuf.internal import api_implementation
from grpc_reflection.v1alpha import reflection

from promontory.errors import HaltError, InputError, LimitError, PromontoryError
from promontory.model.context import QueryContext
from promontory.store.port import Store
from promontory.store.rpc.answer import read_ahead, series_messages, take_warnings, write_frames, write_series
from promontory.store.rpc.info import info_response
from promontory.store.rpc.proto import store_pb2
from promontory.store.rpc.requests import (
    AnyRequest,
    is_ours,
    parse_request,
    read_labels_request,
    read_series_request,
    reads_frames,
    wants_partial_response,
)
from promontory.store.rpc.status import code_of

STORE_SERVICE = "thanos.Store"
INFO_SERVICE = "thanos.info.Info"
HEALTH_SERVICE = "grpc.health.v1.Health"
TENANT_KEY = "thanos-tenant"
BATCHES_AHEAD = 2
# Status texts travel in HTTP/2 headers, which peers bound to 8 KiB.
DETAILS_LENGTH = 2000

Request = TypeVar("Request", bound=AnyRequest)
Result = TypeVar("Result")


class NewContext(Protocol):
    """Makes the context of one request."""

    def __call__(self, *, timeout_s: float | None, partial_response: bool, tenant: str) -> QueryContext:
        """Return a context; no timeout is no deadline."""


def add_store(
    server: grpc.aio.Server,
    store: Store,
    *,
    new_context: NewContext,
    is_ready: Callable[[], bool],
    send_timeout_s: float = 300.0,
) -> None:
    """Serve `store` on `server` (before it starts), and list it by reflection.

    A client that takes no message for `send_timeout_s` is given up. Raises HaltError under the pure-Python protobuf,
    which recurses without a bound on hostile input.
    """
    if api_implementation.Type() == "python":
        raise HaltError("protobuf: expected its compiled implementation, found the one in Python (CVE-2025-4565)")
    service = StoreService(store, new_context=new_context, is_ready=is_ready, send_timeout_s=send_timeout_s)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                STORE_SERVICE,
                {
                    "Series": grpc.unary_stream_rpc_method_handler(service.series),
                    "LabelNames": grpc.unary_unary_rpc_method_handler(service.label_names),
                    "LabelValues": grpc.unary_unary_rpc_method_handler(service.label_values),
                },
            ),
            grpc.method_handlers_generic_handler(
                INFO_SERVICE, {"Info": grpc.unary_unary_rpc_method_handler(service.info)}
            ),
        )
    )
    reflection.enable_server_reflection((STORE_SERVICE, INFO_SERVICE, HEALTH_SERVICE, reflection.SERVICE_NAME), server)


class StoreService:
    """The handlers: bytes in, bytes out."""

    def __init__(
        self, store: Store, *, new_context: NewContext, is_ready: Callable[[], bool], send_timeout_s: float
    ) -> None:
        self._store = store
        self._new_context = new_context
        self._is_ready = is_ready
        self._send_timeout_s = send_timeout_s

    async def info(self, body: bytes, call: grpc.aio.ServicerContext) -> bytes:
        """Answer Info."""
        await self._demand_ready(call)
        return info_response(self._store.describe()).SerializeToString()

    async def series(self, body: bytes, call: grpc.aio.ServicerContext) -> None:
        """Answer Series, message by message."""

        async def answer(request: store_pb2.SeriesRequest, context: QueryContext) -> None:
            selector = read_series_request(request)
            # Clients that filter shards themselves do not look into batches (Thanos' proxy).
            batch_size = 1 if selector.shard is not None else request.response_batch_size
            as_series = write_series(batch_size, newer_encodings=is_ours(request))
            write = write_frames() if reads_frames(request) else as_series
            batches = series_messages(self._store.select(selector, context), context, write)
            async with aclosing(read_ahead(batches, BATCHES_AHEAD, leave=context.cancel)) as ready:
                async for some in ready:
                    for message in (message for batch in some for message in batch):
                        await self._send(call, message)

        await self._answer(store_pb2.SeriesRequest, body, call, answer)

    async def label_names(self, body: bytes, call: grpc.aio.ServicerContext) -> bytes:
        """Answer LabelNames."""

        async def answer(request: store_pb2.LabelNamesRequest, context: QueryContext) -> bytes:
            names = await self._store.label_names(read_labels_request(request), context)
            warnings = take_warnings(context, 0)
            return store_pb2.LabelNamesResponse(names=names, warnings=warnings).SerializeToString()

        return await self._answer(store_pb2.LabelNamesRequest, body, call, answer)

    async def label_values(self, body: bytes, call: grpc.aio.ServicerContext) -> bytes:
        """Answer LabelValues."""

        async def answer(request: store_pb2.LabelValuesRequest, context: QueryContext) -> bytes:
            if not request.label:
                raise InputError("label: expected a name, found none")
            values = await self._store.label_values(request.label, read_labels_request(request), context)
            warnings = take_warnings(context, 0)
            return store_pb2.LabelValuesResponse(values=values, warnings=warnings).SerializeToString()

        return await self._answer(store_pb2.LabelValuesRequest, body, call, answer)

    async def _answer(
        self,
        kind: type[Request],
        body: bytes,
        call: grpc.aio.ServicerContext,
        answer: Callable[[Request, QueryContext], Awaitable[Result]],
    ) -> Result:
        await self._demand_ready(call)
        context: QueryContext | None = None
        try:
            request = parse_request(kind, body)
            context = self._new_context(
                timeout_s=call.time_remaining(),
                partial_response=wants_partial_response(request),
                tenant=_tenant(call),
            )
            return await answer(request, context)
        except PromontoryError as error:
            failure = error
        finally:
            if context is not None:
                context.cancel()
        await call.abort(code_of(failure), str(failure)[:DETAILS_LENGTH])
        raise AssertionError("abort returned")

    async def _demand_ready(self, call: grpc.aio.ServicerContext) -> None:
        if not self._is_ready():
            await call.abort(grpc.StatusCode.UNAVAILABLE, f"store {self._store.describe().name} is not ready")

    async def _send(self, call: grpc.aio.ServicerContext, message: bytes) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await call.write(message)
        except TimeoutError as error:
            raise LimitError(
                f"expected the client to take a message within {self._send_timeout_s:g} s, found it stalled",
                error_type="timeout",
            ) from error


def _tenant(call: grpc.aio.ServicerContext) -> str:
    for key, value in call.invocation_metadata() or ():
        if key == TENANT_KEY:
            return value if isinstance(value, str) else value.decode(errors="replace")
    return ""
