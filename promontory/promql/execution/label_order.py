"""sort_by_label and sort_by_label_desc: rows in the natural order of label values.

In natural order runs of digits compare as numbers and everything else as text: node2 before node10. Values whose
runs are equal (`a1` and `a01`) have no order in Prometheus; here the shorter one is first.

Source: github.com/facette/natsort at 2cd4dd1, which Prometheus 3.14 uses.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.operators import is_orderable
from promontory.promql.execution.run import Run
from promontory.promql.plan.nodes import SortByLabel

_RUNS = re.compile(rb"[0-9]+|[^0-9]+")
_INT64_LIMIT = 1 << 63


def sort_by_labels(run: Run, grid: TimeGrid, node: SortByLabel, steps: Steps) -> Steps:
    """Return the rows with an order by the values of the labels named, then by all labels."""
    if not is_orderable(run, grid, node.position):
        return replace(steps, order=None)
    place = np.empty(len(steps), np.int64)
    place[steps.labels.sort_index()] = np.arange(len(steps))
    names = [label.encode(errors="surrogateescape") for label in node.labels]
    keys = [natural_ranks(steps.labels, name) for name in names]
    order = np.lexsort([place, *reversed(keys)])
    return replace(steps, order=order[::-1].copy() if node.descending else order)


def natural_ranks(labels: LabelRows, name: bytes) -> NDArray[np.int64]:
    """Return int64[n]: the place of each row's value of one label among the distinct ones, in natural order."""
    codes, inverse = np.unique(labels.column(name), return_inverse=True)
    texts = [labels.symbols.text(int(code)) for code in codes]
    runs = [_runs(text) for text in texts]

    def compare(left: int, right: int) -> int:
        return compare_runs(runs[left], runs[right]) or (-1 if texts[left] < texts[right] else 1)

    ranks = np.empty(len(codes), np.int64)
    ranks[sorted(range(len(codes)), key=functools.cmp_to_key(compare))] = np.arange(len(codes))
    return ranks[inverse]


def _runs(text: bytes) -> list[tuple[bytes, int | None]]:
    """Return the runs of a text, each with its value where it is a number that Go's int holds."""
    runs: list[tuple[bytes, int | None]] = []
    for found in _RUNS.findall(text):
        digits = found.lstrip(b"0") if found.isdigit() else b""
        value = int(digits or b"0") if found.isdigit() and len(digits) <= len(str(_INT64_LIMIT)) else None
        runs.append((found, value if value is not None and value < _INT64_LIMIT else None))
    return runs


def compare_runs(left: list[tuple[bytes, int | None]], right: list[tuple[bytes, int | None]]) -> int:
    """Return a negative number, zero or a positive one: the natural order of two texts cut into runs."""
    for (text, number), (other_text, other_number) in zip(left, right, strict=False):
        if number is not None and other_number is not None:
            if number != other_number:
                return -1 if number < other_number else 1
        elif text != other_text:
            return -1 if text < other_text else 1
    return len(left) - len(right)
