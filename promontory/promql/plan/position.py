"""Places in a query text as annotations show them."""

from __future__ import annotations

from promontory.promql.nodes import Span

QUERY_START = "1:1"


def format_position(text: bytes, span: Span) -> str:
    """Return `line:column` of a node's first byte, both counted from 1, columns in bytes."""
    before = text[: span.start]
    line_start = before.rfind(b"\n") + 1
    lines = before.count(b"\n") + 1
    return f"{lines}:{span.start - line_start + 1}"
