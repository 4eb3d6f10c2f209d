"""Reading durations inside queries: `5m`, `300`, `5m * 2`, `-step()`, `min_of(1h, range())`.

Inside brackets a whole expression stands; behind `offset` one duration with a sign, or an expression in parentheses.
A plain duration becomes nanoseconds at once. An expression is kept, because the query is printed with it and
step() and range() are known only when it runs; `resolve_durations` then puts its value in.
"""

from __future__ import annotations

import math
from dataclasses import replace

from promontory.errors import InputError
from promontory.model.durations import parse_duration_ns
from promontory.promql.nodes import Duration, DurationExpr, NumberLiteral, Span
from promontory.promql.numbers import parse_number
from promontory.promql.operators import ARITHMETIC, climb
from promontory.promql.stream import TokenStream
from promontory.promql.tokens import Token, TokenKind

MAX_DURATION_S = 2**63 / 1e9


def parse_number_or_duration(stream: TokenStream) -> NumberLiteral:
    """Read a number or a duration, which counts seconds."""
    token = stream.take(TokenKind.DURATION) or stream.expect(TokenKind.NUMBER)
    is_duration = token.kind is TokenKind.DURATION
    text = token.text.decode()
    try:
        value = _seconds(parse_duration_ns(text)) if is_duration else parse_number(text)
    except InputError as error:
        stream.fail(token.start, str(error))
    return NumberLiteral(value, Span(token.start, token.end), is_duration)


def _seconds(duration_ns: int) -> float:
    """Return the seconds, whole ones and the rest converted apart as Go's Duration.Seconds does."""
    return duration_ns // 10**9 + duration_ns % 10**9 / 1e9


def parse_range(stream: TokenStream) -> Duration:
    """Read the range or step of a selector or subquery, which must be positive."""
    duration = climb(stream, DurationOperands(stream))
    if isinstance(duration, NumberLiteral) and duration.value <= 0:
        stream.fail(duration.span.start, "duration must be greater than 0")
    return duration


def parse_offset(stream: TokenStream) -> Duration:
    """Read what stands behind `offset`.

    As in Prometheus an expression ends with its first operand unless that stands in parentheses without a sign:
    `x offset 5m + 3` adds to the selector, `x offset (5m) + 3` to the offset.
    """
    operands = DurationOperands(stream)
    first = stream.peek()
    signed = first.kind is TokenKind.SIGN
    if (first.kind is TokenKind.LEFT_PAREN) or (signed and stream.following().kind is TokenKind.SIGN):
        return climb(stream, operands)
    if not signed:
        return operands.operand()
    sign = stream.advance()
    is_literal = stream.peek().kind in (TokenKind.NUMBER, TokenKind.DURATION)
    return operands.signed(sign, parse_number_or_duration(stream) if is_literal else operands.operand())


class DurationOperands:
    """The operands of a duration expression."""

    operators = ARITHMETIC

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream

    def operand(self) -> Duration:
        """Read a duration, step(), range(), min_of(…), max_of(…), or an expression in parentheses."""
        stream = self._stream
        token = stream.peek()
        if token.kind is TokenKind.LEFT_PAREN:
            return self._parenthesised()
        if token.word in ("step", "range"):
            stream.advance()
            stream.expect(TokenKind.LEFT_PAREN)
            end = stream.expect(TokenKind.RIGHT_PAREN).end
            return DurationExpr(token.word, Span(token.start, end))
        if token.word in ("min_of", "max_of"):
            stream.advance()
            stream.expect(TokenKind.LEFT_PAREN)
            with stream.nested(token.start):
                lhs = climb(stream, self)
                stream.expect(TokenKind.COMMA)
                rhs = climb(stream, self)
            end = stream.expect(TokenKind.RIGHT_PAREN).end
            return DurationExpr(token.word, Span(token.start, end), lhs, rhs)
        return self._checked(parse_number_or_duration(stream), token)

    def modifiers(self) -> tuple[()]:
        """Return nothing: no modifiers here."""
        return ()

    def signed(self, sign: Token, operand: Duration) -> Duration:
        """Return the operand with its sign; a plus leaves no trace."""
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.word == "-" else operand.value
            return self._checked(replace(operand, value=value, span=Span(sign.start, operand.span.end)), sign)
        if sign.word == "+":
            return operand
        return DurationExpr("-", Span(sign.start, operand.span.end), rhs=operand)

    def joined(self, operator: Token, modifiers: tuple[()], lhs: Duration, rhs: Duration) -> Duration:
        """Return the expression of both sides. Dividing by a literal zero is refused here."""
        if operator.word in "/%" and isinstance(rhs, NumberLiteral) and rhs.value == 0:
            self._stream.fail(operator.start, "division by zero" if operator.word == "/" else "modulo by zero")
        return DurationExpr(operator.word, Span(lhs.span.start, rhs.span.end), lhs, rhs)

    def _parenthesised(self) -> DurationExpr:
        stream = self._stream
        start = stream.advance().start
        with stream.nested(start):
            inner = climb(stream, self)
        stream.expect(TokenKind.RIGHT_PAREN)
        if isinstance(inner, DurationExpr):
            return replace(inner, wrapped=True)
        return DurationExpr("+", Span(start, inner.span.end), rhs=inner, wrapped=True)

    def _checked(self, literal: NumberLiteral, token: Token) -> NumberLiteral:
        # Prometheus lets NaN through, and what it becomes depends on the CPU.
        if not abs(literal.value) <= MAX_DURATION_S:
            self._stream.fail(token.start, "duration out of range")
        return literal


def whole_nanoseconds(value_s: float) -> int:
    """Return the nanoseconds of seconds, rounded half away from zero as Go's math.Round."""
    scaled = value_s * 1e9
    return int(math.copysign(math.floor(abs(scaled) + 0.5), scaled))
