"""The tokens of one query as the parser reads them: look one ahead, move on, or say what was not expected.

Which words an error adds (`in aggregation`, `in label matching, expected string`) depends on the innermost
construct that is still open; the parser keeps those on a stack with `within`. The first error ends the parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from promontory.errors import QueryError
from promontory.model.regex_cost import MAX_PAIRS, MAX_SIZE, estimate_cost
from promontory.promql.lexer import scan_tokens
from promontory.promql.tokens import Token, TokenKind, describe

MAX_QUERY_BYTES = 64 << 10
MAX_NESTING = 100
Bound = Literal["operators", "pairs of parentheses", "selectors", "arguments"]
MOST: dict[Bound, int] = {"operators": 5_000, "pairs of parentheses": 5_000, "selectors": 2_000, "arguments": 10_000}

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
        self._source = scan_tokens(query)
        self._token = next(self._source)
        self._following = next(self._source, self._token)
        self.last_end = 0
        """Where the token before the next one ends."""
        self._constructs: list[Construct] = []
        self._leave_construct = _Leave(self._constructs)
        self._brackets: list[int] = []
        self._leave_bracket = _Leave(self._brackets)
        self._counts = dict.fromkeys(MOST, 0)
        self._regex_size = 0
        self._regex_pairs = 0

    def peek(self) -> Token:
        """Return the next token. Raises QueryError where the lexer could not make one."""
        token = self._token
        if token.kind is TokenKind.ERROR:
            self.fail(token.start, token.word)
        return token

    def advance(self) -> Token:
        """Return the next token and move behind it; EOF stays."""
        token = self.peek()
        if token.kind is not TokenKind.EOF:
            self.last_end = token.end
            self._token = self._following
            self._following = next(self._source, self._following)
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
        return self._following

    def within(self, construct: Construct) -> _Leave:
        """Name the construct in errors about unexpected tokens until the block ends."""
        self._constructs.append(construct)
        return self._leave_construct

    def nested(self, offset: int) -> _Leave:
        """Go one level deeper until the block ends. Raises QueryError below the bound, or at one bracket too many."""
        self._brackets.append(offset)
        if len(self._brackets) > MAX_NESTING:
            self.fail(offset, f"expression is nested more than {MAX_NESTING} levels deep")
        self.count("pairs of parentheses", offset)
        return self._leave_bracket

    def count(self, what: Bound, offset: int) -> None:
        """Count something. Raises QueryError where there are more than its bound."""
        self._counts[what] += 1
        if self._counts[what] > MOST[what]:
            self.fail(offset, f"expression has more than {MOST[what]} {what}")

    def count_regex(self, offset: int, pattern: bytes) -> None:
        """Count what a regular expression costs. Raises QueryError where all of the query cost more than one may."""
        cost = estimate_cost(pattern)
        self._regex_size += cost.size
        self._regex_pairs += cost.pairs
        if self._regex_size > MAX_SIZE or self._regex_pairs > MAX_PAIRS:
            self.fail(offset, "error parsing regexp: the regular expressions of the query are too large together")

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


class _Leave:
    """Ends what was begun last; one for all blocks, as a query may have tens of thousands."""

    __slots__ = ("_open",)

    def __init__(self, begun: list[Construct] | list[int]) -> None:
        self._open = begun

    def __enter__(self) -> None: ...

    def __exit__(self, *failure: object) -> None:
        self._open.pop()


def query_error(query: bytes, offset: int, message: str) -> QueryError:
    """Return Prometheus' parse error: `line:column: parse error: message`, columns in bytes, both from 1."""
    if not query:
        return QueryError(f"unknown position: parse error: {message}")
    line = query.count(b"\n", 0, offset) + 1
    column = offset - query.rfind(b"\n", 0, offset)
    return QueryError(f"{line}:{column}: parse error: {message}", position=(line, column))
