"""Start timestamps in scripts: a line before a series, one offset for each of its values.

    http_requests_total{job="a"}@st  -1m  -30sx3  -30s-15sx2  _  _x2

An offset is a duration relative to its sample; repetition, increments and gaps are as in values.
Source: Prometheus 3.14, promql/promqltest/test.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from promontory.errors import InputError
from promontory.model.durations import parse_duration_ms
from promontory.model.labels import Labels
from promontory.testing.promqltest.literals import metric_end, parse_metric

# `x` is what repeats, and no unit has it.
_DURATION = r"[0-9]+[a-wyzA-WYZ]*"
_ITEM = re.compile(rf"(?P<base>[+-]?{_DURATION})(?:(?P<sign>[+-])(?P<step>{_DURATION})(?=x))?(?:x(?P<times>[0-9]+))?")
_GAPS = re.compile(r"_(?:x([0-9]+))?")


def is_start_line(line: str) -> bool:
    """Say whether a line gives start timestamps. Raises InputError where it begins with no labels."""
    return line.startswith("@st", metric_end(line))


def parse_start_line(line: str) -> tuple[Labels, tuple[int | None, ...]]:
    """Return the labels and the offsets in ms; None stands for a gap. Raises InputError."""
    end = metric_end(line)
    if not line.startswith("@st", end):
        raise InputError(f"expected @st behind the labels, found {line!r}")
    offsets = [offset for item in line[end + 3 :].split() for offset in _offsets(item)]
    return parse_metric(line[:end]), tuple(offsets)


def _offsets(item: str) -> Iterator[int | None]:
    if gaps := _GAPS.fullmatch(item):
        yield from [None] * int(gaps[1] or 1)
        return
    found = _ITEM.fullmatch(item)
    if found is None:
        raise InputError(f"expected offsets such as -30s or -30sx3, found {item!r}")
    offset_ms = _signed_ms(found["base"])
    step_ms = _signed_ms(found["sign"] + found["step"]) if found["sign"] else 0
    for _ in range(int(found["times"] or 0) + 1):
        yield offset_ms
        offset_ms += step_ms


def _signed_ms(text: str) -> int:
    return -parse_duration_ms(text[1:]) if text[0] == "-" else parse_duration_ms(text.removeprefix("+"))
