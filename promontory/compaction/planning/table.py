"""Rows of text in columns that are as wide as their longest cell."""

from __future__ import annotations

from collections.abc import Sequence

from promontory.model.go_text import show_text


def format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows below their heads, two spaces between columns; control characters in them are escaped."""
    shown = [list(heads), *([show_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown
    )
