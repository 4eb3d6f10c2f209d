"""The tokens of PromQL, and how an error names one.

Keywords are case-insensitive; most of them are metric names too where the grammar leaves no doubt, and nearly all
are label names in a grouping list.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from promontory.model.quoting import quote_text

LONGEST_QUOTED = 10


class TokenKind(Enum):
    """What a token is."""

    EOF = auto()
    ERROR = auto()
    IDENTIFIER = auto()
    METRIC_IDENTIFIER = auto()
    NUMBER = auto()
    DURATION = auto()
    STRING = auto()
    LEFT_PAREN = auto()
    RIGHT_PAREN = auto()
    LEFT_BRACE = auto()
    RIGHT_BRACE = auto()
    LEFT_BRACKET = auto()
    RIGHT_BRACKET = auto()
    COMMA = auto()
    COLON = auto()
    EQUAL = auto()
    OPERATOR = auto()
    SIGN = auto()
    MATCH_OPERATOR = auto()
    NOT_EQUAL = auto()
    AT = auto()
    SET_OPERATOR = auto()
    AGGREGATOR = auto()
    KEYWORD = auto()
    FUNCTION_KEYWORD = auto()


class Token(NamedTuple):
    """A piece of the query: `text` is its bytes, [start, end) their offsets; `word` the operator or keyword it is.

    An ERROR token carries its message in `word`, and `start` is where the error is reported.
    """

    kind: TokenKind
    start: int
    end: int
    text: bytes
    word: str


SET_OPERATORS = frozenset(["and", "or", "unless"])
AGGREGATORS = frozenset(
    ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile",
     "limitk", "limit_ratio"]
)  # fmt: skip
AGGREGATORS_WITH_PARAMETER = frozenset(["topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"])
EXPERIMENTAL_AGGREGATORS = frozenset(["limitk", "limit_ratio"])
FILL_KEYWORDS = frozenset(["fill", "fill_left", "fill_right"])
# Names of functions that duration expressions and the @ modifier know too.
FUNCTION_KEYWORDS = frozenset(["start", "end", "step", "range", "max_of", "min_of"])
DURATION_FUNCTIONS = frozenset(["step", "range", "max_of", "min_of"])
MODIFIERS = FILL_KEYWORDS | frozenset(
    ["offset", "smoothed", "anchored", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"]
)

KEYWORDS: dict[bytes, tuple[TokenKind, str]] = {
    word.encode(): (kind, word)
    for kind, words in (
        (TokenKind.SET_OPERATOR, SET_OPERATORS),
        (TokenKind.OPERATOR, {"atan2"}),
        (TokenKind.AGGREGATOR, AGGREGATORS),
        (TokenKind.KEYWORD, MODIFIERS),
        (TokenKind.FUNCTION_KEYWORD, FUNCTION_KEYWORDS),
        (TokenKind.NUMBER, {"inf", "nan"}),
    )
    for word in words
}

NOT_METRIC_NAMES = frozenset(["bool", "group_left", "group_right", "ignoring", "on", "atan2"])
NOT_LABEL_NAMES = frozenset(["without"])
_WORD_KINDS = frozenset(
    [TokenKind.IDENTIFIER, TokenKind.METRIC_IDENTIFIER, TokenKind.SET_OPERATOR, TokenKind.AGGREGATOR,
     TokenKind.KEYWORD, TokenKind.FUNCTION_KEYWORD]
)  # fmt: skip
_OPENING = frozenset(
    [TokenKind.NUMBER, TokenKind.DURATION, TokenKind.STRING, TokenKind.SIGN, TokenKind.LEFT_PAREN,
     TokenKind.LEFT_BRACE]
)  # fmt: skip

_KIND_WORDS = {
    TokenKind.IDENTIFIER: "identifier",
    TokenKind.METRIC_IDENTIFIER: "metric identifier",
    TokenKind.NUMBER: "number",
    TokenKind.DURATION: "duration",
    TokenKind.STRING: "string",
}
_OPERATOR_KINDS = frozenset(
    [TokenKind.OPERATOR, TokenKind.SIGN, TokenKind.MATCH_OPERATOR, TokenKind.NOT_EQUAL, TokenKind.AT,
     TokenKind.SET_OPERATOR]
)  # fmt: skip


def is_metric_name(token: Token) -> bool:
    """Say whether the token can be the name of a metric."""
    return token.kind in _WORD_KINDS and token.word not in NOT_METRIC_NAMES


def starts_expression(token: Token) -> bool:
    """Say whether an expression can begin with the token."""
    return token.kind in _OPENING or is_metric_name(token)


def is_label_name(token: Token) -> bool:
    """Say whether the token can be a label in a grouping list."""
    return (token.kind in _WORD_KINDS and token.word not in NOT_LABEL_NAMES) or token.word == "atan2"


def describe(token: Token) -> str:
    """Return how an error names the token: `identifier "foo"`, `<op:+>`, `end of input`."""
    kind = token.kind
    if kind is TokenKind.EOF:
        return "end of input"
    text = token.text.decode(errors="replace")
    if kind in _OPERATOR_KINDS:
        return f"<op:{text}>"
    if kind is TokenKind.KEYWORD:
        return f"<{text}>"
    if kind is TokenKind.AGGREGATOR:
        return f"<aggr:{text}>"
    if kind in (TokenKind.IDENTIFIER, TokenKind.METRIC_IDENTIFIER):
        quoted = quote_text(token.text)
    elif len(token.text) > LONGEST_QUOTED:
        quoted = quote_text(token.text, limit=LONGEST_QUOTED) + "..."
    else:
        quoted = quote_text(token.text)
    word = _KIND_WORDS.get(kind)
    return quoted if word is None else f"{word} {quoted}"
