"""An expression of the grammar: a text in parts, what is known of its series, and its smaller relatives.

A part is text or an expression below. Kinds say what may stand for what: a vector for a vector, and nothing at all for
an `option` (a modifier, a matcher).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, IntEnum


class Kind(Enum):
    """What an expression can stand for."""

    VECTOR = "vector"
    SCALAR = "scalar"
    MATRIX = "matrix"
    STRING = "string"
    OPTION = "option"


class Noise(IntEnum):
    """How equal the digits of two right engines are.

    EXACT: sums in any order are the same · SAME: one IEEE operation after the other, the same in both · NOISY: sums or
    library functions of numbers that are rounded. What is not continuous (floor, >, topk) is asked of SAME and below.
    """

    EXACT = 0
    SAME = 1
    NOISY = 2


@dataclass(frozen=True, slots=True)
class Expression:
    """`labels` that its series may have, `key` that tells them apart; `reach_s`: how far back it looks."""

    kind: Kind
    parts: tuple[str | Expression, ...]
    uses: tuple[str, ...] = ()
    noise: Noise = Noise.EXACT
    labels: frozenset[str] = frozenset()
    key: frozenset[str] = frozenset()
    has_name: bool = False
    is_whole: bool = True
    is_counter: bool = False
    is_finite: bool = True
    reach_s: int = 0
    is_ordered: bool = False

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)

    def walk(self) -> Iterator[Expression]:
        """Yield the expression and all below it."""
        yield self
        for part in self.parts:
            if isinstance(part, Expression):
                yield from part.walk()

    def all_uses(self) -> list[str]:
        """Return the names of all functions, operators and modifiers, as often as they stand here."""
        return [name for one in self.walk() for name in one.uses]


def smaller(expression: Expression) -> Iterator[Expression]:
    """Yield expressions with less in them, boldest first: a part for the whole, then a part made smaller."""
    below = list(expression.walk())[1:]
    yield from (one for one in below if one.kind is expression.kind)
    if expression.kind is Kind.VECTOR and len(str(expression)) > len("load"):
        yield Expression(Kind.VECTOR, ("load",))
    if expression.kind is Kind.SCALAR and len(str(expression)) > 1:
        yield Expression(Kind.SCALAR, ("1",))
    for index, part in enumerate(expression.parts):
        if not isinstance(part, Expression):
            continue
        if part.kind is Kind.OPTION and str(part):
            yield _with_part(expression, index, Expression(Kind.OPTION, ()))
        for less in smaller(part):
            yield _with_part(expression, index, less)


def _with_part(expression: Expression, index: int, part: Expression) -> Expression:
    return replace(expression, parts=(*expression.parts[:index], part, *expression.parts[index + 1 :]))


def vector(*parts: str | Expression, **known: object) -> Expression:
    """Return a vector."""
    return Expression(Kind.VECTOR, parts, **known)  # type: ignore[arg-type]


def option(text: str, *uses: str, reach_s: int = 0) -> Expression:
    """Return what can be left out."""
    return Expression(Kind.OPTION, (text,) if text else (), uses, reach_s=reach_s)


def derive(inner: Expression, *parts: str | Expression, uses: tuple[str, ...] = (), **known: object) -> Expression:
    """Return a vector over `inner` of which the same is known, but for what is said."""
    known = {"kind": Kind.VECTOR, "is_ordered": False, "is_counter": False, **known}
    return replace(inner, parts=parts, uses=uses, **known)  # type: ignore[arg-type]


def closed(inner: Expression) -> tuple[str | Expression, ...]:
    """Return the parts of an operand: in parentheses where it does not begin with a word or a parenthesis."""
    return (inner,) if str(inner)[0] not in "+-" else ("(", inner, ")")
