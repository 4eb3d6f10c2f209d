"""The words of annotations on native histograms: one function a text, each name and number put in as Prometheus does.

`Run.warn` and `Run.inform` add the kind of annotation in front and the position behind.

Source: Prometheus 3.14, util/annotations/annotations.go.
"""

from __future__ import annotations

from promontory.promql.execution.wording import quote

MIXED_KINDS = "vector contains a mix of classic and native histograms"
FORCED = (
    "input to histogram_quantile needed to be fixed for monotonicity (see"
    " https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)
NANS_LOST = "input to histogram_quantile has NaN observations, result is NaN"
NANS_SKEW = "input to histogram_quantile has NaN observations, result is skewed higher"
NANS_EXCLUDED = "input to histogram_fraction has NaN observations, which are excluded from all fractions"


MIXED_AGGREGATION = "encountered a mix of histograms and floats for aggregation"


def ignored_in_aggregation(op: str) -> str:
    """Return the info that an aggregation left histograms out."""
    return f"ignored histogram in {op} aggregation"


def mixed_with_floats(name: bytes) -> str:
    """Return the warning that a range holds floats and histograms."""
    return f"encountered a mix of histograms and floats for metric name {quote(name)}"


def not_a_counter(name: bytes) -> str:
    """Return the warning that a function for counters met a gauge."""
    return f"this native histogram metric is not a counter: {quote(name)}"


def not_a_gauge(name: bytes) -> str:
    """Return the warning that a function for gauges met a counter."""
    return f"this native histogram metric is not a gauge: {quote(name)}"


def mixed_schemas(name: bytes) -> str:
    """Return the warning that exponential histograms met custom ones."""
    return (
        f"vector contains a mix of histograms with exponential and custom buckets schemas for metric name {quote(name)}"
    )


def histograms_ignored(name: bytes) -> str:
    """Return the info that only the floats of a range were used."""
    return f"ignored histograms in a range containing both floats and histograms for metric name {quote(name)}"


def conflicting_resets(operation: str) -> str:
    """Return the warning that a reset was added to no reset; operation: addition, subtraction or aggregation."""
    return f"conflicting counter resets during histogram {operation}"


def reconciled_bounds(operation: str) -> str:
    """Return the info that different custom bounds were made one; operation as above."""
    return f"mismatched custom buckets were reconciled during {operation}"


def of_metric(name: bytes) -> str:
    """Return the words that name the metric behind some annotations; none without a name."""
    return f" for metric name {quote(name)}" if name else ""


def bad_bucket(bound: bytes) -> str:
    """Return the warning that a series of a classic histogram has no number in `le`."""
    return f'bucket label "le" is missing or has a malformed value of {quote(bound)}'
