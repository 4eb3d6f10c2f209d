"""One HTTP connection, given up when its client takes nothing of an answer for too long.

An answer is made as its client reads; a client that does not read at all would hold what it is made of for ever. While
the server's buffer of a connection is full, what its client has not taken is counted LOOKS times within the timeout:
a connection whose client took nothing for all of it is cut. A slow client keeps its connection: the kernel's queue
counts too, because it asks for more only when a third of its megabytes is free, which takes a slow reader minutes.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import struct
import termios
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from promontory.service.joined_transport import JoinedTransport

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

logger = logging.getLogger(__name__)

LOOKS = 4


class HttpConfig(uvicorn.Config):
    """uvicorn's settings and `write_timeout_s`, how long a client may take nothing; 0: for ever."""

    write_timeout_s = 0.0


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's connection with a look at what is not sent yet.

    uvicorn tells only the latest request of a connection that its client has gone; where a client sends requests
    ahead that is not the one being served.
    """

    _served: RequestResponseCycle | None = None
    _look: asyncio.TimerHandle | None = None
    _unsent_bytes = 0
    _looks_without_progress = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve."""
        super().connection_made(JoinedTransport(transport, self.loop))

    def pause_writing(self) -> None:
        """Begin to look: the client does not keep up."""
        super().pause_writing()
        assert isinstance(self.config, HttpConfig)
        if self.config.write_timeout_s and self._look is None:
            self._unsent_bytes = self._count_unsent()
            self._looks_without_progress = 0
            self._look_later()

    def resume_writing(self) -> None:
        """Look no more: the buffer is nearly empty."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._look_no_more()
        if self._served is not None and not self._served.response_complete:
            self._served.disconnected = True
            self._served.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def _look_later(self) -> None:
        assert isinstance(self.config, HttpConfig)
        self._look = self.loop.call_later(self.config.write_timeout_s / LOOKS, self._look_now)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_now(self) -> None:
        unsent_bytes = self._count_unsent()
        is_stuck = unsent_bytes >= self._unsent_bytes
        self._looks_without_progress = self._looks_without_progress + 1 if is_stuck else 0
        self._unsent_bytes = unsent_bytes
        if self._looks_without_progress < LOOKS:
            self._look_later()
            return
        self._look = None
        client = ":".join(map(str, self.client or ()))
        logger.warning("client takes nothing, connection cut", extra={"client": client, "unsent_bytes": unsent_bytes})
        self.transport.abort()

    def _count_unsent(self) -> int:
        """Return the bytes that the server's buffer and the kernel's queue hold."""
        connection = self.transport.get_extra_info("socket")
        (queued_bytes,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
        return self.transport.get_write_buffer_size() + int(queued_bytes)
