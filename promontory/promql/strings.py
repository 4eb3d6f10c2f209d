"""String literals of PromQL: what they stand for.

Escapes: \\a \\b \\f \\n \\r \\t \\v \\\\, the quote in use, \\nnn (octal byte), \\xNN (byte), \\uNNNN, \\UNNNNNNNN.
Raw strings in backticks have none. Source: Prometheus' documentation, "Querying basics", "String literals".
"""

from __future__ import annotations

import re

_SIMPLE_ESCAPES = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"', "'": b"'",
}  # fmt: skip
_ESCAPE = re.compile(rb"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")


def unquote(literal: bytes) -> bytes:
    """Return what a quoted string that the lexer has accepted stands for."""
    inner = literal[1:-1]
    if literal[:1] == b"`" or b"\\" not in inner:
        return inner
    return _ESCAPE.sub(_unescape, inner)


def _unescape(found: re.Match[bytes]) -> bytes:
    simple, byte, octal, short, long = found.groups()
    if simple is not None:
        return _SIMPLE_ESCAPES[simple.decode()]
    if byte is not None:
        return bytes([int(byte, 16)])
    if octal is not None:
        return bytes([int(octal, 8)])
    return chr(int(short or long, 16)).encode()
