from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.figures import Figure, Result, judge
from tests.bench.report import HEAD, format_table, table_line, write_table
from tests.bench.rows import ROWS, Kind, Row, Target


def result(kind: Kind, **values: float) -> Result:
    row = Row("one", "x", 60, Target(2, 4), Target(0.5, 1), kind=kind)
    return Result(row, {name: Figure(value) for name, value in values.items()})


def test_a_ratio_of_times_says_how_often_ours_fits_into_the_peers() -> None:
    measured = result(Kind.QUERY, ours=100, two=150, prometheus=300, victoria=40)
    assert measured.ratio("prometheus") == 3
    assert measured.ratio("victoria") == pytest.approx(0.4)
    assert measured.hop == 1.5
    assert measured.verdict("prometheus", measured.row.prometheus) == "must"
    assert measured.verdict("victoria", measured.row.victoria) == "MISSED"


def test_a_ratio_of_memory_is_a_share_of_the_peers() -> None:
    assert result(Kind.MEMORY, ours=50, prometheus=200).ratio("prometheus") == 0.25


def test_a_server_that_was_not_asked_has_no_verdict() -> None:
    measured = result(Kind.QUERY, ours=100)
    assert measured.ratio("prometheus") is None
    assert measured.verdict("prometheus", measured.row.prometheus) == ""


@pytest.mark.parametrize(
    ("ratio", "less_is_better", "verdict"),
    [(4, False, "aim"), (2, False, "must"), (1.99, False, "MISSED"), (0.5, True, "aim"), (2, True, "must")],
)
def test_targets_are_reached_at_their_very_value(ratio: float, less_is_better: bool, verdict: str) -> None:
    target = Target(2, 1) if less_is_better else Target(2, 4)
    assert judge(ratio, target, less_is_better=less_is_better) == verdict


def test_a_line_says_what_is_missed() -> None:
    line = table_line(result(Kind.QUERY, ours=100, two=170, prometheus=300))
    assert len(line) == len(HEAD)
    assert line[2] == "170 ms (+70%, MISSED)"
    assert line[-1] == "MISSED"
    assert table_line(result(Kind.QUERY, ours=100, two=120, prometheus=300, victoria=60))[-1] == ""


def test_a_document_gets_the_table_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Speed\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\nmore\n")
    table = format_table([result(Kind.QUERY, ours=100)])
    write_table(table, document)
    assert document.read_text() == f"# Speed\n\n<!-- bench: begin -->\n{table}\n<!-- bench: end -->\n\nmore\n"
    assert len({len(line) for line in table.splitlines()}) == 1


def test_rows_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
