"""The kinds of a flag's value: text as it is written on the command line, to a plain value.

Durations take what Prometheus (`1h30m`, units y w d h m s ms) and Go (`1.5h`, `250us`) write, in milliseconds.
A duration is at most what Go can hold, 292 years. Sizes are Thanos': KB and KiB are both 1024 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from promontory.errors import InputError
from promontory.model.durations import DAY_MS, HOUR_MS
from promontory.model.rfc3339 import parse_rfc3339_ms

_UNIT_MS = {
    "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": HOUR_MS,
    "d": DAY_MS, "w": 7 * DAY_MS, "y": 365 * DAY_MS,
}  # fmt: skip
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|[smhdwy])", re.ASCII)
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+", re.ASCII)
_LONGEST_MS = (2**63 - 1) // 1_000_000
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]i?)?B?", re.ASCII)
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:/\s]*):(\d{1,5})", re.ASCII)
_SIZE_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


@dataclass(frozen=True, slots=True)
class TimeValue:
    """A moment: absolute in ms since the epoch, or relative to the time of asking."""

    time_ms: int
    is_relative: bool

    def at(self, now_ms: int) -> int:
        """Return the moment in ms since the epoch."""
        return now_ms + self.time_ms if self.is_relative else self.time_ms


Value = str | int | float | bool | TimeValue


class Kind(Enum):
    """What a flag takes; the value is the placeholder in the help."""

    TEXT = "TEXT"
    INTEGER = "N"
    NUMBER = "X"
    BOOLEAN = ""
    DURATION = "DURATION"
    SIZE = "SIZE"
    TIME = "TIME"
    CHOICE = "CHOICE"
    ADDRESS = "HOST:PORT"
    CONTENT = "YAML"


def parse_value(kind: Kind, text: str) -> Value:
    """Return the value of a text. Raises InputError saying what was expected and found."""
    return _PARSERS[kind](text)


def parse_flag_duration_ms(text: str) -> int:
    """Return whole milliseconds of a Prometheus or Go duration."""
    if text == "0":
        return 0
    if _DURATION.fullmatch(text) is None:
        raise InputError(f"expected a duration such as 5m, 1h30m or 250ms, found {text!r}")
    duration_ms = sum(float(number) * _UNIT_MS[unit] for number, unit in _DURATION_PART.findall(text))
    if duration_ms > _LONGEST_MS:
        raise InputError(f"expected a duration of at most 292y, found {text!r}")
    return int(duration_ms)


def _parse_integer(text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII) is None:
        raise InputError(f"expected a whole number, found {text!r}")
    return int(text)


def _parse_number(text: str) -> float:
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is None:
        raise InputError(f"expected a number, found {text!r}")
    return float(text)


def _parse_boolean(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise InputError(f"expected true or false, found {text!r}")
    return text in ("true", "1")


def _parse_size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InputError(f"expected a size such as 250MB or 2GB, found {text!r}")
    return int(float(found[1]) * 1024 ** _SIZE_POWER[(found[2] or "").removesuffix("i")])


def _parse_time(text: str) -> TimeValue:
    sign = -1 if text.startswith("-") else 1
    bare = text.removeprefix("-").removeprefix("+")
    if bare == "0" or _DURATION.fullmatch(bare) is not None:
        return TimeValue(sign * parse_flag_duration_ms(bare), is_relative=True)
    try:
        return TimeValue(parse_rfc3339_ms(text), is_relative=False)
    except InputError:
        raise InputError(
            f"expected an RFC 3339 time such as 2026-01-31T12:00:00Z or a duration from now such as -2d, found {text!r}"
        ) from None


def _parse_address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[1]) > 65_535:
        raise InputError(f"expected host:port such as 0.0.0.0:10902, found {text!r}")
    return text


_PARSERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.INTEGER: _parse_integer,
    Kind.NUMBER: _parse_number,
    Kind.BOOLEAN: _parse_boolean,
    Kind.DURATION: parse_flag_duration_ms,
    Kind.SIZE: _parse_size,
    Kind.TIME: _parse_time,
    Kind.CHOICE: str,
    Kind.ADDRESS: _parse_address,
    Kind.CONTENT: str,
}
