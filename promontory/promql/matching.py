"""Reading what stands between a binary operator and its right side:

bool   on (labels) | ignoring (labels)   group_left (labels) | group_right (labels)   fill (n) | fill_left …
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from promontory.promql.duration_parser import parse_number_or_duration
from promontory.promql.nodes import Cardinality, Matching
from promontory.promql.selectors import parse_grouping
from promontory.promql.stream import TokenStream
from promontory.promql.tokens import TokenKind, starts_expression

_CARDINALITY = {"group_left": Cardinality.MANY_TO_ONE, "group_right": Cardinality.ONE_TO_MANY}


@dataclass(frozen=True, slots=True)
class Modifiers:
    """A binary operator's modifiers as written."""

    return_bool: bool
    matching: Matching

    @property
    def fills(self) -> bool:
        """Whether a missing series is filled on either side."""
        return self.matching.fill_left is not None or self.matching.fill_right is not None

    def applied(self, *, between_vectors: bool, in_sets: bool) -> Matching | None:
        """Return the matching between these operands: none without two vectors, many-to-many for set operators.

        What the type check has yet to refuse stays.
        """
        if not between_vectors and not self.matching.labels and not self.fills:
            return None
        if in_sets and self.matching.cardinality is Cardinality.ONE_TO_ONE:
            return replace(self.matching, cardinality=Cardinality.MANY_TO_MANY)
        return self.matching


def parse_modifiers(stream: TokenStream) -> Modifiers:
    """Read the modifiers of a binary operator."""
    return_bool = stream.take_word("bool") is not None
    vectors = stream.take_word("on", "ignoring")
    labels: tuple[bytes, ...] = ()
    include: tuple[bytes, ...] = ()
    cardinality = Cardinality.ONE_TO_ONE
    if vectors:
        labels = parse_grouping(stream)
        if group := stream.take_word(*_CARDINALITY):
            cardinality = _CARDINALITY[group.word]
            token = stream.peek()
            if token.kind is TokenKind.LEFT_PAREN or not starts_expression(token):
                include = parse_grouping(stream)
    fills = _fills(stream)
    matching = Matching(
        cardinality=cardinality,
        on=vectors is not None and vectors.word == "on",
        labels=labels,
        include=include,
        fill_left=fills.get("fill_left"),
        fill_right=fills.get("fill_right"),
    )
    return Modifiers(return_bool, matching)


def _fills(stream: TokenStream) -> dict[str, float]:
    if stream.take_word("fill"):
        value = _fill_value(stream)
        return {"fill_left": value, "fill_right": value}
    fills: dict[str, float] = {}
    while side := stream.take_word(*({"fill_left", "fill_right"} - fills.keys())):
        fills[side.word] = _fill_value(stream)
    return fills


def _fill_value(stream: TokenStream) -> float:
    stream.expect(TokenKind.LEFT_PAREN)
    sign = stream.take(TokenKind.SIGN)
    value = parse_number_or_duration(stream).value
    stream.expect(TokenKind.RIGHT_PAREN)
    return -value if sign and sign.word == "-" else value
