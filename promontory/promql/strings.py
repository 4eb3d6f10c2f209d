"""Strings of PromQL: reading quoted ones, and quoting as Go's `%q` does in error texts and printed queries.

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
_QUOTED = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\",
}  # fmt: skip
_PLAIN = re.compile(r"[ !#-\[\]-~]*\Z")
LEGACY_LABEL_NAME = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*\Z")


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


def quote_text(text: bytes | str, *, limit: int | None = None) -> str:
    """Return the text in double quotes, as Go's strconv.Quote; at most `limit` characters of it where one is given."""
    decoded = text if isinstance(text, str) else text.decode(errors="surrogateescape")
    return '"' + _escaped(decoded[:limit], quote='"') + '"'


def quote_character(code: int) -> str:
    """Return a character in single quotes, as Go's `%q`; -1, the end of the input, is U+FFFD."""
    return "'" + _escaped("\ufffd" if code < 0 else chr(code), quote="'") + "'"


def name_character(code: int) -> str:
    """Return a character as Go's `%#U`: `U+0071 'q'`, without the character where it cannot be shown."""
    character = chr(code)
    shown = f" '{character}'" if character.isprintable() else ""
    return f"U+{code:04X}{shown}"


def _escaped(text: str, *, quote: str) -> str:
    if quote == '"' and _PLAIN.match(text):
        return text
    return "".join(_QUOTED.get(character) or _escaped_character(character, quote=quote) for character in text)


def _escaped_character(character: str, *, quote: str) -> str:
    code = ord(character)
    if character == quote:
        return "\\" + character
    if character.isprintable():
        return character
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_label_name(name: bytes) -> str:
    """Return a label's name as a grouping list shows it: in quotes only where it must be."""
    return name.decode() if LEGACY_LABEL_NAME.match(name) else quote_text(name)
