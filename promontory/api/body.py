"""The body of a request, which is a small form."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from promontory.api.failure import ApiError, bad_data

BODY_LIMIT_BYTES = 10 << 20


async def read_body(request: Request) -> bytes:
    """Return the body. Raises ApiError where it is too large, and where the client goes away."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT_BYTES:
                raise bad_data(f"request body is larger than {BODY_LIMIT_BYTES} bytes")
    except ClientDisconnect:
        raise ApiError(499, "canceled", "the client went away") from None
    return body
