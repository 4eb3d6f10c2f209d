"""Reset hints as Prometheus' TSDB shows them to queries: not those that were written.

A chunk of a series holds counter histograms that only rise, or gauges. The first of a counter chunk is shown as
`unknown`, the others as `not_reset`; gauges are `gauge`. So a hint depends on whether the histogram could stand in the
chunk of the one before. That long chunks are cut is left out: it shows as `unknown` where `not_reset` is as true.
Source: Prometheus 3.14, tsdb/chunkenc/float_histogram.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from promontory.model.histograms import ResetHint
from promontory.testing.histogram_values import HistogramValue


def show_stored_hints(points: Sequence[HistogramValue | None]) -> Iterator[HistogramValue]:
    """Yield the histograms of one series as a query sees them; None stands for a float between them."""
    before: HistogramValue | None = None
    for value in points:
        if value is not None:
            hint = ResetHint.NOT_RESET if before is not None and _continues(before, value) else ResetHint.UNKNOWN
            yield replace(value, hint=ResetHint.GAUGE if value.hint == ResetHint.GAUGE else hint)
        before = value


def _continues(before: HistogramValue, value: HistogramValue) -> bool:
    """Say whether a counter histogram can stand in the chunk of the one before it."""
    if before.hint == ResetHint.GAUGE or value.hint == ResetHint.RESET:
        return False
    if (before.schema, before.zero_threshold, before.custom_values) != (
        value.schema, value.zero_threshold, value.custom_values,
    ):  # fmt: skip
        return False
    if value.count < before.count or value.zero_count < before.zero_count:
        return False
    return _rises(before.positive, value.positive) and _rises(before.negative, value.negative)


def _rises(before: Mapping[int, float], after: Mapping[int, float]) -> bool:
    return all(count <= after.get(index, 0.0) for index, count in before.items())
