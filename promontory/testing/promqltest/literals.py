"""Series as scripts write them: labels, then values that stand for points at even steps.

    name{label="value", …}  1 2.5 -3 Inf NaN    numbers            1x3      1 1 1 1
                            stale               the stale marker   1+2x3    1 3 5 7
                            _  _x3              gaps               9-1x2    9 8 7
                            {{…}}               a native histogram, repeated, added and subtracted likewise

An increment is added again and again, in float64. Source: Prometheus 3.14, documentation "Unit testing for rules",
section "series"; promql/promqltest/README.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from promontory.errors import InputError
from promontory.model.labels import Labels
from promontory.model.matcher import MatchKind
from promontory.model.samples import STALE_NAN_BITS
from promontory.promql.parser import parse_matchers
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.promqltest.histogram_literals import combine_histograms, parse_histogram

STALE_NAN = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])

_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN])"
_NAME = re.compile(r"(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?")
_BRACES = re.compile(r"""\{(?:[^"'`{}]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)*\}""")
_GAPS = re.compile(r"_(?:x(?P<times>\d+))?")
_FLOATS = re.compile(rf"(?P<base>[+-]?{_NUMBER}|stale)(?:(?P<step>[+-]{_NUMBER})?x(?P<times>\d+))?")
_HISTOGRAMS = re.compile(
    r"\{\{(?P<base>[^{}]*)\}\}(?:(?:(?P<sign>[+-])\{\{(?P<other>[^{}]*)\}\}(?=x))?x(?P<times>\d+))?"
)


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a series. `hint_stated`: the literal names a counter_reset_hint, so that it is compared."""

    number: float = 0.0
    histogram: HistogramValue | None = None
    hint_stated: bool = False


Values = tuple[Value | None, ...]


def parse_series(line: str) -> tuple[Labels, Values]:
    """Return the labels and the values of a series; None stands for a gap. Raises InputError."""
    end = metric_end(line)
    return parse_metric(line[:end]), tuple(parse_values(line[end:]))


def metric_end(line: str) -> int:
    """Return where the metric that a line begins with ends. Raises InputError."""
    name = _NAME.match(line)
    end = 0 if name is None else name.end()
    braces = _BRACES.match(line, _skip_space(line, end))
    if braces is None and end == 0:
        raise InputError(f"expected a series, found {line!r}")
    return end if braces is None else braces.end()


@functools.lru_cache(maxsize=4096)
def parse_metric(text: str) -> Labels:
    """Return the labels that a selector with equalities alone names. Raises InputError."""
    matchers = parse_matchers(text)
    if any(matcher.kind is not MatchKind.EQUAL for matcher in matchers):
        raise InputError(f"expected labels with =, found {text!r}")
    return Labels.from_mapping({matcher.name: matcher.value for matcher in matchers})


def parse_values(text: str) -> Iterator[Value | None]:
    """Yield the values that a text of items stands for. Raises InputError."""
    end = 0
    while (end := _skip_space(text, end)) < len(text):
        for pattern, expand in ((_FLOATS, _floats), (_HISTOGRAMS, _histograms), (_GAPS, _gaps)):
            item = pattern.match(text, end)
            if item is not None and (item.end() == len(text) or text[item.end()].isspace()):
                yield from expand(item)
                end = item.end()
                break
        else:
            raise InputError(f"expected values of a series, found {text[end:]!r}")


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _gaps(item: re.Match[str]) -> Iterator[Value | None]:
    return iter([None] * int(item["times"] or 1))


def _floats(item: re.Match[str]) -> Iterator[Value | None]:
    value = STALE_NAN if item["base"] == "stale" else float(item["base"])
    step = None if item["step"] is None else float(item["step"])
    for _ in range(int(item["times"] or 0) + 1):
        yield Value(value)
        value = value if step is None else value + step


def _histograms(item: re.Match[str]) -> Iterator[Value | None]:
    value, stated = parse_histogram(item["base"])
    if item["sign"] is None:
        yield from [Value(histogram=value, hint_stated=stated)] * (int(item["times"] or 0) + 1)
        return
    other, stated = parse_histogram(item["other"])
    for _ in range(int(item["times"]) + 1):
        yield Value(histogram=value, hint_stated=stated)
        value = combine_histograms(value, other, sign=1.0 if item["sign"] == "+" else -1.0)
