"""The words of annotations on native histograms: one function a text, each name and number put in as Prometheus does.

`Run.warn` and `Run.inform` add the kind of annotation in front and the position behind.

Source: Prometheus 3.14, util/annotations/annotations.go.
"""

from __future__ import annotations

from promontory.promql.execution.wording import quote


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
