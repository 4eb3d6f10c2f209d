"""The tokens of one query as the parser reads them: look one ahead, move on, or say what was not expected.

Which words an error adds (`in aggregation`, `in label matching, expected string`) depends on the innermost
construct that is still open; the parser keeps those on a stack with `within`. The first error ends the parse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from promontory.errors import QueryError
from promontory.promql.lexer import tokenize
from promontory.promql.tokens import Token, TokenKind, describe

MAX_QUERY_BYTES = 64 << 10
MAX_NESTING = 100
MAX_OPERATORS = 5_000

EXPERIMENTAL_FUNCTIONS = "promql-experimental-functions"
EXTENDED_RANGE_SELECTORS = "promql-extended-range-selectors"
FILL_MODIFIERS = "promql-binop-fill-modifiers"
ALL_FEATURES = frozenset([EXPERIMENTAL_FUNCTIONS, EXTENDED_RANGE_SELECTORS, FILL_MODIFIERS])


@dataclass(frozen=True, slots=True)
class ParserOptions:
    """What the language holds: `features` are names of Prometheus' `--enable-feature` that add to it."""

    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Construct:
    """What an unexpected token stands in, and what was expected there; empty where an error does not say."""

    name: str
    expected: str


class TokenStream:
    """A query's tokens with a place in them, the open constructs, and the counts that are bounded."""

    def __init__(self, query: bytes, options: ParserOptions) -> None:
        self.query = query
        self.options = options
        if len(query) > MAX_QUERY_BYTES:
            self.fail(0, f"query is {len(query)} bytes long, more than the limit of {MAX_QUERY_BYTES}")
        self._tokens = tokenize(query)
        self._next = 0
        self._constructs: list[Construct] = []
        self._nesting = 0
        self._operators = 0

    def peek(self) -> Token:
        """Return the next token. Raises QueryError where the lexer could not make one."""
        token = self._tokens[self._next]
        if token.kind is TokenKind.ERROR:
            self.fail(token.start, token.word)
        return token

    def advance(self) -> Token:
        """Return the next token and move behind it; EOF stays."""
        token = self.peek()
        if token.kind is not TokenKind.EOF:
            self._next += 1
        return token

    def take(self, kind: TokenKind) -> Token | None:
        """Return the next token and move behind it where it is of that kind."""
        return self.advance() if self.peek().kind is kind else None

    def take_word(self, *words: str) -> Token | None:
        """Return the next token and move behind it where it is one of these operators or keywords."""
        return self.advance() if self.peek().word in words else None

    def expect(self, kind: TokenKind) -> Token:
        """Return the next token, which must be of that kind, and move behind it."""
        return self.take(kind) or self.unexpected()

    def following(self) -> Token:
        """Return the token behind the next one; what the lexer could not make there waits for its turn."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    @property
    def last_end(self) -> int:
        """Where the token before the next one ends."""
        return self._tokens[self._next - 1].end if self._next else 0

    @contextmanager
    def within(self, construct: Construct) -> Iterator[None]:
        """Name the construct in errors about unexpected tokens until the block ends."""
        self._constructs.append(construct)
        yield
        self._constructs.pop()

    @contextmanager
    def nested(self, offset: int) -> Iterator[None]:
        """Go one level deeper until the block ends. Raises QueryError below the bound."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            self.fail(offset, f"expression is nested more than {MAX_NESTING} levels deep")
        yield
        self._nesting -= 1

    def count_operator(self, offset: int) -> None:
        """Count an operator. Raises QueryError above the bound."""
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            self.fail(offset, f"expression has more than {MAX_OPERATORS} operators")

    def unexpected(self) -> NoReturn:
        """Raise QueryError about the next token, in the words of the innermost open construct."""
        token = self.peek()
        message = f"unexpected {describe(token)}"
        if self._constructs:
            construct = self._constructs[-1]
            message += f" in {construct.name}"
            if construct.expected:
                message += f", expected {construct.expected}"
        self.fail(token.start, message)

    def fail(self, offset: int, message: str) -> NoReturn:
        """Raise QueryError at a byte offset."""
        raise query_error(self.query, offset, message)


def query_error(query: bytes, offset: int, message: str) -> QueryError:
    """Return Prometheus' parse error: `line:column: parse error: message`, columns in bytes, both from 1."""
    if not query:
        return QueryError(f"unknown position: parse error: {message}")
    line = query.count(b"\n", 0, offset) + 1
    column = offset - query.rfind(b"\n", 0, offset)
    return QueryError(f"{line}:{column}: parse error: {message}", position=(line, column))
