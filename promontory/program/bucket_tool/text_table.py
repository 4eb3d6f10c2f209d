"""Rows of text in the three shapes of `thanos tools bucket inspect --output`.

table    | ULID |   FROM   |       headings in the middle of their columns, cells to the left
         |------|----------|
csv tsv  RFC 4180 with line feeds
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

from promontory.model.go_text import show_text

Rows = Sequence[Sequence[str]]


def write_table(heads: Sequence[str], rows: Rows) -> str:
    """Return the rows between lines; control characters in them are escaped."""
    shown = [[show_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *shown, strict=True)]
    lines = [
        _line([_center(head, width) for head, width in zip(heads, widths, strict=True)]),
        "|" + "|".join("-" * (width + 2) for width in widths) + "|",
        *(_line([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in shown),
    ]
    return "\n".join(lines) + "\n"


def write_csv(heads: Sequence[str], rows: Rows) -> str:
    """Return the rows with commas between cells."""
    return _write_separated(heads, rows, ",")


def write_tsv(heads: Sequence[str], rows: Rows) -> str:
    """Return the rows with tabs between cells."""
    return _write_separated(heads, rows, "\t")


WRITERS: dict[str, Callable[[Sequence[str], Rows], str]] = {"table": write_table, "csv": write_csv, "tsv": write_tsv}


def _write_separated(heads: Sequence[str], rows: Rows, separator: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _center(text: str, width: int) -> str:
    gap = width - len(text)
    return " " * (gap // 2) + text + " " * (gap - gap // 2)
