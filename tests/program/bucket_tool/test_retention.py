import asyncio
import json
from pathlib import Path

import pytest

from promontory.block.markers import MarkKind, parse_mark
from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.transfer import mark_for_deletion
from promontory.compaction.planning.state import Deletion
from promontory.program.bucket_tool.retention import mark_due
from promontory.service.main import main
from tests.bucket.clock import StillClock
from tests.program.block_tool.small_block import ULID
from tests.program.bucket_tool.small_bucket import COARSE, put_coarse, write_bucket

RAW = "--retention.resolution-raw=40h"
ALL = "--delete.max-share=1"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give the directory of a bucket with a raw block of years ago."""
    return write_bucket(tmp_path)


def retention(directory: Path, *flags: str) -> int:
    return main(["bucket", "retention", f"--bucket={directory}", *flags])


def is_marked(directory: Path, ulid: str) -> bool:
    return (directory / ulid / "deletion-mark.json").exists()


def test_nothing_goes_where_all_is_kept_for_ever(directory: Path) -> None:
    assert retention(directory, ALL) == 0
    assert not is_marked(directory, ULID)


def test_raw_samples_stay_until_what_outlives_them_is_there(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retention(directory, RAW, ALL) == 0
    assert capsys.readouterr().out == f"{ULID} stays: resolution 5m does not cover it yet\n"
    put_coarse(directory)
    assert retention(directory, RAW, ALL) == 0
    assert (is_marked(directory, ULID), is_marked(directory, COARSE)) == (True, False)
    body = (directory / ULID / "deletion-mark.json").read_bytes()
    assert parse_mark(body, MarkKind.DELETION, source="mark").details == "block exceeding retention of 1d16h"


def test_what_has_a_replica_label_covers_what_was_merged_without_it(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_coarse(directory)
    meta = directory / COARSE / "meta.json"
    document = json.loads(meta.read_bytes())
    document["thanos"]["labels"]["replica"] = "a"
    meta.write_text(json.dumps(document))
    assert retention(directory, RAW, ALL) == 0
    assert capsys.readouterr().out == f"{ULID} stays: resolution 5m does not cover it yet\n"
    assert retention(directory, RAW, ALL, "--deduplication.replica-label=replica") == 0
    assert is_marked(directory, ULID)


def test_raw_samples_stay_where_what_outlives_them_is_broken(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_coarse(directory)
    chunks = directory / COARSE / "chunks" / "000001"
    chunks.write_bytes(chunks.read_bytes()[:-1] + b"?")
    assert retention(directory, RAW, ALL, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["broken"], document["marked"]) == ([COARSE], [])
    assert not is_marked(directory, ULID)


def test_raw_samples_stay_where_what_outlives_them_was_marked_meanwhile(directory: Path) -> None:
    put_coarse(directory)
    bucket = FilesystemBucket(directory)
    asyncio.run(mark_for_deletion(bucket, COARSE, details="by hand", clock=StillClock()))
    marking = asyncio.run(mark_due(bucket, [Deletion(ULID, "block exceeding retention", (COARSE,))]))
    assert marking.refused == [f"block {ULID} stays: {COARSE}, which covers it, is marked for deletion"]
    assert not is_marked(directory, ULID)


def test_no_cover_is_asked_for_where_nothing_is_downsampled(directory: Path) -> None:
    assert retention(directory, RAW, ALL, "--downsampling.disable") == 0
    assert is_marked(directory, ULID)


def test_a_dry_run_marks_nothing(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retention(directory, RAW, ALL, "--downsampling.disable", "--dry-run") == 0
    assert capsys.readouterr().out == f"{ULID} block exceeding retention of 1d16h: would be marked for deletion\n"
    assert not is_marked(directory, ULID)


def test_all_at_once_by_the_clock_alone_is_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retention(directory, RAW, "--downsampling.disable") == 1
    assert "retention: 1 of 1 blocks are due by this machine's clock alone" in capsys.readouterr().err
    assert not is_marked(directory, ULID)


def test_a_ladder_says_what_is_kept(directory: Path) -> None:
    ladder = "--downsample.ladder=[{resolution: raw, keep: 7d}]"
    assert retention(directory, ALL, ladder) == 0
    assert is_marked(directory, ULID)
