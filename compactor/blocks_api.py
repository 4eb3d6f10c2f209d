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

from starlette.requests import Request

from compactor.block_list import BlockList
from compactor.settings import ViewerSettings
from promontory.api.answer import Answer, Body, failure, success
from promontory.api.body import read_body
from promontory.api.cors import with_cors
from promontory.api.failure import ApiError, bad_data
from promontory.api.parameters import parse_forms
from promontory.api.response import AnswerResponse
from promontory.block.markers import MarkKind, mark_by_hand
from promontory.block.ulid import is_ulid
from promontory.bucket.port import Bucket
from promontory.catalog.listing import holds_block
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
        if path in self._handlers and self._settings.cors:
            send = with_cors(send)
        if path not in METHODS or (path == "/" and self._inner is not None):
            if self._inner is not None:
                await self._inner(scope, receive, send)
            else:
                await reply(send, 404, b"404 page not found\n")
        elif method == "OPTIONS" and path != "/":
            await reply(send, 204, b"")
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
        form = parse_forms(scope["query_string"], await read_body(Request(scope, receive)))
        ulid, action = form.text("id"), form.text("action")
        if not is_ulid(ulid):
            raise bad_data(f'parameter "id": expected the ULID of a block, found "{ulid}"')
        if action not in ACTIONS:
            raise bad_data(f'parameter "action": expected one of {", ".join(ACTIONS)}, found "{action}"')
        if not await holds_block(self._bucket, ulid):
            raise bad_data(f'parameter "id": expected a block of the bucket, found "{ulid}"')
        now_s = self._clock.now_ms() // 1000
        await mark_block(self._bucket, mark_by_hand(ACTIONS[action], ulid, details=form.text("detail"), time_s=now_s))
        return Answer(Body(b'{"status":"success"}'))
