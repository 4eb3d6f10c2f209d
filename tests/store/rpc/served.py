"""A Store behind a real gRPC server on a free port of this machine, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.store.port import Store
from promontory.store.rpc.client import RemoteStore
from promontory.store.rpc.server import add_store


@dataclass
class Served:
    """The server's address, the contexts it made, whether it says that it is ready, and the pool of both sides."""

    pool: ThreadPoolExecutor
    address: str = ""
    is_ready: bool = True
    contexts: list[QueryContext] = field(default_factory=list)

    def new_context(self, *, timeout_s: float | None, partial_response: bool, tenant: str) -> QueryContext:
        """Return a context of the server and remember it."""
        context = make_context(self.pool, timeout_s=timeout_s, partial_response=partial_response, tenant=tenant)
        self.contexts.append(context)
        return context

    def client_context(self, *, partial_response: bool = True, timeout_s: float | None = 30.0) -> QueryContext:
        """Return a context of the client."""
        return make_context(self.pool, timeout_s=timeout_s, partial_response=partial_response, tenant="team-a")


def make_context(
    pool: ThreadPoolExecutor, *, timeout_s: float | None = None, partial_response: bool = True, tenant: str = ""
) -> QueryContext:
    """Return a context on the machine's clock."""
    return QueryContext(
        clock=SystemClock(), pool=pool, timeout_s=timeout_s, partial_response=partial_response, tenant=tenant
    )


@asynccontextmanager
async def serve(store: Store) -> AsyncIterator[Served]:
    """Serve a Store as long as the context lasts."""
    with ThreadPoolExecutor(2) as pool:
        served = Served(pool)
        server = grpc.aio.server()
        add_store(server, store, new_context=served.new_context, is_ready=lambda: served.is_ready)
        served.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            yield served
        finally:
            await server.stop(0)


@asynccontextmanager
async def connect(served: Served, *, refresh: bool = True, idle_timeout_s: float = 10.0) -> AsyncIterator[RemoteStore]:
    """Connect a client, and ask for Info."""
    remote = RemoteStore(served.address, idle_timeout_s=idle_timeout_s)
    try:
        if refresh:
            await remote.refresh()
        yield remote
    finally:
        await remote.close()
