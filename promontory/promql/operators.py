"""Operator precedence, low to high, and the loop that climbs it without recursion.

    or · and unless · == != > < >= <= </ >/ · + - · * / % atan2 · ^

All associate to the left but `^`. A sign binds as `*` does: -2^2 is -(2^2), -a*b is (-a)*b. Expressions and
duration expressions are climbed alike; a chain of any length needs no stack of Python's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from promontory.promql.stream import TokenStream
from promontory.promql.tokens import Token, TokenKind

T = TypeVar("T")
M = TypeVar("M")

SIGN_PRECEDENCE = 5
RIGHT_ASSOCIATIVE = "^"
PRECEDENCE = {
    word: level
    for level, words in enumerate(
        [["or"], ["and", "unless"], ["==", "!=", ">", "<", ">=", "<=", "</", ">/"], ["+", "-"],
         ["*", "/", "%", "atan2"], ["^"]],
        start=1,
    )
    for word in words
}  # fmt: skip
ARITHMETIC = frozenset(["+", "-", "*", "/", "%", "^"])


class Operands(Protocol[T, M]):
    """What stands between operators, and what they make of it."""

    operators: frozenset[str]

    def operand(self) -> T:
        """Read one operand."""

    def modifiers(self) -> M:
        """Read what may stand behind a binary operator."""

    def signed(self, sign: Token, operand: T) -> T:
        """Return the operand with its sign."""

    def joined(self, operator: Token, modifiers: M, lhs: T, rhs: T) -> T:
        """Return what a binary operator makes of both sides."""


@dataclass(slots=True)
class _Pending(Generic[M]):
    operator: Token
    precedence: int
    modifiers: M | None


def climb(stream: TokenStream, operands: Operands[T, M]) -> T:
    """Return the operands joined by their operators, up to the first token that is none."""
    values: list[T] = []
    pending: list[_Pending[M]] = []
    while True:
        while sign := stream.take(TokenKind.SIGN):
            stream.count("operators", sign.start)
            pending.append(_Pending(sign, SIGN_PRECEDENCE, None))
        values.append(operands.operand())
        operator = stream.peek()
        precedence = PRECEDENCE[operator.word] if operator.word in operands.operators else 0
        while pending and _binds_first(pending[-1], operator, precedence):
            _apply(operands, pending.pop(), values)
        if not precedence:
            return values.pop()
        stream.advance()
        stream.count("operators", operator.start)
        pending.append(_Pending(operator, precedence, operands.modifiers()))


def _binds_first(before: _Pending[M], operator: Token, precedence: int) -> bool:
    if before.precedence == precedence:
        return operator.word != RIGHT_ASSOCIATIVE
    return before.precedence > precedence


def _apply(operands: Operands[T, M], pending: _Pending[M], values: list[T]) -> None:
    value = values.pop()
    if pending.modifiers is None:
        values.append(operands.signed(pending.operator, value))
    else:
        values.append(operands.joined(pending.operator, pending.modifiers, values.pop(), value))
