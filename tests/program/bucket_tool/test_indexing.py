import json
from pathlib import Path
from typing import Any

import pytest

from promontory.catalog.bucket_index import BUCKET_INDEX_KEY
from promontory.service.main import main
from tests.catalog.blocks import ulid_of
from tests.program.bucket_tool.buckets import BLOCKS


def index(directory: Path, *flags: str) -> int:
    return main(["bucket", "index", f"--bucket={directory}", *flags])


def shown(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> Any:
    capsys.readouterr()
    assert index(directory, "--json", *flags) == 0
    return json.loads(capsys.readouterr().out)


def test_an_index_that_is_not_there_is_exit_code_1(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(directory) == 1
    assert capsys.readouterr().out == f"{BUCKET_INDEX_KEY}: there is none\n"


def test_an_index_is_written_and_is_as_the_bucket(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(directory, capsys, "--write") == {"written": True, "blocks": len(BLOCKS)}
    assert index(directory) == 0
    text = capsys.readouterr().out
    assert "readers use it" in text
    assert text.endswith("the bucket is as the index says\n")


def test_what_changed_since_is_named(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(directory, "--write") == 0
    (directory / ulid_of(1) / "deletion-mark.json").unlink()
    (directory / ulid_of(2) / "meta.json").unlink()
    found = shown(directory, capsys)
    assert (found["new"], found["gone"], found["changed"]) == ([], [ulid_of(2)], [ulid_of(1)])
    assert index(directory) == 0
    assert f"gone since: {ulid_of(2)}\nchanged since: {ulid_of(1)}\n" in capsys.readouterr().out


def test_an_index_that_cannot_be_read_is_exit_code_1(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(directory, "--write") == 0
    (directory / BUCKET_INDEX_KEY).write_bytes(b"\x1f\x8bnothing")
    assert index(directory) == 1
    assert f"gzip in {BUCKET_INDEX_KEY}" in capsys.readouterr().out
