"""One HTTP request on its way through a proxy, and what can be done with it and its answer.

    client ── Request ──► proxy ── the same, on a connection of its own ──► server
    client ◄── head, body, as far as a fault lets them ── proxy ◄── answer ── server

One rule: one request a connection, ended by closing it, so that what was cut stays cut. Bodies of requests are read
whole, by Content-Length. Source: RFC 9112 sections 2, 6 and 9.6.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from promontory.model.clock import Clock

_PIECE_BYTES = 16 << 10
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger for no time: the connection ends with a reset
_OF_THE_HOP = ("connection", "expect", "keep-alive")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked: names of headers in lower case, the path and the query as they mean."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without its escapes."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> Mapping[str, list[str]]:
        """The query's values by name."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Read one request whole. Raises IncompleteReadError where the client leaves first."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    assert "transfer-encoding" not in headers, "the fault proxy reads bodies by Content-Length"
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(_CONTINUE)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


class Exchange:
    """A request that was read, the client that waits for the answer, and the server that may give it."""

    def __init__(
        self, request: Request, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], port: int, clock: Clock
    ) -> None:
        self.request = request
        self.clock = clock
        self.sent_bytes = 0
        self._reader, self._writer = client
        self._port = port

    async def relay(self, *, limit_bytes: int | None = None, bytes_a_second: float | None = None) -> bool:
        """Fetch the answer and pass it on, at most `limit_bytes` of its body; say whether that cut it."""
        reader, writer = await self._ask(self.request.body)
        try:
            self._writer.write(await reader.readuntil(b"\r\n\r\n"))
            left = limit_bytes
            while piece := await reader.read(_PIECE_BYTES):
                passed = piece if left is None else piece[:left]
                self.sent_bytes += len(passed)  # before the client can have seen them
                self._writer.write(passed)
                await self._writer.drain()
                left = None if left is None else left - len(passed)
                if len(passed) < len(piece):
                    return True
                if bytes_a_second:
                    await self.clock.sleep(len(passed) / bytes_a_second)
            return False
        finally:
            writer.close()

    async def relay_and_drop(self) -> None:
        """Let the server do what was asked, and throw its answer away."""
        reader, writer = await self._ask(self.request.body)
        try:
            while await reader.read(_PIECE_BYTES):
                pass
        finally:
            writer.close()

    async def send_part(self, limit_bytes: int) -> None:
        """Send the server at most `limit_bytes` of the request's body, then hang up on it."""
        _, writer = await self._ask(self.request.body[:limit_bytes])
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer in the server's place."""
        pairs = {**headers, "Content-Length": str(len(body)), "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in pairs.items())
        self._writer.write(f"HTTP/1.1 {status} Fault\r\n{head}\r\n".encode("latin-1"))
        if self.request.method != "HEAD":
            self._writer.write(body)
        await self._writer.drain()

    def reset(self) -> None:
        """End the client's connection with a reset."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def wait_for_leaving(self) -> None:
        """Say nothing until the client hangs up."""
        while await self._reader.read(_PIECE_BYTES):
            pass

    async def _ask(self, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        headers = {name: value for name, value in self.request.headers.items() if name not in _OF_THE_HOP}
        head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "connection": "close"}.items())
        writer.write(f"{self.request.method} {self.request.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        await writer.drain()
        return reader, writer
