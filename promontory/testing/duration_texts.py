"""Random durations of PromQL: literals, and expressions of them as brackets and offsets take."""

from __future__ import annotations

from random import Random

LITERALS = ("5m", "1h30m", "90s", "250ms", "1d", "300", "0.5", "1e2", "2w")
OPERATORS = ("+", "-", "*", "/", "%", "^")
DEEPEST = 2


class DurationTexts:
    """Writes durations; what a literal would be refused for (0, division by 0) is left out."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def span(self) -> str:
        """Return a range or step."""
        return self._literal() if self._random.random() < 0.6 else self._expression(DEEPEST)

    def offset(self) -> str:
        """Return what stands behind `offset`; an expression with operators is in parentheses."""
        sign = ("", "-", "+")[self._random.randrange(3)]
        if self._random.random() < 0.6:
            return sign + self._literal()
        if self._random.random() < 0.5:
            return f"{sign}({self._expression(DEEPEST)})"
        return sign + self._function(DEEPEST)

    def _literal(self) -> str:
        return LITERALS[self._random.randrange(len(LITERALS))]

    def _expression(self, depth: int) -> str:
        kind = self._random.randrange(5) if depth else 0
        if kind == 0:
            return self._literal()
        if kind == 1:
            return self._function(depth)
        if kind == 2:
            return f"({self._expression(depth - 1)})"
        if kind == 3:
            return f"-{self._function(depth)}"
        operator = OPERATORS[self._random.randrange(len(OPERATORS))]
        return f"{self._expression(depth - 1)} {operator} {self._expression(depth - 1)}"

    def _function(self, depth: int) -> str:
        name = ("step", "range", "min_of", "MAX_OF")[self._random.randrange(4 if depth else 2)]
        if name in ("step", "range"):
            return f"{name}()"
        return f"{name}({self._expression(depth - 1)}, {self._expression(depth - 1)})"
