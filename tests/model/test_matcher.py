"""Matchers: regular expressions are RE2, anchored on both sides, and wrong ones are named in Go's words."""

from __future__ import annotations

import pytest

from promontory.errors import InputError
from promontory.model.matcher import compile_regex

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
