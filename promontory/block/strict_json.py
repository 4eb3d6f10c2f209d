"""Strict JSON: the small documents of a block, read without guessing.

One rule: what two readers could understand differently is refused: duplicate keys, NaN and Infinity, numbers beyond
int64 where an integer stands, deep nesting, more than 16 MiB. A field that is null counts as absent, as in Go.
Source: RFC 8259; Go's encoding/json for the indentation and the escapes that we write. Format: docs/formats/meta.md.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import TypeVar

from promontory.errors import CorruptionError

MAX_DOCUMENT_BYTES = 16 * 2**20
MAX_DEPTH = 64

JsonObject = Mapping[str, object]
Value = TypeVar("Value")

# A text without end is taken whole, or each quote in it would be tried as another beginning.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_TYPE_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "an integer",
    bool: "true or false",
    float: "a fraction",
    type(None): "null",
}


def parse_object(body: bytes, *, source: str) -> JsonObject:
    """Return the one JSON object that a document holds. Raises CorruptionError naming `source`."""
    if len(body) > MAX_DOCUMENT_BYTES:
        raise _broken("size", source, f"at most {MAX_DOCUMENT_BYTES} bytes", f"{len(body)} bytes")
    brackets = _BRACKETS.findall(_STRINGS.sub(b"", body))
    depth = max(accumulate(_STEP[bracket] for bracket in brackets), default=0)
    if depth > MAX_DEPTH:
        raise _broken("nesting", source, f"at most {MAX_DEPTH} levels", f"{depth} levels")
    try:
        document = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
        if b"\\u" in body:  # an escape can name half of a surrogate pair, which is no text
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise _broken("JSON", source, "a JSON object", error.msg, offset=error.pos) from error
    except UnicodeEncodeError as error:
        raise _broken("JSON", source, "Unicode", "half of a surrogate pair") from error
    except UnicodeDecodeError as error:
        raise _broken("JSON", source, "UTF-8", f"byte 0x{body[error.start]:02x}", offset=error.start) from error
    except ValueError as error:
        raise _broken("JSON", source, "unambiguous JSON", str(error)) from error
    if not isinstance(document, dict):
        raise _broken("JSON", source, "an object", _TYPE_NAMES[type(document)])
    return document


def render_object(document: JsonObject) -> bytes:
    """Return a document as Go's encoder writes it: tabs, `<`, `>` and `&` escaped, a newline at the end."""
    text = json.dumps(document, indent="\t", ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return (text + "\n").encode()


class Fields:
    """The fields of one JSON object, each read once and by its type; `rest` gives what nobody asked for."""

    def __init__(self, document: JsonObject, *, source: str, path: str = "") -> None:
        self._left = {name: value for name, value in document.items() if value is not None}
        self._source = source
        self._path = path

    def integer(self, name: str, *, default: int | None = None) -> int:
        """Return an int64 field. Without a default the field must be there."""
        value = self._take(name, int, default)
        if not -(2**63) <= value < 2**63:
            raise self.broken(name, "a 64-bit integer", str(value))
        return value

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return a text field. Without a default the field must be there."""
        return self._take(name, str, default)

    def flag(self, name: str) -> bool:
        """Return a true-or-false field, false when it is absent."""
        return self._take(name, bool, False)  # noqa: FBT003 (the default of the value, no switch)

    def fields(self, name: str) -> Fields:
        """Return the fields of an inner object, none when it is absent."""
        inner: dict[str, object] = self._take(name, dict, {})
        return Fields(inner, source=self._source, path=f"{self._path}{name}.")

    def items(self, name: str) -> list[Fields]:
        """Return the fields of each object of a list, none when it is absent."""
        paths = ((f"{name}[{position}]", item) for position, item in enumerate(self._values(name)))
        return [
            Fields(self._check(path, item, dict), source=self._source, path=f"{self._path}{path}.")
            for path, item in paths
        ]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty when it is absent."""
        values = self._values(name)
        if any(type(value) is not str for value in values):  # a path for each of thousands of sources is dear
            return tuple(self._check(f"{name}[{i}]", value, str) for i, value in enumerate(values))
        return tuple(map(str, values))

    def rows(self, name: str) -> list[list[object]]:
        """Return a list of lists, empty when it is absent."""
        return [self._check(f"{name}[{i}]", value, list) for i, value in enumerate(self._values(name))]

    def text_mapping(self, name: str) -> dict[str, str]:
        """Return an object whose values are all texts, empty when it is absent."""
        inner = self.fields(name).rest()
        return {key: self._check(f"{name}[{key!r}]", value, str) for key, value in inner.items()}

    def holds(self, name: str) -> bool:
        """Say whether a field is there, not null, and not yet taken."""
        return name in self._left

    def rest(self) -> dict[str, object]:
        """Return the fields that were not asked for."""
        return dict(self._left)

    def broken(self, name: str, expected: str, found: str) -> CorruptionError:
        """Return the error that names a field."""
        return _broken(f"field {self._path}{name}", self._source, expected, found)

    def _values(self, name: str) -> list[object]:
        return self._take(name, list, [])

    def _take(self, name: str, kind: type[Value], default: Value | None) -> Value:
        if name not in self._left and default is not None:
            return default
        return self._check(name, self._left.pop(name, None), kind)

    def _check(self, name: str, value: object, kind: type[Value]) -> Value:
        if type(value) is not kind:
            raise self.broken(name, _TYPE_NAMES[kind], _TYPE_NAMES[type(value)])
        return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"duplicate key {name!r}")
    return document


def _refuse(constant: str) -> object:
    raise ValueError(f"number {constant}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"number {text}")
    return number


def _broken(what: str, source: str, expected: str, found: str, *, offset: int = 0) -> CorruptionError:
    return CorruptionError(what, source=source, offset=offset, expected=expected, found=found)
