"""AnswerResponse: an Answer on its way out, in pieces, gzipped where the client accepts it.

    kernel pool    piece 2 ──► piece 3 ──►            made (and packed) ahead of the wire, PIECES_AHEAD at most
    event loop     head ─► piece 0 ─► piece 1 ─► …    sent as the client reads

A small answer is one body with its length; that of a large one is sent ahead where it is cheap to know. A client that
goes away ends the work.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from promontory.api.answer import Answer, Piece
from promontory.api.disconnect import wait_for_disconnect
from promontory.api.gzip_member import HEADER, GzipEnd, pack_part
from promontory.kernels.json_size import UNKNOWN

T = TypeVar("T")

GZIP_LEAST_BYTES = 1024
GZIP_HERE_BYTES = 16 * 1024
PIECES_AHEAD = 3
JSON_TYPE = (b"content-type", b"application/json")
VARY = (b"vary", b"Accept-Encoding")
NO_STORE = (b"cache-control", b"no-store")
GZIPPED = (b"content-encoding", b"gzip")


class AnswerResponse:
    """Sends an Answer."""

    def __init__(self, answer: Answer, pool: Executor) -> None:
        self._status = answer.status
        self._body = answer.body
        self._on_sent = answer.on_sent
        self._pool = pool
        self._headers = [JSON_TYPE, VARY]
        self._headers += [(name.encode("latin-1"), text.encode("latin-1")) for name, text in answer.headers.items()]
        if answer.is_partial:
            self._headers.append(NO_STORE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the pieces as they are made."""
        is_gzipped = accepts_gzip(next((value for name, value in scope["headers"] if name == b"accept-encoding"), b""))
        body = self._body
        try:
            if len(body.pieces) <= 1:
                pieces = [piece.make() if body.small else await self._run(piece.make) for piece in body.pieces]
                await self._send_whole(b"".join((body.head, *pieces, body.tail)), send, is_gzipped=is_gzipped)
            else:
                await self._stream(receive, send, is_gzipped=is_gzipped)
        finally:
            if self._on_sent is not None:
                self._on_sent()

    async def _send_whole(self, text: bytes, send: Send, *, is_gzipped: bool) -> None:
        if is_gzipped and len(text) >= GZIP_LEAST_BYTES:
            self._headers.append(GZIPPED)
            text = _gzip(text) if len(text) <= GZIP_HERE_BYTES else await self._run(lambda: _gzip(text))
        self._headers.append((b"content-length", b"%d" % len(text)))
        await self._start(send)
        await send({"type": "http.response.body", "body": text})

    async def _stream(self, receive: Receive, send: Send, *, is_gzipped: bool) -> None:
        if is_gzipped:
            self._headers.append(GZIPPED)
        elif (size_bytes := await self._measure()) is not None:
            self._headers.append((b"content-length", b"%d" % size_bytes))
        gone = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            await self._start(send)
            async with aclosing(self._packed_parts() if is_gzipped else self._parts()) as parts:
                async for part in parts:
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _measure(self) -> int | None:
        """Return the size of the body, None where it takes writing it: clients read what they know the size of faster.

        The first piece is a sample of the rest.
        """
        measures = [piece.measure for piece in self._body.pieces]
        total = len(self._body.head) + len(self._body.tail)
        for some in (measures[:1], measures[1:]):
            sizes = await asyncio.gather(*(self._run(measure) for measure in some if measure is not None))
            if len(sizes) < len(some) or UNKNOWN in sizes:
                return None
            total += sum(sizes)
        return total

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})

    async def _parts(self) -> AsyncGenerator[bytes | memoryview, None]:
        yield self._body.head
        async with aclosing(self._made(lambda piece: piece.make())) as pieces:
            async for piece in pieces:
                yield piece
        yield self._body.tail

    async def _packed_parts(self) -> AsyncGenerator[bytes, None]:
        end = GzipEnd()
        yield HEADER + end.add(pack_part(self._body.head))
        async with aclosing(self._made(lambda piece: pack_part(piece.make()))) as pieces:
            async for packed in pieces:
                yield end.add(packed)
        yield end.add(pack_part(self._body.tail)) + end.write()

    async def _made(self, make: Callable[[Piece], T]) -> AsyncGenerator[T, None]:
        """Yield what `make` makes of each piece, in order, some of them ahead; closing gives up what is not made."""
        ahead: deque[asyncio.Future[T]] = deque()
        try:
            for piece in self._body.pieces:
                ahead.append(asyncio.ensure_future(self._run(partial(make, piece))))
                if len(ahead) > PIECES_AHEAD:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for future in ahead:
                future.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def accepts_gzip(header: bytes) -> bool:
    """Say whether an Accept-Encoding header allows gzip."""
    for item in header.decode("latin-1").lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gzip(text: bytes) -> bytes:
    end = GzipEnd()
    return HEADER + end.add(pack_part(text)) + end.write()
