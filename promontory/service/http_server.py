"""The HTTP server: uvicorn with uvloop and httptools, driven by the lifecycle instead of by its own signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from promontory.errors import InputError
from promontory.service.http_app import App
from promontory.service.http_protocol import HttpConfig, HttpProtocol

BACKLOG = 1024
# Idle connections stay as long as Prometheus' do: a refresh of a dashboard must not meet one that is being closed.
KEEP_ALIVE_S = 300
# How long requests that the grace period has cut off may take to let go.
CUT_OFF_S = 5.0


class HttpServer:
    """Listens from construction on, serves from `start` until `stop`."""

    def __init__(self, app: App, address: str, *, grace_s: float, write_timeout_s: float = 0.0) -> None:
        self._listener = listen(address)
        config = HttpConfig(
            app, loop="none", http=HttpProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, timeout_graceful_shutdown=max(1, round(grace_s)), backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
        )  # fmt: skip
        config.write_timeout_s = write_timeout_s
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """host:port that it listens on, with the real port where 0 was asked for."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Begin to serve."""
        self._task = asyncio.create_task(self._server.serve([self._listener]), name="http")

    async def stop(self) -> None:
        """Take no more connections, wait for requests in flight up to the grace period, end the rest."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        if cut_off := self._server.server_state.tasks:
            await asyncio.wait(cut_off, timeout=CUT_OFF_S)


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(address: str) -> socket.socket:
    """Return a listening socket. Raises InputError naming the flag where the address cannot be had."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host or "0.0.0.0", int(port)))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(f"flag --http-address: expected a free address, found {address}: {error.strerror}") from error
    listener.settimeout(0)
    return listener
