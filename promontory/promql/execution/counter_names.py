"""The infos about rates of what may be no counter: by the metric's `__type__` where that is asked, else by its name.

Source: Prometheus 3.14, promql/engine.go, evaluation of calls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows
from promontory.promql.execution.run import Run
from promontory.promql.execution.wording import quote
from promontory.promql.plan.position import Position

COUNTER_SUFFIXES = (b"_total", b"_sum", b"_count", b"_bucket")
COUNTER_TYPES = (b"counter", b"histogram")
RATES = frozenset(["rate", "increase"])


def inform_of_gauges(run: Run, labels: LabelRows, floats: NDArray[np.bool_], position: Position) -> None:
    """Note the metrics that may be no counters; floats: bool[n, k], where a rate gave a number."""
    rows = floats.any(axis=1)
    pairs = labels.column(b"__name__")[rows].astype(np.int64) << 32
    if run.type_and_unit:
        pairs |= labels.column(b"__type__")[rows]
    text = labels.symbols.text
    for pair in np.unique(pairs).tolist():
        code, type_code = pair >> 32, pair & 0xFFFFFFFF
        if not code:
            continue
        name, kind = text(code), text(type_code) if type_code else b""
        if run.type_and_unit:
            if kind not in COUNTER_TYPES:
                run.inform(
                    'metric might not be a counter, __type__ label is not set to "counter" or "histogram",'
                    f" got {quote(kind)}: {quote(name)}",
                    position,
                )
        elif not name.endswith(COUNTER_SUFFIXES):
            run.inform(
                f"metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {quote(name)}",
                position,
            )
