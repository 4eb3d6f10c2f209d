"""`load_with_nhcb`: native histograms with custom buckets out of the series of classic ones.

    x_bucket{le="0.1", …}  x_bucket{le="+Inf", …}  x_count{…}  x_sum{…}   ──►   x{…}

At each time, from what the series say at that time. Source: Prometheus 3.14, util/convertnhcb/convertnhcb.go.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from promontory.errors import InputError
from promontory.model.histograms import CUSTOM_SCHEMA
from promontory.model.labels import METRIC_NAME, Labels
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.promqltest.literals import Value

Points = Mapping[int, Value]
_LE = b"le"


@dataclass(slots=True)
class _Classic:
    buckets: dict[float, float] = field(default_factory=dict)
    count: float | None = None
    sum: float = 0.0


def convert_classic_histograms(series: Mapping[Labels, Points]) -> dict[Labels, dict[int, Value]]:
    """Return the histograms of all classic ones in `series`. Raises InputError where counts are not cumulative."""
    found: dict[Labels, dict[int, _Classic]] = {}
    for labels, points in series.items():
        name, _, suffix = labels.get(METRIC_NAME).rpartition(b"_")
        if suffix not in (b"bucket", b"count", b"sum"):
            continue
        bound = _bound(labels) if suffix == b"bucket" else 0.0
        if bound is None:
            continue
        of_name = Labels(tuple(sorted([*labels.without([METRIC_NAME, _LE]).pairs, (METRIC_NAME, name)])))
        times = found.setdefault(of_name, {})
        for time_ms, value in points.items():
            if value.histogram is None:
                _note(times.setdefault(time_ms, _Classic()), suffix, bound, value.number)
    return {
        labels: {time_ms: Value(histogram=_convert(classic)) for time_ms, classic in times.items()}
        for labels, times in found.items()
    }


def _bound(labels: Labels) -> float | None:
    """Return the upper bound of a bucket, None where there is none to be read."""
    try:
        bound = float(labels.get(_LE))
    except ValueError:
        return None
    return None if math.isnan(bound) else bound


def _note(classic: _Classic, suffix: bytes, bound: float, number: float) -> None:
    if suffix == b"bucket":
        classic.buckets.setdefault(bound, number)
    elif suffix == b"count":
        classic.count = number
    else:
        classic.sum = number


def _convert(classic: _Classic) -> HistogramValue:
    bounds = sorted(classic.buckets)
    count = classic.count
    if count is None:
        count = classic.buckets[bounds[-1]] if bounds else 0.0
    cumulative = [classic.buckets[bound] for bound in bounds]
    if not bounds or bounds[-1] != math.inf:
        bounds.append(math.inf)
        cumulative.append(count)
    if cumulative[-1] != count:
        raise InputError(f"count mismatch: count={count} != le=+Inf count={cumulative[-1]}")
    counts = [after - before for before, after in zip([0.0, *cumulative], cumulative, strict=False)]
    if any(added < 0 for added in counts):
        raise InputError(f"count is not cumulative: {cumulative}")
    return HistogramValue(
        schema=CUSTOM_SCHEMA,
        count=count,
        sum=classic.sum,
        positive=dict(enumerate(counts)),
        custom_values=tuple(bounds[:-1]),
    )
