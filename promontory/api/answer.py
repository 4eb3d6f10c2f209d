"""Answer: the JSON envelope over HTTP, streamed in pieces, gzipped where the client accepts it.

    {"status":"success","data":…[,"warnings":[…]][,"infos":[…]]}
    {"status":"error","errorType":…,"error":…}

Pieces are made and compressed in the kernel pool, two ahead of the wire. A small answer is one body with its length.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from promontory.api.failure import ApiError
from promontory.model.result import Annotations

GZIP_LEAST_BYTES = 1024
GZIP_LEVEL = 1
GZIP_WINDOW_BITS = 31
PIECES_AHEAD = 2
ANNOTATIONS_SHOWN = 10
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes before, between and after the pieces; a piece ends with a comma or is empty."""

    head: bytes
    pieces: Sequence[Callable[[], bytes]] = ()
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns. `is_partial` forbids caching: a Store's failure made it incomplete."""

    body: Body
    status: int = 200
    is_partial: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def success(data: Body, annotations: Annotations | None = None, *, is_partial: bool = False) -> Answer:
    """Return a success around `data`."""
    notes = annotations or Annotations()
    tail = data.tail
    for name, texts in (("warnings", notes.warnings), ("infos", notes.infos)):
        if texts:
            tail += f',"{name}":'.encode() + _as_json(_shown(texts, name))
    return Answer(Body(b'{"status":"success","data":' + data.head, data.pieces, tail + b"}"), is_partial=is_partial)


def success_of(value: object, annotations: Annotations | None = None, *, is_partial: bool = False) -> Answer:
    """Return a success around a small value."""
    return success(Body(_as_json(value)), annotations, is_partial=is_partial)


def failure(error: ApiError) -> Answer:
    """Return an error answer."""
    body = _as_json({"status": "error", "errorType": error.error_type, "error": str(error)})
    return Answer(Body(body), status=error.status, is_partial=True)


class AnswerResponse(Response):
    """Sends an Answer."""

    def __init__(self, answer: Answer, request: Request, pool: Executor) -> None:
        super().__init__(None, answer.status, answer.headers, JSON_TYPE)
        del self.headers["content-length"]
        self._body = answer.body
        self._pool = pool
        self._accepts_gzip = accepts_gzip(request.headers.get("accept-encoding", ""))
        self.headers["vary"] = "Accept-Encoding"
        if answer.is_partial:
            self.headers["cache-control"] = "no-store"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the pieces as they are made."""
        if not self._body.pieces:
            await self._send_whole(send, self._body.head + self._body.tail)
        elif len(self._body.pieces) == 1:
            piece = await self._run(self._body.pieces[0])
            await self._send_whole(send, self._body.head + piece.removesuffix(b",") + self._body.tail)
        else:
            await self._stream(send)

    async def _send_whole(self, send: Send, body: bytes) -> None:
        if self._accepts_gzip and len(body) >= GZIP_LEAST_BYTES:
            from isal import isal_zlib

            self.headers["content-encoding"] = "gzip"
            body = await self._run(lambda: isal_zlib.compress(body, GZIP_LEVEL, GZIP_WINDOW_BITS))
        self.headers["content-length"] = str(len(body))
        await self._start(send)
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, send: Send) -> None:
        if self._accepts_gzip:
            self.headers["content-encoding"] = "gzip"
        await self._start(send)
        async for part in self._compressed() if self._accepts_gzip else self._parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _parts(self) -> AsyncIterator[bytes]:
        """Yield the uncompressed body; a piece's last comma is held back until the next piece has something."""
        ahead: deque[asyncio.Future[bytes]] = deque()
        rest = iter(self._body.pieces)
        held = self._body.head
        comma = b""
        try:
            while True:
                while len(ahead) < PIECES_AHEAD and (make := next(rest, None)) is not None:
                    ahead.append(asyncio.ensure_future(self._run(make)))
                if not ahead:
                    break
                piece = await ahead.popleft()
                if piece:
                    yield held + comma + piece[:-1]
                    held, comma = b"", b","
            yield held + self._body.tail
        finally:
            for future in ahead:
                future.cancel()

    async def _compressed(self) -> AsyncIterator[bytes]:
        from isal import isal_zlib

        compressor = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, GZIP_WINDOW_BITS)
        async for part in self._parts():
            if packed := await self._run(functools.partial(compressor.compress, part)):
                yield packed
        yield await self._run(compressor.flush)

    async def _run(self, work: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def accepts_gzip(header: str) -> bool:
    """Say whether an Accept-Encoding header allows gzip."""
    for item in header.lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _shown(texts: tuple[str, ...], name: str) -> list[str]:
    if len(texts) <= ANNOTATIONS_SHOWN:
        return list(texts)
    kind = name.removesuffix("s")
    left = len(texts) - ANNOTATIONS_SHOWN
    return [*texts[:ANNOTATIONS_SHOWN], f"{left} more {kind} annotations omitted"]


def _as_json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_readable(value))


def _readable(value: object) -> object:
    """Replace what is no UTF-8 by U+FFFD."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    return value
