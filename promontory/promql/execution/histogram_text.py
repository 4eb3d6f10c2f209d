"""Histograms as text, as count_values shows them: `{count:5, sum:2.5, [-2,-1):1, [-0.001,0.001]:1, (1,2]:3}`.

Source: Prometheus 3.14, model/histogram, FloatHistogram.String and Bucket.String.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.histogram_bounds import bound_fractions, bucket_bounds
from promontory.model.histograms import CUSTOM_SCHEMA, POSITIVE, Histograms
from promontory.promql.execution.wording import format_general


def histogram_texts(histograms: Histograms, *, is_whole: NDArray[np.bool_] | None = None) -> list[bytes]:
    """Return the text of each; populated buckets from the lowest values to the highest.

    is_whole: bool[h], which count in whole numbers and show all digits of them, as a stored integer histogram does.
    """
    row, start, bounds = histograms.bound_values()
    fractions = bound_fractions()
    texts = []
    for place in range(len(histograms)):
        schema = int(histograms.schema[place])
        show = _whole if is_whole is not None and is_whole[place] else _number
        below: list[str] = []
        above: list[str] = []
        for at in range(int(histograms.bucket_start[place]), int(histograms.bucket_start[place + 1])):
            key, count = int(histograms.bucket_key[at]), float(histograms.bucket_count[at])
            first, last = int(start[row[place]]), int(start[row[place] + 1])
            lower, upper = bucket_bounds(key, schema, fractions, bounds, first, last)
            if count:
                (above if key > 0 else below).append(_bucket_text(key, schema, lower, upper, show(count)))
        parts = [f"count:{show(histograms.count[place])}", f"sum:{_number(histograms.sum[place])}", *below]
        if histograms.zero_count[place]:
            width = histograms.zero_threshold[place]
            parts.append(f"[{_number(-width)},{_number(width)}]:{show(histograms.zero_count[place])}")
        texts.append("{" + ", ".join(parts + above) + "}")
    return [text.encode() for text in texts]


def _bucket_text(key: int, schema: int, lower: float, upper: float, count: str) -> str:
    """Return a bucket between brackets that say which of its bounds belong to it."""
    if schema == CUSTOM_SCHEMA:
        opening, closing = "[" if key == POSITIVE else "(", "]"
    else:
        opening, closing = "[" if lower < 0 else "(", "]" if upper > 0 else ")"
    return f"{opening}{_number(lower)},{_number(upper)}{closing}:{count}"


def _number(value: float) -> str:
    return format_general(float(value))


def _whole(value: float) -> str:
    return str(int(value))
