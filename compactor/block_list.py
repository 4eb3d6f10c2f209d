"""BlockList: the blocks of a bucket as /api/v1/blocks shows them: Thanos' document, made once for each look.

    {"label": …, "blocks": [meta.json, …], "refreshedAt": RFC 3339, "err": null or a text}

A look that failed keeps the blocks of the one before and says why.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from promontory.api.answer import Body
from promontory.block.meta import GO_ZERO_TIME, BlockMeta, render_meta
from promontory.model.rfc3339 import format_rfc3339_ms


class BlockList:
    """One view of the blocks; `label` is the external label that groups them on the page."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._metas: Iterable[BlockMeta] = ()
        self._rendered: bytes | None = b"[]"
        self._refreshed = GO_ZERO_TIME
        self._error: str | None = None

    def refresh(self, metas: Iterable[BlockMeta], *, now_ms: int) -> None:
        """Take the blocks that were found; they are not changed afterwards."""
        self._metas, self._rendered = metas, None
        self._refreshed, self._error = format_rfc3339_ms(now_ms), None

    def fail(self, reason: str, *, now_ms: int) -> None:
        """Note that looking failed."""
        self._refreshed, self._error = format_rfc3339_ms(now_ms), reason

    def body(self) -> Body:
        """Return the document. Takes some 20 µs a block the first time: for thousands, call it in a thread."""
        head, tail = (
            orjson.dumps(part)
            for part in ({"label": self._label}, {"refreshedAt": self._refreshed, "err": self._error})
        )
        rendered = self._rendered
        if rendered is None:
            ordered = sorted(self._metas, key=lambda meta: (meta.min_time_ms, meta.ulid))
            self._rendered = rendered = orjson.dumps([orjson.loads(render_meta(meta)) for meta in ordered])
        return Body(head[:-1] + b',"blocks":' + rendered + b"," + tail[1:])
