"""Clients that do not read: their connections are cut, slow ones are kept."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

import pytest
from uvicorn.server import ServerState

from promontory.service.http_app import Message, Receive, Scope, Send
from promontory.service.http_protocol import LOOKS, HttpConfig, HttpProtocol
from promontory.service.http_server import HttpServer

PIECE = b"x" * (1 << 20)


class Endless:
    """An application that sends without end until its client goes away."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until `receive` says that the client has gone."""
        gone = asyncio.ensure_future(self._wait_until_gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        self.is_over.set()

    async def _wait_until_gone(self, receive: Receive) -> Message:
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message


async def test_a_client_that_reads_nothing_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    app = Endless()
    server = HttpServer(app, "127.0.0.1:0", grace_s=1, write_timeout_s=0.1)
    server.start()
    host, _, port = server.address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1024)
    with caplog.at_level(logging.WARNING):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.wait_for(app.is_over.wait(), 20)
    writer.close()
    assert "client takes nothing" in caplog.text
    await server.stop()


async def test_a_client_that_sends_requests_ahead_and_leaves_is_noticed() -> None:
    app = Endless()
    server = HttpServer(app, "127.0.0.1:0", grace_s=1)
    server.start()
    host, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(2 * b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readline()
    writer.transport.abort()
    await asyncio.wait_for(app.is_over.wait(), 20)
    await server.stop()


class Wire(asyncio.Transport):
    """A transport whose buffer is what the test says, over a connection that the test reads from."""

    unsent_bytes = 0
    is_cut = False

    def __init__(self) -> None:
        ours, self.client = socket.socketpair()
        super().__init__({"socket": ours})
        for _ in range(3):
            ours.send(b"x")

    def hang_up(self) -> None:
        """Close both ends."""
        self.get_extra_info("socket").close()
        self.client.close()

    def get_write_buffer_size(self) -> int:
        """Return what was not sent yet."""
        return self.unsent_bytes

    def abort(self) -> None:
        """Cut."""
        self.is_cut = True


class Timers(asyncio.SelectorEventLoop):
    """A loop whose timers the test fires."""

    def __init__(self) -> None:
        super().__init__()
        self.set_at: list[tuple[float, Callable[..., object]]] = []

    def call_later(self, delay: float, callback: Callable[..., object], *args: object, **other: object) -> None:  # type: ignore[override]
        """Keep a timer."""
        self.set_at.append((delay, callback))


@pytest.mark.parametrize("taken_from", ["buffer", "queue"])
@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
def test_a_slow_client_is_kept_and_a_stuck_one_is_not(timeout_s: float, taken_from: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    config = HttpConfig(app, loop="none", log_config=None)
    config.write_timeout_s = timeout_s
    timers = Timers()
    connection = HttpProtocol(config=config, server_state=ServerState(), app_state={}, _loop=timers)  # type: ignore[arg-type]
    wire = Wire()
    wire.unsent_bytes = 10_000
    connection.connection_made(wire)
    connection.pause_writing()
    for turn in range(3 * LOOKS if timeout_s else 0):
        if taken_from == "buffer":
            wire.unsent_bytes -= 1
        elif turn % LOOKS == LOOKS - 1:
            wire.client.recv(1)
        delay_s, look = timers.set_at.pop()
        assert delay_s == timeout_s / LOOKS
        look()
    assert not wire.is_cut
    for _ in range(LOOKS if timeout_s else 0):
        timers.set_at.pop()[1]()
    assert wire.is_cut == (timeout_s > 0)
    assert not timers.set_at
    timers.close()
    wire.hang_up()
