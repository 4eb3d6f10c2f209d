"""Table: what `promontory block inspect` shows, the same for people, in aligned columns, and for programs, as JSON.

The end of a column's name says how people read it: `_time_ms` a time, `_duration_ms` a duration, `_bytes` a size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promontory.model.quoting import quote_text
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.sizes import format_size

Cell = str | int | float | None
Row = Mapping[str, Cell]

_DURATIONS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title, all with the columns of the first; not shown where there are none.

    `is_single`: one row, shown from top to bottom.
    """

    key: str
    title: str
    rows: Sequence[Row]
    is_single: bool = False

    def to_json(self) -> object:
        """Return the rows as they stand in the JSON document."""
        return dict(self.rows[0]) if self.is_single else [dict(row) for row in self.rows]

    def to_texts(self) -> list[list[str]]:
        """Return the cells as people read them, headings first; of a single row (name, value) pairs without them."""
        if self.is_single:
            return [[_heading(name), format_cell(name, cell)] for name, cell in self.rows[0].items()]
        heads = [_heading(name) for name in self.rows[0]] if self.rows else []
        return [heads, *([format_cell(name, cell) for name, cell in row.items()] for row in self.rows)]

    @property
    def is_numeric(self) -> list[bool]:
        """Which columns hold numbers and stand to the right."""
        if self.is_single:
            return [False, False]
        return [isinstance(cell, int | float) for cell in self.rows[0].values()] if self.rows else []


def format_cell(name: str, cell: Cell) -> str:
    """Return a cell as people read it."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return quote_text(cell)[1:-1].replace('\\"', '"')  # a label must not steer the terminal
    if name.endswith("_time_ms"):
        return format_rfc3339_ms(int(cell))
    if name.endswith("_duration_ms"):
        return format_duration(int(cell))
    if name.endswith("_bytes"):
        return format_size(int(cell))
    return f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}"


def format_duration(duration_ms: int) -> str:
    """Return a duration by its two largest units: `1d12h`."""
    parts, rest = [], abs(duration_ms)
    for size_ms, unit in _DURATIONS:
        count, rest = divmod(rest, size_ms)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if duration_ms < 0 else "") + ("".join(parts[:2]) or "0s")


def write_plain(tables: Sequence[Table]) -> str:
    """Return the tables in aligned columns, for pipes and files."""
    lines: list[str] = []
    for table in tables:
        if not table.rows:
            continue
        texts = table.to_texts()
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines += [table.title, *(_align(row, widths, table.is_numeric) for row in texts), ""]
    return "\n".join(lines[:-1]) + "\n"


def print_rich(tables: Sequence[Table]) -> None:
    """Print the tables on a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console()
    for table in tables:
        if not table.rows:
            continue
        shown = RichTable(
            title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD, show_header=not table.is_single
        )
        texts = table.to_texts()
        heads = ["", ""] if table.is_single else texts.pop(0)
        for head, is_numeric in zip(heads, table.is_numeric, strict=True):
            shown.add_column(head, justify="right" if is_numeric else "left", overflow="fold")
        for row in texts:
            shown.add_row(*map(Text, row))
        console.print(shown)


def _align(row: Sequence[str], widths: Sequence[int], is_numeric: Sequence[bool]) -> str:
    cells = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, is_numeric, strict=True)
    )
    return ("  " + "  ".join(cells)).rstrip()


def _heading(name: str) -> str:
    for ending in ("_time_ms", "_duration_ms", "_bytes"):
        if name.endswith(ending):
            name = name.removesuffix("_ms").removesuffix("_duration").removesuffix("_bytes")
    return name.replace("_", " ")
