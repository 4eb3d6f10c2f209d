"""Reading what stands behind an operand: `[range]`, `[range:step]`, `offset`, `@`, `anchored`, `smoothed`.

Suffixes bind closer than any operator and may come in any order, each once for a selector, range or subquery.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from promontory.promql.duration_parser import parse_number_or_duration, parse_offset, parse_range, whole_nanoseconds
from promontory.promql.nodes import (
    Anchor,
    Duration,
    DurationExpr,
    MatrixSelector,
    Node,
    NumberLiteral,
    Span,
    Subquery,
    VectorSelector,
)
from promontory.promql.stream import EXTENDED_RANGE_SELECTORS, Construct, TokenStream
from promontory.promql.tokens import TokenKind

_OFFSET = Construct("offset", "number, duration, step(), or range()")
_AT = Construct("@", "timestamp")
_RANGE = Construct("subquery or range selector", "number, duration, step(), or range()")
_BEHIND_RANGE = Construct("subquery or range", '":" or "]"')
_STEP = Construct("subquery selector", 'number, duration, step(), range(), or "]"')
_BEHIND_STEP = Construct("subquery selector", '"]"')
_INT64_LIMIT = 2.0**63
_TIMED = "must be preceded by an instant vector selector or range vector selector or a subquery"

Timed = TypeVar("Timed", VectorSelector, Subquery)


def parse_suffixes(stream: TokenStream, operand: Node) -> Node:
    """Return the operand with the suffixes that follow it."""
    reader = _Suffixes(stream, operand)
    while reader.read_one():
        pass
    return reader.node


class _Suffixes:
    def __init__(self, stream: TokenStream, operand: Node) -> None:
        self._stream = stream
        self._has_offset = False
        self.node = operand

    def read_one(self) -> bool:
        token = self._stream.peek()
        if token.kind is TokenKind.LEFT_BRACKET:
            self._bracket()
        elif token.kind is TokenKind.AT:
            self._at()
        elif token.word == "offset":
            self._offset()
        elif token.word in ("anchored", "smoothed"):
            self._extend(token.word)
        else:
            return False
        return True

    def _bracket(self) -> None:
        stream = self._stream
        start = stream.advance().start
        stream.count("operators", start)
        with stream.within(_RANGE):
            span = parse_range(stream)
        with stream.within(_BEHIND_RANGE):
            if stream.take(TokenKind.COLON) is None:
                stream.expect(TokenKind.RIGHT_BRACKET)
                self._set_range(span, start)
                return
        step: Duration | None = None
        with stream.within(_STEP):
            if stream.peek().kind is not TokenKind.RIGHT_BRACKET:
                step = parse_range(stream)
        with stream.within(_BEHIND_STEP):
            end = stream.expect(TokenKind.RIGHT_BRACKET).end
        self._has_offset = False
        self.node = Subquery(
            expr=self.node,
            range_ms=_literal_ms(span),
            step_ms=_literal_ms(step),
            span=Span(self.node.span.start, end),
            range_expr=_expression(span),
            step_expr=_expression(step),
        )

    def _set_range(self, span: Duration, bracket: int) -> None:
        selector = self.node
        if not isinstance(selector, VectorSelector):
            self._stream.fail(bracket, "ranges only allowed for vector selectors")
        if self._has_offset:
            self._stream.fail(bracket, "no offset modifiers allowed before range")
        if selector.at_ms is not None or selector.anchor is not None:
            self._stream.fail(bracket, "no @ modifiers allowed before range")
        self.node = MatrixSelector(
            selector=selector,
            range_ms=_literal_ms(span),
            span=Span(selector.span.start, self._stream.last_end),
            range_expr=_expression(span),
        )

    def _offset(self) -> None:
        stream = self._stream
        stream.advance()
        with stream.within(_OFFSET):
            offset = parse_offset(stream)
        timed = self._timed("offset modifier")
        if self._has_offset:
            stream.fail(self.node.span.start, "offset may not be set multiple times")
        self._has_offset = isinstance(offset, DurationExpr) or whole_nanoseconds(offset.value) != 0
        self._replace(replace(timed, offset_ms=_literal_ms(offset), offset_expr=_expression(offset)))

    def _at(self) -> None:
        stream = self._stream
        stream.advance()
        anchor: Anchor | None = None
        at_s: float | None = None
        with stream.within(_AT):
            token = stream.peek()
            if token.word in ("start", "end"):
                stream.advance()
                stream.expect(TokenKind.LEFT_PAREN)
                stream.expect(TokenKind.RIGHT_PAREN)
                anchor = Anchor(token.word)
            else:
                sign = stream.take(TokenKind.SIGN)
                at_s = parse_number_or_duration(stream).value
                at_s = -at_s if sign and sign.word == "-" else at_s
        start = self.node.span.start
        if at_s is not None and not abs(at_s) < _INT64_LIMIT:
            stream.fail(start, f"timestamp out of bounds for @ modifier: {_fixed(at_s)}")
        timed = self._timed("@ modifier")
        if timed.at_ms is not None or timed.anchor is not None:
            stream.fail(start, "@ <timestamp> may not be set multiple times")
        at_ms = None if at_s is None else _milliseconds(at_s)
        self._replace(replace(timed, at_ms=at_ms, anchor=anchor))

    def _extend(self, word: str) -> None:
        stream = self._stream
        stream.advance()
        node = self.node
        start = node.span.start
        if EXTENDED_RANGE_SELECTORS not in stream.options.features:
            stream.fail(start, f"{word} modifier is experimental and not enabled")
        if isinstance(node, Subquery):
            stream.fail(start, f"{word} modifier is not supported for subqueries")
        selector = node.selector if isinstance(node, MatrixSelector) else node
        if not isinstance(selector, VectorSelector):
            stream.fail(start, f"{word} modifier not implemented")
        if selector.smoothed if word == "anchored" else selector.anchored:
            stream.fail(start, "anchored and smoothed modifiers cannot be used together")
        anchored, smoothed = selector.anchored or word == "anchored", selector.smoothed or word == "smoothed"
        selector = replace(selector, anchored=anchored, smoothed=smoothed)
        self.node = replace(node, selector=selector) if isinstance(node, MatrixSelector) else selector

    def _timed(self, modifier: str) -> VectorSelector | Subquery:
        """Return what carries offset and @: the selector, that of a range, or the subquery."""
        if isinstance(self.node, MatrixSelector):
            return self.node.selector
        if isinstance(self.node, VectorSelector | Subquery):
            return self.node
        self._stream.fail(self.node.span.start, f"{modifier} {_TIMED}")

    def _replace(self, timed: VectorSelector | Subquery) -> None:
        span = Span(self.node.span.start, self._stream.last_end)
        if isinstance(self.node, MatrixSelector):
            assert isinstance(timed, VectorSelector)
            self.node = replace(self.node, selector=timed, span=span)
        else:
            self.node = replace(timed, span=span)


def _expression(duration: Duration | None) -> DurationExpr | None:
    return duration if isinstance(duration, DurationExpr) else None


def _literal_ms(duration: Duration | None) -> int:
    if not isinstance(duration, NumberLiteral):
        return 0
    if duration.is_duration:
        # Written in whole milliseconds; by way of nanoseconds, as Prometheus goes, long ones lose one.
        return round(duration.value * 1000)
    duration_ns = whole_nanoseconds(duration.value)
    return duration_ns // 10**6 if duration_ns >= 0 else -(-duration_ns // 10**6)


def _milliseconds(at_s: float) -> int:
    """Return the milliseconds, rounded half away from zero; beyond int64 the least, as Go's conversion does."""
    scaled = at_s * 1000.0
    if not abs(scaled) < _INT64_LIMIT:
        return -(2**63)
    return int(math.copysign(math.floor(abs(scaled) + 0.5), scaled))


def _fixed(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.6f}"
