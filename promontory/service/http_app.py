"""The outermost HTTP application of every service: probes and metrics, and around all the rest counts and times.

It is plain ASGI, so that a service without an API of its own imports no web framework.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from promontory.model.clock import Clock
from promontory.service.metrics import Metrics
from promontory.service.probes import Probes

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

TEXT = "text/plain; charset=utf-8"
# The values of the label `handler`: Thanos' names, and no more than these.
HANDLERS = {
    "/-/healthy": "healthy",
    "/-/ready": "ready",
    "/metrics": "metrics",
    "/api/v1/query": "query",
    "/api/v1/query_range": "query_range",
    "/api/v1/query_explain": "query_explain",
    "/api/v1/query_range_explain": "query_range_explain",
    "/api/v1/series": "series",
    "/api/v1/labels": "label_names",
    "/api/v1/stores": "stores",
    "/api/v1/metadata": "metadata",
    "/api/v1/status/buildinfo": "status_build",
    "/api/v1/blocks": "blocks",
    "/api/v1/blocks/mark": "blocks_mark",
}
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS"})


class HttpApp:
    """Answers probes and /metrics itself and hands everything else to the inner application."""

    def __init__(self, probes: Probes, metrics: Metrics, clock: Clock, inner: App | None = None) -> None:
        self._probes = probes
        self._metrics = metrics
        self._clock = clock
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        begin_s = self._clock.monotonic_s()
        code = 500
        has_started = is_complete = False

        async def observe(message: Message) -> None:
            nonlocal code, has_started, is_complete
            if message["type"] == "http.response.start":
                code, has_started = int(message["status"]), True
            is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._answer(scope, receive, observe)
        except asyncio.CancelledError:  # by the server, when the grace period is over
            logger.warning("request cut off", extra={"path": scope["path"]})
            if not has_started:
                await reply(observe, 503, b"stopping\n")
        except Exception:
            logger.exception("request failed", extra={"path": scope["path"]})
            if not has_started:
                await reply(observe, 500, b"internal error, see the log\n")
            elif not is_complete:
                raise
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.count_request(
                (str(code), handler_name(scope["path"]), method), self._clock.monotonic_s() - begin_s
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in ("/-/healthy", "/-/ready", "/metrics"):
            if scope["method"] not in ("GET", "HEAD"):
                await reply(send, 405, b"Method Not Allowed\n", headers=((b"allow", b"GET, HEAD"),))
            elif path == "/metrics":
                accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
                body, content_type = self._metrics.expose(accept)
                await reply(send, 200, body, content_type=content_type)
            elif path == "/-/healthy" or self._probes.is_ready:
                await reply(send, 200, b"OK\n")
            else:
                await reply(send, 503, f"not ready: {self._probes.reason}\n".encode())
        elif self.inner is not None:
            await self.inner(scope, receive, send)
        elif path == "/":
            await reply(send, 200, b"Promontory\n")
        else:
            await reply(send, 404, b"404 page not found\n")


async def reply(
    send: Send, status: int, body: bytes, *, content_type: str = TEXT, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send a whole answer at once."""
    own = ((b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


def handler_name(path: str) -> str:
    """Return the bounded name of a path for metrics."""
    if path.startswith("/api/v1/label/") and path.endswith("/values"):
        return "label_values"
    return HANDLERS.get(path, "other")
