"""Places in a query, as annotations show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from promontory.promql.nodes import Span


@dataclass(frozen=True, slots=True)
class Position:
    """Where a node stands: `text` is `line:column` of its first byte, both counted from 1, columns in bytes.

    `order` rises as the nodes that note positions are evaluated: a node comes after all within it, and
    what it notes of its arguments follows these. `others` are the places of equal nodes that this one stands for.
    """

    text: str = ""
    order: tuple[int, int, int] = (0, 0, 0)
    others: tuple[Position, ...] = ()

    @property
    def places(self) -> tuple[Position, ...]:
        """The place, and those of the nodes that this one stands for."""
        return (self, *self.others)

    def as_query_start(self) -> Position:
        """Return the same place, shown as the start of the query."""
        return replace(self, text="1:1")


NOWHERE = Position(order=(-1, 0, 0))


def locate(text: bytes, span: Span, *, by: Span) -> Position:
    """Return the position of a part of the query `text`, noted by the node that spans `by`."""
    before = text[: span.start]
    line_start = before.rfind(b"\n") + 1
    lines = before.count(b"\n") + 1
    return Position(f"{lines}:{span.start - line_start + 1}", (by.end, -by.start, span.start))
