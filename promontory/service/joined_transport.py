"""A connection whose small first writes wait for what follows: head and body of a small answer leave as one.

uvicorn writes the head of an answer on its own. Sent so, it costs a second call of the system and wakes the client for
nothing. One rule: a small write waits for the next one, but never longer than the event loop's turn takes. Behind it
a large one leaves on its own: to join them would copy it.
"""

from __future__ import annotations

import asyncio

SMALL_BYTES = 1024
JOINED_BYTES = 64 << 10


class JoinedTransport(asyncio.Transport):
    """The transport of one connection, with a small write held back."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, behind what is held; what is small is held itself, up to the end of the turn."""
        if self._held and len(data) > JOINED_BYTES:
            self._send_held()
        elif self._held:
            data = b"".join((self._held, data))
            self._held = b""
        elif 0 < len(data) < SMALL_BYTES:
            self._held = bytes(data)
            self._loop.call_soon(self._send_held)
            return
        self._inner.write(data)

    def close(self) -> None:
        """Close once all is sent."""
        self._send_held()
        self._inner.close()

    def abort(self) -> None:
        """Close at once."""
        self._held = b""
        self._inner.abort()

    def get_write_buffer_size(self) -> int:
        """Return the bytes not given to the system."""
        return self._inner.get_write_buffer_size() + len(self._held)

    def is_closing(self) -> bool:
        """Say whether it is closed or about to be."""
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return what the connection knows of itself."""
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more from the client."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Take what the client sends."""
        self._inner.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the connection to another protocol."""
        self._inner.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return whom the connection belongs to."""
        return self._inner.get_protocol()

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        # A client may leave while something is held: uvloop raises where one writes to what is closed.
        if held and not self._inner.is_closing():
            self._inner.write(held)
