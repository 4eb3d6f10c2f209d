"""Number literals: how far one reaches, what it is worth, and how Prometheus prints it.

    1  1.5  .5  1e3  1_000  0x1f  017 (octal)  Inf  NaN        5m  1h30m (durations)

The scanner is laxer than the reader: what it takes for a number may still be none (`1.5.2`); the reader says so in
the words of Go's strconv. Source: Prometheus' documentation, "Querying basics", "Float literals".
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from promontory.errors import InputError
from promontory.model.quoting import quote_text

DECIMAL_DIGITS = frozenset(b"0123456789")
HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
ALPHANUMERIC = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
FIRST_UNITS = frozenset(b"smhdwy")
LATER_UNITS = frozenset(b"smhdw")
INT64_MAX = 2**63 - 1
END = -1

_DOT, _UNDERSCORE, _ZERO, _SECOND = b"._0s"
_HEX_MARK = frozenset(b"xX")
_EXPONENT = frozenset(b"eE")
_SIGN = frozenset(b"+-")
_NOT_AFTER_DOT = frozenset(b"_.")
_NOT_AFTER_EXPONENT = frozenset(b"._eE")
_NUMBER_PARTS = frozenset(b"._eE")

_INTEGER = re.compile(r"0[xX](?:_?[0-9a-fA-F])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*")
_DIGITS = r"[0-9](?:_?[0-9])*"
_FLOAT = re.compile(rf"(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?|inf|nan", re.IGNORECASE)

_HEX = r"[0-9a-f](?:_?[0-9a-f])*"
_HEX_FLOAT = re.compile(rf"[+-]?0x(?:_?{_HEX}\.?(?:{_HEX})?|\.{_HEX})p[+-]?{_DIGITS}", re.IGNORECASE | re.ASCII)


def byte_at(query: bytes, offset: int) -> int:
    """Return the byte at an offset, END behind the last."""
    return query[offset] if offset < len(query) else END


def scan_number(query: bytes, start: int) -> tuple[int, bool]:
    """Return where the number at `start` ends and whether it is one; if not, where the scan gave up."""
    offset = start
    digits = DECIMAL_DIGITS
    if byte_at(query, offset) == _ZERO:
        offset += 1
        if byte_at(query, offset) in _HEX_MARK:
            digits = HEX_DIGITS
            offset += 1
            offset += byte_at(query, offset) == _UNDERSCORE
    offset += byte_at(query, offset) == _DOT
    offset += byte_at(query, offset) in digits
    had_dot = had_exponent = False
    while (byte := byte_at(query, offset)) in digits or byte in _NUMBER_PARTS:
        if (byte == _DOT and had_dot) or (byte in _EXPONENT and had_exponent):
            return offset + 1, False
        offset += 1
        if byte == _DOT:
            had_dot = True
            if byte_at(query, offset) in _NOT_AFTER_DOT:
                return offset + 1, False
            if digits is HEX_DIGITS:
                return offset, False
        elif byte in _EXPONENT or byte == _UNDERSCORE:
            if byte in _EXPONENT:
                had_exponent = True
                offset += byte_at(query, offset) in _SIGN
            if byte_at(query, offset) in _NOT_AFTER_EXPONENT:
                return offset + 1, False
            if offset >= len(query):
                return offset, False
        else:
            while byte_at(query, offset) in digits:
                offset += 1
    return offset, offset > start and byte_at(query, offset) not in ALPHANUMERIC


def scan_duration(query: bytes, offset: int) -> tuple[int, bool]:
    """Return where the duration ends whose first digits end at `offset`, and whether it is one."""
    if byte_at(query, offset) not in FIRST_UNITS:
        return offset, False
    offset += 1
    offset += byte_at(query, offset) == _SECOND
    while byte_at(query, offset) in DECIMAL_DIGITS:
        while byte_at(query, offset) in DECIMAL_DIGITS:
            offset += 1
        if byte_at(query, offset) not in LATER_UNITS:
            return offset, False
        offset += 1
        offset += byte_at(query, offset) == _SECOND
    if byte_at(query, offset) in ALPHANUMERIC:
        return offset + 1, False
    return offset, True


def parse_number(text: str) -> float:
    """Return the value of a number literal. Raises InputError as Go's strconv words it."""
    if _INTEGER.fullmatch(text):
        digits = text.replace("_", "")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        # Python reads no decimal text of thousands of digits; what is longer than this is no int64 anyway.
        if base != 10 or len(digits) <= len(str(INT64_MAX)):
            integer = int(digits, base)
            if integer <= INT64_MAX:
                return float(integer)
    if _FLOAT.fullmatch(text) is None:
        raise InputError(f"error parsing number: strconv.ParseFloat: parsing {quote_text(text)}: invalid syntax")
    value = float(text)
    if math.isinf(value) and text.lower() != "inf":
        raise InputError(f"error parsing number: strconv.ParseFloat: parsing {quote_text(text)}: value out of range")
    return value


def parse_float(text: bytes) -> float:
    """Return a float as Go's strconv.ParseFloat reads it. Raises ValueError where that gives an error.

    Python's float() also takes spaces around it, a NaN with a sign, and what is beyond float64 for infinite; it does
    not take hexadecimal ones.
    """
    try:
        written = text.decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError("not ASCII") from error
    if _HEX_FLOAT.fullmatch(written):
        try:
            return float.fromhex(written.replace("_", ""))
        except OverflowError as error:
            raise ValueError("out of range") from error
    word = written.lower().lstrip("+-")
    if written != written.strip() or (word == "nan" and len(written) > 3):
        raise ValueError("not a float")
    value = float(written)
    if math.isinf(value) and word not in ("inf", "infinity"):
        raise ValueError("out of range")
    return value


def format_number(value: float) -> str:
    """Return the shortest decimal form without exponent, as Prometheus prints a number literal."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def format_number_short(value: float) -> str:
    """Return the shortest form, with an exponent below 1e-4 and from 1e6 on, as Go's `%v`."""
    if not math.isfinite(value) or value == 0 or 1e-4 <= abs(value) < 1e6:
        return format_number(value)
    mantissa, exponent = format(Decimal(repr(value)).normalize(), "e").split("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:]:0>2}"
