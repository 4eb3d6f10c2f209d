"""count_values: how many series of a group have each value, one row for each value.

    values [n, k]  ──►  (group, text of the value) of each present place  ──►  rows, each with its counts float64[k]

The text of a value goes into a label before rows are grouped, so it replaces a label of that name.

Source: Prometheus 3.14, promql/engine.go, aggregationCountValues.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.model.labels import METRIC_NAME
from promontory.model.steps import Steps
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.histogram_text import histogram_texts
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import empty_steps, make_steps
from promontory.promql.numbers import format_number
from promontory.promql.plan.nodes import Aggregate
from promontory.promql.strings import quote_text

# What is held of a present place while it is counted: its row, time, text and pair, and what sorts them.
PLACE_BYTES = 80


def count_values(run: Run, node: Aggregate, steps: Steps, label: str) -> Steps:
    """Return the counts. Raises ExecutionError where the label's name is none."""
    name = label.encode(errors="surrogateescape")
    if not name or not is_utf8(name):
        raise ExecutionError(f"invalid label name {quote_text(name)}")
    count = steps.values.shape[1]
    run.expect_bytes(int(np.count_nonzero(steps.present)) * PLACE_BYTES)
    row, time = np.nonzero(steps.present)
    if not len(row):
        return empty_steps(run.symbols, count)
    names = (*node.grouping, name) if node.without else tuple(one for one in node.grouping if one != name)
    group, groups = steps.labels.group(names, by=not node.without)
    code = value_codes(run.symbols, steps)
    if node.without and name in node.grouping:
        code = np.zeros_like(code)
    pairs, pair = np.unique(group[row].astype(np.int64) << 32 | code, return_inverse=True)
    run.refuse_beyond(len(pairs) * count)
    labels = groups.take(pairs >> 32).with_column(name, (pairs & 0xFFFFFFFF).astype(np.int32))
    if name == METRIC_NAME and node.without:
        labels = labels.without((name,))
    counts = np.zeros((len(pairs), count))
    np.add.at(counts, (pair, time), 1.0)
    return make_steps(labels, counts, counts > 0)


def value_codes(symbols: SymbolTable, steps: Steps) -> NDArray[np.int64]:
    """Return int64[p]: the codes of the texts of all present values, in the order of their places."""
    codes = np.empty(int(np.count_nonzero(steps.present)), np.int64)
    held = steps.held[steps.present]
    values, place = np.unique(steps.values[steps.present][~held].view(np.uint64), return_inverse=True)
    texts = [format_number(value).encode() for value in values.view(np.float64).tolist()]
    codes[~held] = intern_texts(symbols, texts)[place]
    if steps.histograms is not None and held.any():
        rows, place = np.unique(steps.histograms.index[steps.present][held], return_inverse=True)
        texts = histogram_texts(steps.histograms.table.take(rows.astype(np.int64)))
        codes[held] = intern_texts(symbols, texts)[place]
    return codes


def intern_texts(symbols: SymbolTable, texts: list[bytes]) -> NDArray[np.int32]:
    """Return the codes of many texts at once."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    starts = ends - np.array([len(text) for text in texts], np.int64)
    return symbols.intern_spans(np.frombuffer(b"".join(texts), np.uint8), starts, ends)


def is_utf8(text: bytes) -> bool:
    """Say whether a text is UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
