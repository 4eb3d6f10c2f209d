"""Arithmetic on histograms one at a time, bucket by bucket: what the columns are compared with.

Counts in tests are whole numbers, so that nothing depends on the order of additions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from promontory.kernels.histogram_bounds import bound_fractions, upper_bound
from promontory.model.histograms import CUSTOM_SCHEMA, ResetHint
from promontory.testing.histogram_values import HistogramValue

Buckets = Mapping[int, float]


def bound(index: int, schema: int) -> float:
    return upper_bound.py_func(index, schema, bound_fractions())


def add(left: HistogramValue, right: HistogramValue, sign: int = 1) -> HistogramValue | None:
    """Return left + sign * right, None where exponential and custom buckets meet."""
    if (left.schema == CUSTOM_SCHEMA) != (right.schema == CUSTOM_SCHEMA):
        return None
    hint = join_hints(left.hint, right.hint)
    if left.schema == CUSTOM_SCHEMA:
        shared = tuple(value for value in left.custom_values if value in right.custom_values)
        return replace(
            left, hint=hint, custom_values=shared, count=left.count + sign * right.count,
            sum=left.sum + sign * right.sum,
            positive=merge(map_custom(left, shared), map_custom(right, shared), sign),
        )  # fmt: skip
    left, zero_count, threshold = reconcile(left, right)
    schema = min(left.schema, right.schema)
    positive, negative = (
        merge(reduce(mine, left.schema, schema), beyond(other, right.schema, schema, threshold), sign)
        for mine, other in ((left.positive, right.positive), (left.negative, right.negative))
    )
    return HistogramValue(
        schema, left.count + sign * right.count, left.sum + sign * right.sum, left.zero_count + sign * zero_count,
        threshold, positive, negative, hint=hint,
    )  # fmt: skip


def add_all(values: list[HistogramValue]) -> HistogramValue | None:
    """Return the sum of all values, in order."""
    total: HistogramValue | None = values[0]
    for value in values[1:]:
        total = total and add(total, value)
    return total


def join_hints(left: ResetHint, right: ResetHint) -> ResetHint:
    if left == right:
        return left
    return ResetHint.GAUGE if ResetHint.GAUGE in (left, right) else ResetHint.UNKNOWN


def merge(left: Buckets, right: Buckets, sign: int) -> dict[int, float]:
    merged: dict[int, float] = defaultdict(float, left)
    for index, count in right.items():
        merged[index] += sign * count
    return {index: count for index, count in sorted(merged.items()) if count}


def reduce(buckets: Buckets, schema: int, target: int) -> dict[int, float]:
    reduced: dict[int, float] = defaultdict(float)
    for index, count in buckets.items():
        reduced[((index - 1) >> (schema - target)) + 1] += count
    return dict(reduced)


def beyond(buckets: Buckets, schema: int, target: int, threshold: float) -> dict[int, float]:
    return {i: count for i, count in reduce(buckets, schema, target).items() if bound(i, target) > threshold}


def map_custom(value: HistogramValue, shared: tuple[float, ...]) -> dict[int, float]:
    mapped: dict[int, float] = defaultdict(float)
    for index, count in value.positive.items():
        upper = value.custom_values[index] if index < len(value.custom_values) else float("inf")
        mapped[next((i for i, limit in enumerate(shared) if limit >= upper), len(shared))] += count
    return dict(mapped)


def widen(value: HistogramValue, threshold: float) -> tuple[float, float]:
    """Return the threshold, raised so that it cuts no bucket, and the zero count up to it."""
    while True:
        inside = [
            (bound(index, value.schema), count)
            for index, count in (*value.positive.items(), *value.negative.items())
            if bound(index - 1, value.schema) < threshold
        ]
        highest = max([threshold, *(upper for upper, _ in inside)])
        if highest == threshold:
            return threshold, value.zero_count + sum(count for _, count in inside)
        threshold = highest


def reconcile(left: HistogramValue, right: HistogramValue) -> tuple[HistogramValue, float, float]:
    """Return the left histogram with the common zero bucket, the right one's zero count, and the threshold."""
    threshold, zero_count = right.zero_threshold, right.zero_count
    while threshold != left.zero_threshold:
        if left.zero_threshold > threshold:
            threshold, zero_count = widen(right, left.zero_threshold)
        if threshold > left.zero_threshold:
            wider, left_zero = widen(left, threshold)
            outside = [
                {index: count for index, count in buckets.items() if bound(index - 1, left.schema) >= wider}
                for buckets in (left.positive, left.negative)
            ]
            left = replace(
                left, zero_threshold=wider, zero_count=left_zero, positive=outside[0], negative=outside[1]
            )  # fmt: skip
    return left, zero_count, threshold


def is_reset(current: HistogramValue, previous: HistogramValue) -> bool:
    """Say whether a counter was reset between two histograms."""
    if current.hint in (ResetHint.RESET, ResetHint.NOT_RESET):
        return current.hint == ResetHint.RESET
    custom = current.schema == CUSTOM_SCHEMA
    if (
        current.count < previous.count
        or current.schema > previous.schema
        or (custom and previous.schema != current.schema)
    ):
        return True
    if custom:
        shared = tuple(value for value in current.custom_values if value in previous.custom_values)
        return shrinks(map_custom(previous, shared), map_custom(current, shared))
    if current.zero_threshold < previous.zero_threshold:
        return True
    threshold, zero_count = previous.zero_threshold, previous.zero_count
    if threshold != current.zero_threshold:
        threshold, zero_count = widen(previous, current.zero_threshold)
    if threshold != current.zero_threshold or current.zero_count < zero_count:
        return True
    sides = ((previous.positive, current.positive), (previous.negative, current.negative))
    return any(
        shrinks(beyond(before, previous.schema, current.schema, threshold), after) for before, after in sides
    )  # fmt: skip


def shrinks(before: Buckets, after: Buckets) -> bool:
    return any(after.get(index, 0) < count for index, count in before.items())
