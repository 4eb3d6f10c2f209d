"""The parser: query text to nodes, with Prometheus' grammar, precedence and error texts.

Operators are climbed with a loop and brackets nest at most 100 deep, so no query exhausts Python's stack. The first
error ends the parse. Types are checked once the syntax is right. Source: Prometheus 3.14, documentation "Querying
basics", "Operators" and "Functions"; the texts and their order were compared with Prometheus' own parser.
"""

from __future__ import annotations

from dataclasses import replace

from promontory.model.matcher import Matcher
from promontory.model.quoting import quote_text
from promontory.promql.duration_parser import parse_number_or_duration
from promontory.promql.functions import FUNCTIONS
from promontory.promql.matching import Modifiers, parse_modifiers
from promontory.promql.nodes import (
    Aggregation,
    Binary,
    Call,
    Node,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Unary,
    ValueType,
)
from promontory.promql.operators import PRECEDENCE, climb
from promontory.promql.postfix import parse_suffixes
from promontory.promql.selectors import parse_grouping, parse_selector
from promontory.promql.stream import (
    ALL_FEATURES,
    EXPERIMENTAL_FUNCTIONS,
    FILL_MODIFIERS,
    Construct,
    ParserOptions,
    TokenStream,
)
from promontory.promql.strings import unquote
from promontory.promql.tokens import (
    AGGREGATORS_WITH_PARAMETER,
    EXPERIMENTAL_AGGREGATORS,
    SET_OPERATORS,
    Token,
    TokenKind,
    is_metric_name,
    starts_expression,
)
from promontory.promql.types import check_types, value_type

__all__ = ["ALL_FEATURES", "ParserOptions", "parse_matchers", "parse_query"]

_AGGREGATION = Construct("aggregation", "")
_STABLE = ParserOptions()
_LITERALS = frozenset([TokenKind.NUMBER, TokenKind.DURATION])
_CALLABLE = frozenset([TokenKind.IDENTIFIER, TokenKind.FUNCTION_KEYWORD])


def parse_query(text: str | bytes, options: ParserOptions = _STABLE) -> Node:
    """Return the checked tree of a query. Raises QueryError, its text as Prometheus', `line:column` first."""
    stream = TokenStream(_as_bytes(text), options)
    if stream.peek().kind is TokenKind.EOF:
        stream.fail(0, "no expression found in input")
    node = climb(stream, _Operands(stream))
    stream.expect(TokenKind.EOF)
    check_types(node, stream.query)
    return node


def parse_matchers(text: str | bytes) -> tuple[Matcher, ...]:
    """Return the matchers of a series selector such as `up{job="x"}`; the one of a name outside braces is last.

    Whether one of them refuses the empty string is not asked here.
    """
    stream = TokenStream(_as_bytes(text), _STABLE)
    selector = parse_selector(stream)
    stream.expect(TokenKind.EOF)
    return selector.matchers


def _as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogateescape")


