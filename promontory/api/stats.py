"""The parameter `stats` of a query: what an answer took, in Prometheus' members.

    "stats":{"timings":{"evalTotalTime":…,…},"samples":{"totalQueryableSamples":…,"samplesRead":…,"peakSamples":…}}

Times are in seconds. Samples are the raw ones that were read: Prometheus counts those of overlapping windows again
for each step in `totalQueryableSamples`, which columns need not touch. `resultSortTime` is part of `innerEvalTime`.
Source: Prometheus' documentation "HTTP API"; util/stats/query_stats.go.
"""

from __future__ import annotations

import orjson

from promontory.model.result import QueryStats

SUPPORTED = ("", "true", "all")


def deprecation_of(value: str) -> str | None:
    """Return the warning about a value of the parameter that Prometheus will refuse one day, None where it will not."""
    if value in SUPPORTED:
        return None
    shown = orjson.dumps(value.encode(errors="surrogateescape").decode(errors="replace")).decode()
    return (
        f'value {shown} for parameter "stats" is deprecated and will be rejected in the next major release, '
        'use "true" or "all"'
    )


def write_stats(stats: QueryStats, *, queue_s: float) -> bytes:
    """Return the member `stats` of an answer; `queue_s` are the seconds before its turn came."""
    total_s = stats.preparation_s + stats.evaluation_s
    return b'"stats":' + orjson.dumps(
        {
            "timings": {
                "evalTotalTime": total_s,
                "resultSortTime": 0.0,
                "queryPreparationTime": stats.preparation_s,
                "innerEvalTime": stats.evaluation_s,
                "execQueueTime": queue_s,
                "execTotalTime": queue_s + total_s,
            },
            "samples": {
                "totalQueryableSamples": stats.samples_read,
                "samplesRead": stats.samples_read,
                "peakSamples": stats.peak_samples,
            },
        }
    )
