"""Reading label matchers, grouping lists and vector selectors.

name   name{label="value", …}   {"utf-8 name", "utf-8 label"=~"regex"}        (label, "utf-8 label")
"""

from __future__ import annotations

from promontory.errors import InputError
from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher, MatchKind, compile_regex
from promontory.model.quoting import quote_text
from promontory.promql.nodes import Span, VectorSelector
from promontory.promql.stream import Construct, TokenStream
from promontory.promql.strings import unquote
from promontory.promql.tokens import Token, TokenKind, is_label_name, is_metric_name

_FIRST_MATCHER = Construct("label matching", 'identifier or "}"')
_MATCH_OPERATOR = Construct("label matching", "label matching operator")
_MATCH_VALUE = Construct("label matching", "string")
_BEHIND_MATCHER = Construct("label matching", '"," or "}"')
_BEFORE_GROUPING = Construct("grouping opts", '"("')
_GROUPING_LABEL = Construct("grouping opts", "label")
_BEHIND_LABEL = Construct("grouping opts", '"," or ")"')

_REGEX_KINDS = (MatchKind.REGEX, MatchKind.NOT_REGEX)
_MATCH_KINDS = {kind.value: kind for kind in MatchKind}


def parse_selector(stream: TokenStream) -> VectorSelector:
    """Read a vector selector without its modifiers."""
    name = stream.peek()
    stream.count("selectors", name.start)
    if not is_metric_name(name):
        return _braced(stream, None)
    stream.advance()
    if stream.peek().kind is TokenKind.LEFT_BRACE:
        return _braced(stream, name)
    matcher = Matcher(MatchKind.EQUAL, METRIC_NAME, name.text)
    return VectorSelector(name.text.decode(), (matcher,), Span(name.start, name.end))


def _braced(stream: TokenStream, name: Token | None) -> VectorSelector:
    brace = stream.expect(TokenKind.LEFT_BRACE)
    matchers: list[Matcher] = []
    end = stream.take(TokenKind.RIGHT_BRACE)
    while end is None:
        matchers.append(_matcher(stream))
        with stream.within(_BEHIND_MATCHER):
            if stream.take(TokenKind.COMMA) is None:
                end = stream.expect(TokenKind.RIGHT_BRACE)
            else:
                end = stream.take(TokenKind.RIGHT_BRACE)
    if name is None:
        return VectorSelector("", tuple(matchers), Span(brace.start, end.end))
    matchers.append(Matcher(MatchKind.EQUAL, METRIC_NAME, name.text))
    return VectorSelector(name.text.decode(), tuple(matchers), Span(name.start, end.end))


def _matcher(stream: TokenStream) -> Matcher:
    with stream.within(_FIRST_MATCHER):
        label = stream.take(TokenKind.STRING) or stream.expect(TokenKind.IDENTIFIER)
    quoted = label.kind is TokenKind.STRING
    name = unquote(label.text) if quoted else label.text
    kind = _MATCH_KINDS.get(stream.peek().word)
    if kind is None and quoted:
        return Matcher(MatchKind.EQUAL, METRIC_NAME, name)
    if kind is None:
        with stream.within(_MATCH_OPERATOR):
            stream.unexpected()
    stream.advance()
    with stream.within(_MATCH_VALUE):
        value = unquote(stream.expect(TokenKind.STRING).text)
    if kind in _REGEX_KINDS:
        try:
            compile_regex(value)
        except InputError as error:
            stream.fail(label.start, str(error))
        stream.count_regex(label.start, value)
    return Matcher(kind, name, value)


def parse_grouping(stream: TokenStream) -> tuple[bytes, ...]:
    """Read a list of labels in parentheses."""
    with stream.within(_BEFORE_GROUPING):
        stream.expect(TokenKind.LEFT_PAREN)
    labels: list[bytes] = []
    end = stream.take(TokenKind.RIGHT_PAREN)
    while end is None:
        with stream.within(_GROUPING_LABEL):
            labels.append(_grouping_label(stream))
        with stream.within(_BEHIND_LABEL):
            if stream.take(TokenKind.COMMA) is None:
                end = stream.expect(TokenKind.RIGHT_PAREN)
            else:
                end = stream.take(TokenKind.RIGHT_PAREN)
    return tuple(labels)


def _grouping_label(stream: TokenStream) -> bytes:
    token = stream.peek()
    if is_label_name(token):
        return stream.advance().text
    name = unquote(stream.expect(TokenKind.STRING).text)
    if not _is_utf8_name(name):
        stream.fail(token.start, f"invalid label name for grouping: {quote_text(name)}")
    return name


def _is_utf8_name(name: bytes) -> bool:
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False