class _Operands:
    """The operands of an expression: literals, selectors, calls, aggregations, parentheses, with their suffixes."""

    operators = frozenset(PRECEDENCE)

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream
        # By id: every Binary stays in the tree, and asking a long chain for its type at each link is quadratic.
        self._binary_types: dict[int, ValueType] = {}

    def operand(self) -> Node:
        return parse_suffixes(self._stream, self._primary())

    def modifiers(self) -> Modifiers:
        return parse_modifiers(self._stream)

    def signed(self, sign: Token, operand: Node) -> Node:
        span = Span(sign.start, operand.span.end)
        if isinstance(operand, NumberLiteral):
            return replace(operand, value=-operand.value if sign.word == "-" else operand.value, span=span)
        return Unary(sign.word, operand, span)

    def joined(self, operator: Token, modifiers: Modifiers, lhs: Node, rhs: Node) -> Binary:
        if modifiers.fills and FILL_MODIFIERS not in self._stream.options.features:
            self._stream.fail(lhs.span.start, "binop fill modifiers are experimental and not enabled")
        types = {self._type(lhs), self._type(rhs)}
        binary = Binary(
            op=operator.word,
            lhs=lhs,
            rhs=rhs,
            span=Span(lhs.span.start, rhs.span.end),
            matching=modifiers.applied(
                between_vectors=types == {ValueType.VECTOR}, in_sets=operator.word in SET_OPERATORS
            ),
            return_bool=modifiers.return_bool,
        )
        self._binary_types[id(binary)] = ValueType.SCALAR if types == {ValueType.SCALAR} else ValueType.VECTOR
        return binary

    def _type(self, node: Node) -> ValueType:
        while isinstance(node, Paren | Unary):
            node = node.expr
        return self._binary_types[id(node)] if isinstance(node, Binary) else value_type(node)

    def _primary(self) -> Node:
        stream = self._stream
        token = stream.peek()
        if token.kind in _LITERALS:
            return parse_number_or_duration(stream)
        if token.kind is TokenKind.STRING:
            stream.advance()
            text = unquote(token.text).decode(errors="surrogateescape")
            return StringLiteral(text, Span(token.start, token.end))
        if token.kind is TokenKind.LEFT_PAREN:
            return self._parenthesised()
        following = stream.following()
        if token.kind is TokenKind.AGGREGATOR and (
            following.kind is TokenKind.LEFT_PAREN or following.word in ("by", "without")
        ):
            with stream.within(_AGGREGATION):
                return self._aggregation()
        if token.kind in _CALLABLE and following.kind is TokenKind.LEFT_PAREN:
            return self._call()
        if is_metric_name(token) or token.kind is TokenKind.LEFT_BRACE:
            return parse_selector(stream)
        stream.unexpected()

    def _parenthesised(self) -> Paren:
        stream = self._stream
        start = stream.advance().start
        with stream.nested(start):
            inner = climb(stream, self)
        return Paren(inner, Span(start, stream.expect(TokenKind.RIGHT_PAREN).end))

    def _arguments(self) -> list[Node]:
        stream = self._stream
        arguments: list[Node] = []
        start = stream.expect(TokenKind.LEFT_PAREN).start
        if stream.take(TokenKind.RIGHT_PAREN):
            return arguments
        with stream.nested(start):
            arguments.append(climb(stream, self))
            while comma := stream.take(TokenKind.COMMA):
                stream.count("arguments", comma.start)
                if not starts_expression(stream.peek()):
                    stream.fail(comma.start, "trailing commas not allowed in function call args")
                arguments.append(climb(stream, self))
        stream.expect(TokenKind.RIGHT_PAREN)
        return arguments

    def _call(self) -> Call:
        stream = self._stream
        token = stream.advance()
        arguments = self._arguments()
        name = token.text.decode()
        function = FUNCTIONS.get(name)
        if function is None:
            stream.fail(token.start, f"unknown function with name {quote_text(name)}")
        if function.experimental and EXPERIMENTAL_FUNCTIONS not in stream.options.features:
            stream.fail(token.start, f"function {quote_text(name)} is not enabled")
        if name == "label_replace" and arguments and isinstance(pattern := arguments[-1], StringLiteral):
            stream.count_regex(pattern.span.start, pattern.text.encode(errors="surrogateescape"))
        return Call(name, tuple(arguments), Span(token.start, stream.last_end))

    def _aggregation(self) -> Aggregation:
        stream = self._stream
        operator = stream.advance()
        modifier = stream.take_word("by", "without")
        grouping = parse_grouping(stream) if modifier else ()
        arguments = self._arguments()
        if modifier is None:
            modifier = stream.take_word("by", "without")
            grouping = parse_grouping(stream) if modifier else ()
        self._check_arguments(operator, len(arguments))
        return Aggregation(
            op=operator.word,
            expr=arguments[-1],
            span=Span(operator.start, stream.last_end),
            param=arguments[0] if operator.word in AGGREGATORS_WITH_PARAMETER else None,
            grouping=grouping,
            without=modifier is not None and modifier.word == "without",
        )

    def _check_arguments(self, operator: Token, count: int) -> None:
        if count == 0:
            self._stream.fail(operator.start, "no arguments for aggregate expression provided")
        name = operator.word
        if name in EXPERIMENTAL_AGGREGATORS and EXPERIMENTAL_FUNCTIONS not in self._stream.options.features:
            self._stream.fail(
                operator.start,
                f"{name}() is experimental and must be enabled with --enable-feature={EXPERIMENTAL_FUNCTIONS}",
            )
        expected = 2 if name in AGGREGATORS_WITH_PARAMETER else 1
        if count != expected:
            self._stream.fail(
                operator.start,
                f"wrong number of arguments for aggregate expression provided, expected {expected}, got {count}",
            )
