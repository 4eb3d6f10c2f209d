"""What a function reads of downsampled blocks: which aggregate, how coarse, and how far back it may look.

A ladder of one's own may have windows of any length from a second on. So, as Thanos' querier, whoever allows any is
answered from aggregates: what a Store has only raw of, it answers raw.

Source: Thanos, pkg/query/querier.go (aggrsFromFunc), pkg/api/query/v1.go and cmd/thanos/query.go (dynamic lookback),
known from their behaviour.
"""

from __future__ import annotations

from dataclasses import replace

from promontory.block.meta import FINEST_WINDOW_MS
from promontory.model.durations import HOUR_MS
from promontory.model.frame import Aggregate
from promontory.model.selector import Selector

FIVE_MINUTES_MS = 300_000
COUNTER_FUNCTIONS = frozenset(["increase", "rate", "irate", "resets", "xincrease", "xrate"])
# A window of these needs two samples at least: they read nothing coarser than half their range.
RANGE_FUNCTIONS = frozenset(
    ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"]
)


def choose_aggregates(function: str) -> tuple[Aggregate, ...]:
    """Return what to ask for below a function or aggregation; a sum is divided by its count."""
    if function == "min" or function.startswith("min_"):
        return (Aggregate.MIN,)
    if function == "max" or function.startswith("max_"):
        return (Aggregate.MAX,)
    if function == "count" or function.startswith("count_"):
        return (Aggregate.COUNT,)
    if function.startswith("sum_"):
        return (Aggregate.SUM,)
    if function in COUNTER_FUNCTIONS:
        return (Aggregate.COUNTER,)
    return (Aggregate.COUNT, Aggregate.SUM)


def choose_resolution(selector: Selector) -> Selector:
    """Return the selector as a Store is to be asked: raw samples alone, or the aggregates of its function."""
    resolution_ms = selector.max_resolution_ms
    if selector.function in RANGE_FUNCTIONS and selector.range_ms:
        resolution_ms = min(resolution_ms, selector.range_ms // 2)
    if resolution_ms < FINEST_WINDOW_MS:
        if selector.max_resolution_ms == 0 and selector.aggregates == (Aggregate.RAW,):
            return selector
        return replace(selector, max_resolution_ms=0, aggregates=(Aggregate.RAW,))
    return replace(selector, max_resolution_ms=resolution_ms, aggregates=choose_aggregates(selector.function))


def choose_lookback_ms(lookback_ms: int, *, max_resolution_ms: int) -> int:
    """Return how far back an instant selector looks where samples may be so far apart."""
    if max_resolution_ms > max(FIVE_MINUTES_MS, lookback_ms):
        return max(lookback_ms, HOUR_MS)
    return max(lookback_ms, FIVE_MINUTES_MS) if max_resolution_ms > lookback_ms else lookback_ms
