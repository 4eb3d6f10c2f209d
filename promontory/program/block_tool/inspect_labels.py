"""Inspecting the labels of a block: names by their values, values by the series that have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.block_check.index_view import IndexView
from promontory.program.block_tool.table import Row, Table

COUNT_OFFSET = 4
COUNT_BYTES = 4

Longs = NDArray[np.int64]


def inspect_labels(view: IndexView, *, top: int) -> list[Table]:
    """Return label names by values, label values by series and by the bytes that they would take beside each series."""
    names: list[Row] = []
    by_series: list[Row] = []
    by_bytes: list[Row] = []
    for name in view.header.label_names():
        table = view.header.read_values(name)
        size = table.value_end - table.value_start
        series = count_refs(view, table.list_start)
        held = (size + len(name)) * series
        names.append(
            {"label": _text(name), "values": len(size), "series": int(series.sum()), "value_bytes": int(size.sum()),
             "text_bytes": int(held.sum())}
        )  # fmt: skip
        for order, rows in ((series, by_series), (held, by_bytes)):
            for place in np.argsort(-order, kind="stable")[:top].tolist():
                value = table.data[table.value_start[place] : table.value_end[place]].tobytes()
                rows.append(
                    {"label": _text(name), "value": _text(value), "series": int(series[place]),
                     "text_bytes": int(held[place])}
                )  # fmt: skip
    return [
        Table("label_names", "Label names by number of values", _largest(names, "values", top)),
        Table("label_values", "Label values by series", _largest(by_series, "series", top)),
        Table("label_bytes", "Label values by bytes of text in all series",
              _largest(by_bytes, "text_bytes", top)),
    ]  # fmt: skip


def count_refs(view: IndexView, list_start: Longs) -> Longs:
    """Return int64[n]: how many series the postings lists at `list_start` say they have, 0 for one that is cut."""
    inside = list_start + COUNT_OFFSET + COUNT_BYTES <= len(view.data)
    place = np.where(inside, list_start, 0)[:, None] + COUNT_OFFSET + np.arange(COUNT_BYTES)
    counts = np.ascontiguousarray(view.data[place]).view(">u4").ravel().astype(np.int64)
    return np.where(inside, counts, 0)


def _largest(rows: list[Row], column: str, top: int) -> list[Row]:
    return sorted(rows, key=lambda row: -int(row[column] or 0))[:top]


def _text(label: bytes) -> str:
    return label.decode(errors="replace")
