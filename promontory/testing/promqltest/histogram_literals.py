"""Native histograms as scripts write them, and their sums and differences, one value at a time.

    {{schema:1 sum:3 count:22 z_bucket:1 z_bucket_w:0.001 buckets:[5 10 7] offset:-1 n_buckets:[…] n_offset:…
      custom_values:[…] counter_reset_hint:gauge}}

All parts may be left out. `buckets` are absolute counts of neighbouring buckets from index `offset` on. Sums are of
histograms of one zero threshold and one set of custom bounds: literals that need more are an error.
Source: Prometheus 3.14, promql/promqltest/README.md; model/histogram/float_histogram.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from promontory.errors import InputError
from promontory.model.histograms import CUSTOM_SCHEMA, ResetHint
from promontory.testing.histogram_values import HistogramValue

_PART = re.compile(r"\s*([a-z_]+):(\[[^\]]*\]|[^\s\[\]]+)")
_FLOAT_PARTS = {"sum": "sum", "count": "count", "z_bucket": "zero_count", "z_bucket_w": "zero_threshold"}
_KEYS = frozenset(
    [*_FLOAT_PARTS, "schema", "buckets", "offset", "n_buckets", "n_offset", "custom_values", "counter_reset_hint"]
)
_HINTS = {hint.name.lower(): hint for hint in ResetHint}


def parse_histogram(inner: str) -> tuple[HistogramValue, bool]:
    """Return the histogram between double braces and whether it names a reset hint. Raises InputError."""
    parts: dict[str, str] = {}
    end = 0
    while end < len(inner.rstrip()):
        part = _PART.match(inner, end)
        if part is None or part[1] not in _KEYS:
            raise InputError(f"expected parts of a histogram such as buckets:[5 10 7], found {inner[end:]!r}")
        parts[part[1]] = part[2]
        end = part.end()
    try:
        value = HistogramValue(
            schema=int(parts.get("schema", "0")),
            positive=_buckets(parts, "buckets", "offset"),
            negative=_buckets(parts, "n_buckets", "n_offset"),
            custom_values=tuple(_numbers(parts.get("custom_values", "[]"))),
            hint=_HINTS[parts.get("counter_reset_hint", "unknown")],
            **{field: float(parts[key]) for key, field in _FLOAT_PARTS.items() if key in parts},
        )
    except (ValueError, KeyError) as error:
        raise InputError(f"expected a histogram, found {{{{{inner}}}}}: {error}") from error
    return value, "counter_reset_hint" in parts


def _buckets(parts: Mapping[str, str], buckets: str, offset: str) -> dict[int, float]:
    return dict(enumerate(_numbers(parts.get(buckets, "[]")), start=int(parts.get(offset, "0"))))


def _numbers(listed: str) -> list[float]:
    return [float(number) for number in listed.removeprefix("[").removesuffix("]").split()]


def combine_histograms(left: HistogramValue, right: HistogramValue, *, sign: float) -> HistogramValue:
    """Return `left + sign * right`. Raises InputError where that is not a matter of adding buckets."""
    if left.schema > right.schema or (CUSTOM_SCHEMA in (left.schema, right.schema) and left.schema != right.schema):
        raise InputError(f"error combining histograms: cannot merge from schema {right.schema} to {left.schema}")
    if (left.zero_threshold, left.custom_values) != (right.zero_threshold, right.custom_values):
        raise InputError("expected histograms of one zero threshold and one set of custom bounds in a sum")
    shift = right.schema - left.schema
    return replace(
        left,
        count=left.count + sign * right.count,
        sum=left.sum + sign * right.sum,
        zero_count=left.zero_count + sign * right.zero_count,
        positive=_added(left.positive, right.positive, shift, sign),
        negative=_added(left.negative, right.negative, shift, sign),
        hint=_joint_hint(left.hint, right.hint),
    )


def _added(left: Mapping[int, float], right: Mapping[int, float], shift: int, sign: float) -> dict[int, float]:
    """Return the sums of buckets; those on the right are 2^shift times as fine."""
    total = dict(left)
    for index, count in right.items():
        place = ((index - 1) >> shift) + 1 if shift else index
        total[place] = total.get(place, 0.0) + sign * count
    return total


def _joint_hint(left: ResetHint, right: ResetHint) -> ResetHint:
    if left == right:
        return left
    return ResetHint.GAUGE if ResetHint.GAUGE in (left, right) else ResetHint.UNKNOWN


def format_histogram(value: HistogramValue) -> str:
    """Return the literal of a histogram, its buckets from the first to the last populated one."""
    parts = [] if value.schema == 0 else [f"schema:{value.schema}"]
    parts += [f"count:{value.count!r}", f"sum:{value.sum!r}"]
    if value.zero_count:
        parts.append(f"z_bucket:{value.zero_count!r}")
    if value.zero_threshold:
        parts.append(f"z_bucket_w:{value.zero_threshold!r}")
    if value.custom_values:
        parts.append(f"custom_values:[{_listed(value.custom_values)}]")
    if value.hint != ResetHint.UNKNOWN:
        parts.append(f"counter_reset_hint:{value.hint.name.lower()}")
    parts += _format_side(value.positive, "buckets", "offset") + _format_side(value.negative, "n_buckets", "n_offset")
    return "{{" + " ".join(parts) + "}}"


def _format_side(buckets: Mapping[int, float], name: str, offset: str) -> list[str]:
    populated = sorted(index for index, count in buckets.items() if count != 0)
    if not populated:
        return []
    counts = _listed([buckets.get(index, 0.0) for index in range(populated[0], populated[-1] + 1)])
    return ([f"{offset}:{populated[0]}"] if populated[0] else []) + [f"{name}:[{counts}]"]


def _listed(numbers: tuple[float, ...] | list[float]) -> str:
    return " ".join(repr(number) for number in numbers)
