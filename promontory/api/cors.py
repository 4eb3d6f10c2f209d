"""The headers that let a page of another site read an answer, as Prometheus sends them."""

from __future__ import annotations

from starlette.types import Message, Send

CORS_HEADERS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Origin"),
    (b"access-control-expose-headers", b"Date"),
    (b"vary", b"Origin"),
)


def with_cors(send: Send) -> Send:
    """Return what sends an answer with these headers."""

    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *CORS_HEADERS]}
        await send(message)

    return send_with_cors
