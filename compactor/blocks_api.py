"""BlocksApi: /api/v1/blocks and /api/v1/blocks/mark, as Thanos' block viewer asks them, and a page.

    GET  /                              the page
    GET  /api/v1/blocks?view=loaded     the blocks that the compactor works on; without `view` all of the bucket
    POST /api/v1/blocks/mark            id, action (DELETION, NO_COMPACTION; NO_DOWNSAMPLE is ours), detail

Any other path goes to the application behind, where there is one. A browser on a page of another site may not mark.
Source: thanos pkg/api/blocks/v1.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from compactor.block_list import BlockList
from compactor.settings import ViewerSettings
from promontory.api.answer import Answer, Body, failure, success
from promontory.api.failure import ApiError, bad_data
from promontory.api.parameters import BODY_LIMIT_BYTES, parse_forms, too_large
from promontory.api.response import AnswerResponse
from promontory.block.markers import Mark, MarkKind
from promontory.block.ulid import is_ulid
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import mark_block
from promontory.errors import BucketError
from promontory.model.clock import Clock
from promontory.service.http_app import App, Receive, Scope, Send, reply

Handler = Callable[[Scope, Receive], Awaitable[Answer]]

BLOCKS = "/api/v1/blocks"
MARK = "/api/v1/blocks/mark"
ACTIONS = {
    "DELETION": MarkKind.DELETION,
    "NO_COMPACTION": MarkKind.NO_COMPACT,
    "NO_DOWNSAMPLE": MarkKind.NO_DOWNSAMPLE,
}
MANUAL = "manual"
CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Origin"),
    (b"access-control-expose-headers", b"Date"),
)
METHODS = {"/": ("GET", "HEAD"), BLOCKS: ("GET", "HEAD"), MARK: ("POST",)}


class BlocksApi:
    """Serves two lists of blocks and writes marks into the bucket."""

    def __init__(
        self, bucket: Bucket, clock: Clock, pool: Executor, settings: ViewerSettings, *,
        everything: BlockList, loaded: BlockList, page: Callable[[], bytes], inner: App | None = None,
    ) -> None:  # fmt: skip
        self._bucket = bucket
        self._clock = clock
        self._pool = pool
        self._settings = settings
        self._everything = everything
        self._loaded = loaded
        self._page = page
        self._inner = inner
        self._handlers: dict[str, Callable[[Scope, Receive], Awaitable[Answer]]] = {
            BLOCKS: self._list,
            MARK: self._mark,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path, method = scope["path"], scope["method"]
        if path not in METHODS or (path == "/" and self._inner is not None):
            if self._inner is not None:
                await self._inner(scope, receive, send)
            else:
                await reply(send, 404, b"404 page not found\n")
        elif method == "OPTIONS" and path != "/":
            await reply(send, 204, b"", headers=CORS if self._settings.cors else ())
        elif method not in METHODS[path]:
            await reply(send, 405, b"Method Not Allowed\n", headers=((b"allow", ", ".join(METHODS[path]).encode()),))
        elif path == "/":
            await reply(send, 200, self._page(), content_type="text/html; charset=utf-8")
        else:
            await self._serve(self._handlers[path], scope, receive, send)

    async def _serve(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await handler(scope, receive)
        except ApiError as error:
            answer = failure(error)
        except BucketError as error:
            answer = failure(ApiError(error.http_status, error.error_type, str(error)))
        headers = {name.decode(): text.decode() for name, text in CORS} if self._settings.cors else {}
        answer.headers.update(headers)
        await AnswerResponse(answer, self._pool)(scope, receive, send)

    async def _list(self, scope: Scope, receive: Receive) -> Answer:
        view = parse_forms(scope["query_string"], b"").text("view")
        blocks = self._loaded if view == "loaded" else self._everything
        return success(await asyncio.get_running_loop().run_in_executor(self._pool, blocks.body))

    async def _mark(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        if not self._settings.may_mark:
            raise bad_data("marking over HTTP is switched off by --disable-admin-operations")
        if headers.get(b"sec-fetch-site") == b"cross-site":
            raise bad_data("a page of another site may not mark blocks")
        form = parse_forms(scope["query_string"], await _read_body(receive))
        ulid, action = form.text("id"), form.text("action")
        if not is_ulid(ulid):
            raise bad_data(f'parameter "id": expected the ULID of a block, found "{ulid}"')
        if action not in ACTIONS:
            raise bad_data(f'parameter "action": expected one of {", ".join(ACTIONS)}, found "{action}"')
        if not await _exists(self._bucket, ulid):
            raise bad_data(f'parameter "id": expected a block of the bucket, found "{ulid}"')
        kind = ACTIONS[action]
        reason = "" if kind is MarkKind.DELETION else MANUAL
        now_s = self._clock.now_ms() // 1000
        await mark_block(self._bucket, Mark(kind, ulid, now_s, details=form.text("detail"), reason=reason))
        return Answer(Body(b'{"status":"success"}'))


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(499, "canceled", "the client went away")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > BODY_LIMIT_BYTES:
            raise too_large()
        if not message.get("more_body", False):
            return body


async def _exists(bucket: Bucket, ulid: str) -> bool:
    async for _ in bucket.list(f"{ulid}/"):
        return True
    return False
