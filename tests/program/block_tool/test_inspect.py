import json

import pytest

from promontory.model.sizes import format_size
from promontory.program.block_tool.table import Table, format_duration, print_rich, write_plain
from promontory.service.main import main
from tests.program.block_tool.small_block import START_MS, STEP_MS, ULID, BrokenBlock


def test_json_says_what_the_block_holds(block: BrokenBlock, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["block", "inspect", str(block.directory), "--json"]) == 0
    found = json.loads(capsysbinary.readouterr().out)
    assert (found["block"]["ulid"], found["block"]["samples"]) == (ULID, 180)
    assert found["series"]["series"] == 6
    assert (found["series"]["begin_inside"], found["series"]["end_inside"]) == (1, 5)
    assert found["coverage"]["gaps"] == 1
    last = START_MS + 4 + 29 * STEP_MS
    assert found["gaps"][0]["from_time_ms"] == last
    assert found["encodings"] == [
        {"encoding": "XOR", "chunks": 18, "samples": 180, "payload_bytes": found["encodings"][0]["payload_bytes"],
         "octets_per_sample": found["encodings"][0]["payload_bytes"] / 180}
    ]  # fmt: skip
    assert [section["section"] for section in found["index"]] == [
        "head", "symbols", "series", "label indices", "postings", "label offset table", "postings table", "TOC",
    ]  # fmt: skip
    assert sum(section["length_bytes"] for section in found["index"]) == len(block.index)
    names = {row["label"]: (row["values"], row["series"], row["value_bytes"]) for row in found["label_names"]}
    assert names == {"pod": (6, 6, 12), "job": (2, 6, 8), "__name__": (1, 6, 2)}
    assert found["label_values"][0] == {"label": "__name__", "value": "up", "series": 6, "text_bytes": 60}
    assert found["chunk_sizes"][1] == {
        "of": "samples",
        "least": 10,
        "mean": 10,
        "p50": 10,
        "p90": 10,
        "p99": 10,
        "most": 10,
    }


def test_a_pipe_gets_aligned_columns(block: BrokenBlock, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["block", "inspect", str(block.directory), "--top=2", "--no-chunks"]) == 0
    text = capsys.readouterr().out
    assert "Chunks by encoding" not in text
    assert "  label  values  series  value  text\n  pod         6       6   12 B  30 B\n" in text
    assert "  min time            2023-11-14T22:13:20.000Z\n" in text
    assert "\x1b" not in text


def test_a_terminal_gets_tables_and_no_escapes_of_labels(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("x", "Things [bold]", [{"label": "a\x1b[31m", "series": 3, "share": 0.5}])
    print_rich([table, Table("y", "Facts", [{"is": "so"}], is_single=True), Table("z", "None", [])])
    text = capsys.readouterr().out
    assert "a\\x1b[31m" in text
    assert "None" not in text
    assert write_plain([table]).splitlines()[1:] == ["  label      series  share", "  a\\x1b[31m       3   0.50"]


def test_sizes_and_durations_have_units() -> None:
    assert [format_size(size) for size in (0, 1023, 1024, 1536, 5 << 30)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 GiB",
    ]  # fmt: skip
    assert [format_duration(ms) for ms in (0, 1, 61_000, 129_600_000, -5000)] == ["0s", "1ms", "1m1s", "1d12h", "-5s"]


def test_a_block_without_an_index_is_an_error(block: BrokenBlock, capsys: pytest.CaptureFixture[str]) -> None:
    (block.directory / "index").unlink()
    assert main(["block", "inspect", str(block.directory)]) == 1
    assert "expected index, found none" in capsys.readouterr().err
