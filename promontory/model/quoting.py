"""Quoting as Go's `%q` does, in error texts, printed queries and labels as Prometheus shows them.

Source: Go's strconv.Quote; Prometheus' documentation, "Querying basics", "String literals".
"""

from __future__ import annotations

import re

_QUOTED = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\",
}  # fmt: skip
_PLAIN = re.compile(r"[ !#-\[\]-~]*\Z")
LEGACY_LABEL_NAME = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*\Z")


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
