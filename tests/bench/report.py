"""What `make bench` prints: a line as soon as a row is measured, all rows as one Markdown table at the end, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.bench.figures import Figure, Result, judge
from tests.bench.rows import TWO_PROCESSES, Kind

HEAD = (
    "row", "ours", "two processes", "Prometheus 2.42", "ratio", "must / aim", "VictoriaMetrics 1.79", "ratio",
    "must / aim", "answer", "",
)  # fmt: skip
OPENING, CLOSING = "<!-- bench: begin -->", "<!-- bench: end -->"


def print_row(result: Result) -> None:
    """Print one row's figures, with CPU times."""
    parts = []
    for name, figure in result.figures.items():
        text = f"{name} {_amount(result, figure)}"
        if figure.cpu_ms:
            text += f" cpu {figure.cpu_ms:.3g}"
        if figure.empty_ms:
            text += f" empty {figure.empty_ms:.3g}"
        ratio = result.ratio(name)
        if ratio is not None and name not in ("ours", "two"):
            text += f" = {ratio:.2f}x"
        parts.append(text)
    agreement = f"DIFFERS: {result.difference}" if result.difference else "agrees"
    print(f"{result.row.name:21s} " + " | ".join(parts) + f" | {agreement}", flush=True)


def format_table(results: Sequence[Result]) -> str:
    """Return all rows as one table."""
    lines = [HEAD, *(table_line(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    text = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def write_table(table: str, path: Path) -> None:
    """Put the table into a document, in place of the one between its marks."""
    before, opening, rest = path.read_text().partition(OPENING)
    _, closing, after = rest.partition(CLOSING)
    assert closing, f"{path}: expected {OPENING} and {CLOSING}"
    path.write_text(f"{before}{opening}\n{table}\n{closing}{after}")


def table_line(result: Result) -> tuple[str, ...]:
    """Return the cells of a row: what is missed is said in each, and in the last."""
    row, figures = result.row, result.figures
    cells = [row.name]
    for name in ("ours", "two"):
        cells.append(_amount(result, figures[name]) if name in figures else "")
    verdicts = []
    for name, target in (("prometheus", row.prometheus), ("victoria", row.victoria)):
        ratio, verdict = result.ratio(name), result.verdict(name, target)
        cells.append(_amount(result, figures[name]) if name in figures else "")
        cells.append(f"{ratio:.2f}x" if ratio is not None and target else "")
        cells.append(f"{target.must:g} / {target.aim:g}: {verdict}" if verdict and target else "")
        verdicts.append(verdict)
    if result.hop is not None and row.kind is Kind.QUERY:
        verdicts.append(judge(result.hop, TWO_PROCESSES, less_is_better=True))
        cells[2] += f" ({result.hop - 1:+.0%}{', MISSED' if verdicts[-1] == 'MISSED' else ''})"
    ours = figures.get("ours")
    cells.append(("DIFFERS, " if result.difference else "") + (_size(ours.size_bytes) if ours else ""))
    cells.append("MISSED" if "MISSED" in verdicts else "")
    return tuple(cells)


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write the figures as one document."""
    document = [
        {
            "row": result.row.name,
            "query": result.row.text,
            "unit": "MiB" if result.row.kind is Kind.MEMORY else "ms",
            "difference": result.difference,
            "ratios": {name: result.ratio(name) for name in ("prometheus", "victoria")},
            "figures": {
                name: {"value": figure.value, "cpu_ms": figure.cpu_ms, "bytes": figure.size_bytes,
                       "empty_ms": figure.empty_ms}
                for name, figure in result.figures.items()
            },
        }
        for result in results
    ]  # fmt: skip
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def _amount(result: Result, figure: Figure) -> str:
    if result.row.kind is Kind.MEMORY:
        return f"{figure.value:.0f} MiB"
    return f"{figure.value:.2f} ms" if figure.value < 10 else f"{figure.value:.0f} ms"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
