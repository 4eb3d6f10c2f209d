"""Parameters of a request: the query string and an urlencoded body, as Go's ParseForm reads them.

The body's value wins for single parameters, repeated ones are all kept; a pair with a broken %-escape is dropped.
Times are seconds or RFC 3339 and become int milliseconds; durations are seconds or Prometheus' `1h30m`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from promontory.api.failure import invalid_parameter
from promontory.errors import InputError
from promontory.model.durations import parse_duration_ns
from promontory.model.rfc3339 import parse_rfc3339_ms

MAX_NS = 2**63 - 1
INT64_DIGITS = 19
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?", re.ASCII)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
# Clients send these for "all time"; they stand for the ends of int64 and are no exact milliseconds.
MIN_TIME_TEXT = "-292273086-05-16T16:47:06Z"
MAX_TIME_TEXT = "292277025-08-18T07:12:54.999999999Z"


class Parameters:
    """The form of one request, first value first."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def text(self, *names: str) -> str:
        """Return the first value of the first name that has one, or an empty text."""
        for name in names:
            if values := self._values.get(name):
                return values[0]
        return ""

    def texts(self, *names: str) -> list[str]:
        """Return all values of the names."""
        return [value for name in names for value in self._values.get(name, ())]

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a switch. Raises ApiError on what Go's ParseBool refuses."""
        text = self.text(name)
        if not text:
            return default
        if text not in _TRUE | _FALSE:
            raise invalid_parameter(name, f'expected true or false, found "{text}"')
        return text in _TRUE

    def time_ms(self, name: str, *, default_ms: int | None = None) -> int:
        """Return a time. Raises ApiError where it is missing without a default, or no time."""
        text = self.text(name)
        if not text and default_ms is not None:
            return default_ms
        try:
            return parse_time_ms(text)
        except InputError as error:
            # Prometheus words those that have a default in this way, the others plainly.
            if default_ms is not None:
                raise invalid_parameter(name, f"invalid time value for '{name}': {error}") from None
            raise invalid_parameter(name, str(error)) from None

    def duration_ms(self, name: str, *, default_ms: int) -> int:
        """Return a duration, further digits cut."""
        text = self.text(name)
        if not text:
            return default_ms
        try:
            return parse_duration_text_ms(text)
        except InputError as error:
            raise invalid_parameter(name, str(error)) from None

    def limit(self) -> int:
        """Return the parameter `limit`, 0 where there is none."""
        text = self.text("limit")
        if not text:
            return 0
        if re.fullmatch(r"[+-]?[0-9]+", text) is None:
            raise invalid_parameter("limit", f'strconv.Atoi: parsing "{text}": invalid syntax')
        if len(text.lstrip("+-0")) > INT64_DIGITS or not -MAX_NS - 1 <= int(text) <= MAX_NS:
            raise invalid_parameter("limit", f'strconv.Atoi: parsing "{text}": value out of range')
        if int(text) < 0:
            raise invalid_parameter("limit", "limit must be non-negative")
        return int(text)


def parse_forms(query: bytes, body: bytes) -> Parameters:
    """Return the parameters of a body and a query string."""
    values: dict[str, list[str]] = {}
    for name, value in (*_pairs(body), *_pairs(query)):
        values.setdefault(name, []).append(value)
    return Parameters(values)


def parse_time_ms(text: str) -> int:
    """Return milliseconds of Unix seconds or an RFC 3339 time. Raises InputError."""
    if text in (MIN_TIME_TEXT, MAX_TIME_TEXT):
        return parse_rfc3339_ms(text)
    if _NUMBER.fullmatch(text):
        seconds = float(text.replace("_", ""))
        if abs(seconds) < MAX_NS / 1000:
            fraction, whole = math.modf(seconds)
            return int(whole) * 1000 + _round_half_away(fraction * 1000)
    else:
        try:
            return parse_rfc3339_ms(text)
        except InputError:
            pass
    raise InputError(f'cannot parse "{text}" to a valid timestamp')


def parse_duration_text_ms(text: str) -> int:
    """Return milliseconds of a duration in seconds or in Prometheus' units. Raises InputError."""
    number = _NUMBER.fullmatch(text)
    if number or text.lstrip("+-").lower() in ("inf", "infinity"):
        seconds = float(text.replace("_", ""))
        if abs(seconds) * 1e9 > MAX_NS:
            raise InputError(f'cannot parse "{text}" to a valid duration. It overflows int64')
        return int(seconds * 1e9) // 10**6 if seconds >= 0 else -(int(-seconds * 1e9) // 10**6)
    try:
        return parse_duration_ns(text) // 10**6
    except InputError:
        raise InputError(f'cannot parse "{text}" to a valid duration') from None


def _pairs(form: bytes) -> Iterable[tuple[str, str]]:
    for pair in form.decode("latin-1").split("&"):
        if not pair or ";" in pair or ("%" in pair and _BROKEN_ESCAPE.search(pair)):
            continue
        name, _, value = pair.partition("=")
        yield _unquote(name), _unquote(value)


def _unquote(text: str) -> str:
    if text.isascii() and "%" not in text and "+" not in text:
        return text
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode(errors="surrogateescape")


def _round_half_away(number: float) -> int:
    return int(math.copysign(math.floor(abs(number) + 0.5), number))
