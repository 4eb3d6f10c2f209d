"""Answer: the JSON envelope of what a handler returns.

{"status":"success","data":…[,"warnings":[…]][,"infos":[…]]}
{"status":"error","errorType":…,"error":…}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import orjson

from promontory.api.failure import ApiError
from promontory.model.result import Annotations

ANNOTATIONS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a body: what makes its bytes and, if it is cheap to know, what says how many, -1 where it is not."""

    make: Callable[[], bytes | memoryview]
    measure: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes before and after the pieces, and what makes these, in order; their texts follow each other as they are.

    `held_bytes` is what the pieces are made of and lives until they are sent. A `small` body is made where it is sent,
    any other in the kernel pool.
    """

    head: bytes
    pieces: Sequence[Piece] = ()
    tail: bytes = b""
    held_bytes: int = 0
    small: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns. `is_partial` forbids caching: a Store's failure made it incomplete.

    `on_sent` is called when the last byte was handed on, or the client has gone.
    """

    body: Body
    status: int = 200
    is_partial: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    on_sent: Callable[[], None] | None = None


def success(data: Body, annotations: Annotations | None = None, *, is_partial: bool = False) -> Answer:
    """Return a success around `data`."""
    notes = annotations or Annotations()
    tail = data.tail
    for name, texts in (("warnings", notes.warnings), ("infos", notes.infos)):
        if texts:
            tail += f',"{name}":'.encode() + _as_json(_shown(texts, name))
    head = b'{"status":"success","data":' + data.head
    return Answer(replace(data, head=head, tail=tail + b"}"), is_partial=is_partial)


def with_member(data: Body, member: bytes) -> Body:
    """Return a body that is a JSON object with one more member, `"name":value`."""
    if data.tail:
        return replace(data, tail=data.tail.removesuffix(b"}") + b"," + member + b"}")
    assert not data.pieces
    return replace(data, head=data.head.removesuffix(b"}") + b"," + member + b"}")


def success_of(value: object, annotations: Annotations | None = None, *, is_partial: bool = False) -> Answer:
    """Return a success around a small value."""
    return success(Body(_as_json(value)), annotations, is_partial=is_partial)


def failure(error: ApiError) -> Answer:
    """Return an error answer."""
    body = _as_json({"status": "error", "errorType": error.error_type, "error": str(error)})
    return Answer(Body(body), status=error.status, is_partial=True)


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
