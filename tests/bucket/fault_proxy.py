"""A TCP proxy that cuts connections: each of the first `cuts` of them after `limit_bytes` of answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FaultProxy:
    upstream_port: int
    port: int = 0
    cuts: int = 0
    limit_bytes: int = 0
    connections: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = self.limit_bytes if self.connections <= self.cuts else None
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        requests = asyncio.create_task(copy(reader, upstream_writer))
        try:
            while body := await upstream_reader.read(4096 if left is None else min(4096, left)):
                writer.write(body)
                await writer.drain()
                left = None if left is None else left - len(body)
                if left == 0:
                    break
        except ConnectionError:
            pass
        finally:
            requests.cancel()
            for stream in (writer, upstream_writer):
                stream.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while body := await reader.read(65536):
        writer.write(body)
        await writer.drain()


@asynccontextmanager
async def run_fault_proxy(upstream_port: int) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(upstream_port)
    server = await asyncio.start_server(proxy.start, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()
    for task in proxy.serving:
        task.cancel()
    await asyncio.gather(*proxy.serving, return_exceptions=True)
