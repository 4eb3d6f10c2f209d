"""Conditions on labels: one value at a time, and many through Arrow."""

from __future__ import annotations

import pyarrow as pa
import pytest

from promontory.errors import InputError
from promontory.model.matcher import Matcher, MatchKind, compile_regex

VALUES = [b"", b"a", b"ab", b"b", b"a\nb", b"\xff"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (MatchKind.EQUAL, b"a", [b"a"]),
        (MatchKind.NOT_EQUAL, b"a", [b"", b"ab", b"b", b"a\nb", b"\xff"]),
        (MatchKind.REGEX, b"a", [b"a"]),
        (MatchKind.REGEX, b"a.*", [b"a", b"ab", b"a\nb"]),
        (MatchKind.REGEX, b"|b", [b"", b"b"]),
        (MatchKind.NOT_REGEX, b"a|b", [b"", b"ab", b"a\nb", b"\xff"]),
    ],
)
def test_one_value_and_many_are_judged_alike(kind: MatchKind, value: bytes, expected: list[bytes]) -> None:
    matcher = Matcher(kind, b"n", value)
    assert [text for text in VALUES if matcher.matches(text)] == expected
    chosen = matcher.select(pa.array(VALUES, pa.large_binary()))
    assert [text for text, found in zip(VALUES, chosen, strict=True) if found] == expected
    assert matcher.matches_empty is (b"" in expected)


def test_a_bad_regular_expression_is_the_callers_fault() -> None:
    with pytest.raises(InputError, match="error parsing regexp"):
        Matcher(MatchKind.REGEX, b"n", b"a(").matches(b"a")


def test_a_matcher_shows_as_it_was_written() -> None:
    assert str(Matcher(MatchKind.NOT_REGEX, b"n", b'a"\\')) == 'n!~"a\\"\\\\"'


@pytest.mark.parametrize("kind", MatchKind)
@pytest.mark.parametrize("pattern", [b"", b"gr..e", b"gr.e", b".*", b"[^a]+", b"(?i)GR\xc3\x96.*", b"gr\xc3\xb6.*"])
def test_many_values_are_judged_like_one_also_beyond_ascii_and_utf_8(kind: MatchKind, pattern: bytes) -> None:
    values = [b"", b"a", "größe".encode(), b"gr\xffe", b"gr\nxe", b"\xc3"]
    matcher = Matcher(kind, b"name", pattern)
    for arrow_type in (pa.binary(), pa.large_binary()):
        assert matcher.select(pa.array(values, arrow_type)).tolist() == [matcher.matches(value) for value in values]


@pytest.mark.parametrize("kind", [MatchKind.REGEX, MatchKind.NOT_REGEX])
def test_the_largest_regular_expression_is_answered_by_arrow_too(kind: MatchKind) -> None:
    matcher = Matcher(kind, b"name", b"(\\pL{8}|x){30}")
    values = [b"", b"x" * 30, b"x" * 29, b"\xff"]
    chosen = matcher.select(pa.array(values, pa.large_binary()))
    assert chosen.tolist() == [matcher.matches(value) for value in values]
    assert chosen.tolist() == [(value == b"x" * 30) is (kind is MatchKind.REGEX) for value in values]


WRONG = {
    b"(": "missing closing ): `(`",
    b")": "unexpected ): `)`",
    b"[a": "missing closing ]: `[a`",
    b"*": "missing argument to repetition operator: `*`",
    b"a**": "invalid nested repetition operator: `**`",
    b"a{1001}": "invalid repeat count: `{1001}`",
    b"(?P<x": "invalid named capture: `(?P<x`",
    b"(?=a)": "invalid or unsupported Perl syntax: `(?=`",
    b"\\": "trailing backslash at end of expression: ``",
    b"\\8": "invalid escape sequence: `\\8`",
    b"[z-a]": "invalid character class range: `z-a`",
    b"a)|(b": "unexpected ): `a)|(b`",
}


@pytest.mark.parametrize(("pattern", "reason"), WRONG.items())
def test_a_wrong_regular_expression_is_named_in_go_s_words(pattern: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_regex(pattern)
    assert str(caught.value) == f"error parsing regexp: {reason}"


def test_a_regular_expression_is_anchored_and_its_dot_matches_newlines() -> None:
    compiled = compile_regex(b"a.|b")
    assert compiled.fullmatch(b"a\n")
    assert not compiled.fullmatch(b"xb")
