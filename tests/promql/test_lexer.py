"""The lexer: which bytes make which token, and where tokens stand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.promql.lexer import tokenize
from promontory.promql.tokens import TokenKind, describe


def described(query: str) -> list[str]:
    return [describe(token) for token in tokenize(query.encode())]


def kinds(query: str) -> list[str]:
    return [token.kind.name for token in tokenize(query.encode())]


def test_offsets_count_bytes() -> None:
    tokens = tokenize('{a="é"} + x'.encode())
    assert [(token.start, token.end) for token in tokens[-3:]] == [(9, 10), (11, 12), (12, 12)]


def test_keywords_are_recognised_in_any_case_and_named_as_written() -> None:
    assert described("SUM By oFFset AND Inf") == ["<aggr:SUM>", "<By>", "<oFFset>", "<op:AND>", 'number "Inf"',
                                                  "end of input"]  # fmt: skip


def test_fill_is_a_keyword_only_before_a_parenthesis() -> None:
    assert kinds("fill + fill (1)")[:4] == ["IDENTIFIER", "SIGN", "KEYWORD", "LEFT_PAREN"]


def test_inside_braces_keywords_are_identifiers() -> None:
    assert kinds("{sum=~'x'}") == ["LEFT_BRACE", "IDENTIFIER", "MATCH_OPERATOR", "STRING", "RIGHT_BRACE", "EOF"]


def test_a_colon_makes_a_metric_name_outside_brackets_and_a_step_inside() -> None:
    assert kinds("a:b[5m:1m]") == ["METRIC_IDENTIFIER", "LEFT_BRACKET", "DURATION", "COLON", "DURATION",
                                   "RIGHT_BRACKET", "EOF"]  # fmt: skip


def test_comments_end_with_their_line() -> None:
    assert kinds("# a )\nfoo # b") == ["IDENTIFIER", "EOF"]


def test_long_tokens_are_cut_in_errors() -> None:
    assert describe(tokenize(b'"a long string"')[0]) == 'string "\\"a long st"...'


@pytest.mark.parametrize(
    ("text", "kind"),
    [("0x1F", "NUMBER"), (".123_456", "NUMBER"), ("1e+3", "NUMBER"), ("017", "NUMBER"), ("1h30m", "DURATION"),
     ("5ms", "DURATION"), ("1h5", "ERROR"), ("1_", "ERROR"), ("0x1.5", "ERROR"), ("5mx", "ERROR")],
)  # fmt: skip
def test_numbers_and_durations_are_told_apart(text: str, kind: str) -> None:
    assert kinds(text)[0] == kind


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_become_tokens_that_lie_in_order_and_end(query: bytes) -> None:
    tokens = tokenize(query)
    assert tokens[-1].kind in (TokenKind.EOF, TokenKind.ERROR)
    read = tokens[:-1]
    assert all(before.end <= after.start for before, after in itertools.pairwise(read))
    assert all(token.text == query[token.start : token.end] for token in read)
