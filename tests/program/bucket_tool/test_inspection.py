import csv
import json
from pathlib import Path

import pytest

from promontory.program.bucket_tool.text_table import write_table
from promontory.service.main import main
from promontory.timeline.block_row import COLUMNS
from promontory.timeline.columns import COLUMN_NAMES
from tests.catalog.blocks import ulid_of
from tests.program.bucket_tool.buckets import BLOCKS


def inspect(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(["bucket", "inspect", f"--bucket={directory}", *flags]) == 0
    return capsys.readouterr().out


def rows(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> list[dict[str, str]]:
    return list(csv.DictReader(inspect(directory, capsys, "--output=csv", *flags).splitlines()))


def test_the_flag_and_the_table_have_the_same_columns() -> None:
    assert tuple(COLUMNS) == COLUMN_NAMES


def test_a_table_stands_between_lines_as_thanos_draws_it() -> None:
    assert write_table(["A", "LONG"], [["1", "x"], ["22", "a\x1b"]]) == (
        "| A  | LONG  |\n"
        "|----|-------|\n"
        "| 1  | x     |\n"
        "| 22 | a\\x1b |\n"
    )  # fmt: skip


def test_blocks_stand_in_order_of_time(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = inspect(directory, capsys).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(map(ulid_of, (8, 7, 6, 1, 5, 2, 3, 4)))
    assert lines[0].startswith("|            ULID            |")


def test_columns_hold_what_thanos_shows(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = rows(directory, capsys)[:2]
    assert first == {
        "ULID": ulid_of(8), "FROM": "1969-12-18T00:00:00Z", "UNTIL": "1970-01-01T00:00:00Z", "RANGE": "336h0m0s",
        "UNTIL-DOWN": "-", "#SERIES": "2,000", "#SAMPLES": "1,234,567", "#CHUNKS": "3,000", "COMP-LEVEL": "4",
        "COMP-FAILED": "false", "LABELS": 'cluster=us,note=<b>"x"</b>', "RESOLUTION": "1h0m0s", "SOURCE": "compactor",
    }  # fmt: skip
    assert (second["UNTIL-DOWN"], second["RESOLUTION"]) == ("192h0m0s", "5m0s")


def test_rows_are_sorted_by_the_columns_asked_for(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(directory, capsys, "--sort-by=#SAMPLES", "--sort-by", "RANGE")
    assert [row["ULID"] for row in found] == [ulid_of(number) for number in (5, 6, 7, 1, 2, 3, 4, 8)]
    assert rows(directory, capsys, "--sort-by=UNTIL-DOWN")[0]["UNTIL-DOWN"] == "-"


def test_external_labels_choose_blocks(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(rows(directory, capsys, "-l", 'cluster="eu"', "-l", 'replica="0"')) == 7
    assert [row["ULID"] for row in rows(directory, capsys, "--selector=cluster=us")] == [ulid_of(8)]
    assert rows(directory, capsys, '--selector=cluster="u"') == []
    assert main(["bucket", "inspect", f"--bucket={directory}", "-l", 'cluster="eu']) == 2


def test_tabs_separate_on_request(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(directory, capsys, "-o", "tsv").splitlines()[0] == "\t".join(COLUMN_NAMES)


def test_json_follows_selection_and_order(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(inspect(directory, capsys, "--json", "-l", 'cluster="us"'))
    assert [row["ulid"] for row in found if row["problem"] is None] == [ulid_of(8)]


@pytest.mark.parametrize("name", ["blocks.svg", "blocks.html"])
def test_a_picture_is_the_same_each_time(name: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = directory.parent / name
    inspect(directory, capsys, f"--picture={path}")
    first = path.read_bytes()
    inspect(directory, capsys, f"--picture={path}")
    assert path.read_bytes() == first
    assert all(meta.ulid.encode() in first for meta in BLOCKS)


@pytest.mark.parametrize("name", ["blocks.png", "nowhere/blocks.svg"])
def test_a_picture_needs_a_place_and_a_kind(name: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bucket", "inspect", f"--bucket={directory}", f"--picture={directory.parent / name}"]) == 2
    assert "flag --picture: expected " in capsys.readouterr().err


def test_why_blocks_are_marked_is_told(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bucket", "inspect", f"--bucket={directory}"]) == 0
    told = capsys.readouterr().err
    line = f"marked: block {ulid_of(2)}: no-compact-mark.json of 2023-11-14T22:13:20.000Z: manual: why not\n"
    assert line in told
