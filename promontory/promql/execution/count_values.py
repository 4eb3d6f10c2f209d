"""count_values: how many series of a group have each value, one row for each value.

    values [n, k]  ──►  pairs of group and value, each with its counts [k]  ──►  texts of the values  ──►  rows

Rows are counted as they come and not kept: what is held grows with the values, not with the series. The text of a
value goes into a label before rows are grouped, so it replaces a label of that name.

Source: Prometheus 3.14, promql/engine.go, aggregationCountValues.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError
from promontory.model.labels import METRIC_NAME
from promontory.model.quoting import quote_text
from promontory.model.steps import Steps
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.groups import GroupTable
from promontory.promql.execution.histogram_text import histogram_texts
from promontory.promql.execution.operator import Batch
from promontory.promql.execution.run import Run
from promontory.promql.execution.value_counts import ValueCounts
from promontory.promql.execution.values import Value, compact, make_steps
from promontory.promql.numbers import format_number
from promontory.promql.plan.nodes import Aggregate


class CountValuesSink:
    """Counts as rows come; label: the name of the label that shows a value."""

    def __init__(self, run: Run, node: Aggregate, count: int, label: str) -> None:
        self._run = run
        self._label = label.encode(errors="surrogateescape")
        self._without = node.without
        # Where rows are grouped without the label of the value, as they are without the name, it is taken away again.
        self._shows_values = not (node.without and self._label in (*node.grouping, METRIC_NAME))
        self._names = tuple(name for name in node.grouping if name != self._label)
        if node.without:
            self._names = (*node.grouping, self._label)
        self._count = count
        self._table = GroupTable(run.symbols)
        self._floats = ValueCounts(run, count=count)
        self._histograms = ValueCounts(run, count=count)

    def absorb(self, batch: Batch) -> None:
        """Count the values of a batch."""
        assert isinstance(batch, Steps)
        steps = compact(batch)
        local, labels = steps.labels.group(self._names, by=not self._without)
        group = self._table.assign(labels)[local]
        self._floats.add(steps.values.view(np.int64), steps.floats, group)
        if steps.histograms is not None:
            self._histograms.add(self._histogram_codes(steps), steps.held, group)

    def finish(self) -> Value:
        """Return a row a value. Raises ExecutionError where the label's name is none."""
        name = self._label
        if not name or not is_utf8(name):
            raise ExecutionError(f"invalid label name {quote_text(name)}")
        parts = (self._floats, self._histograms)
        group = np.concatenate([part.group for part in parts]).astype(np.int64)
        code = np.concatenate([self._float_codes(), self._histograms.bits])
        if not self._shows_values:
            code[:] = 0
        pairs, pair = np.unique(group << 32 | code, return_inverse=True)
        self._run.expect(len(pairs), self._count)
        labels = self._table.labels().take(pairs >> 32).with_column(name, (pairs & 0xFFFFFFFF).astype(np.int32))
        counts = np.zeros((len(pairs), self._count))
        for part, into in zip(parts, np.split(pair, [len(self._floats)]), strict=True):
            _add_rows(counts, into, part.counts)
        for part in parts:
            part.release()
        return make_steps(labels, counts, counts > 0)

    def _float_codes(self) -> NDArray[np.int64]:
        """Return int64[p]: the codes of the texts of the floats of all pairs."""
        values, place = np.unique(self._floats.bits.view(np.uint64), return_inverse=True)
        texts = [format_number(value).encode() for value in values.view(np.float64).tolist()]
        return intern_texts(self._run.symbols, texts)[place].astype(np.int64)

    def _histogram_codes(self, steps: Steps) -> NDArray[np.int64]:
        """Return int64[n, k]: the codes of the texts of the histograms that are present."""
        assert steps.histograms is not None
        codes = np.zeros(steps.values.shape, np.int64)
        rows, place = np.unique(steps.histograms.index[steps.held], return_inverse=True)
        texts = histogram_texts(steps.histograms.table.take(rows.astype(np.int64)))
        codes[steps.held] = intern_texts(self._run.symbols, texts)[place]
        return codes


def _add_rows(total: NDArray[np.float64], into: NDArray[np.int64], counts: NDArray[np.uint32]) -> None:
    """Add each row to total[into]; several may go to one, as all that is not a number has one text."""
    first = np.unique(into, return_index=True)[1]
    total[into[first]] += counts[first]
    for row in np.setdiff1d(np.arange(len(into)), first).tolist():
        total[into[row]] += counts[row]


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
