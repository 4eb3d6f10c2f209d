import asyncio
import json
from pathlib import Path

import pytest

from promontory.block.ulid import make_ulid
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.contents import read_contents
from promontory.program.bucket_tool.verification import verify_bucket
from promontory.service.main import main
from tests.bucket.clock import StillClock
from tests.program.block_tool.small_block import START_MS, ULID
from tests.program.bucket_tool.small_bucket import put_block, write_bucket

COPY = make_ulid(START_MS, b"0123456789")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give the directory of a bucket with a whole block."""
    return write_bucket(tmp_path)


def put(directory: Path, block: Path, ulid: str, *, resolution_ms: int = 0) -> None:
    put_block(directory, block, ulid=ulid, resolution_ms=resolution_ms)


def verify(directory: Path, *flags: str) -> int:
    return main(["bucket", "verify", f"--bucket={directory}", *flags])


def flip(path: Path, offset: int) -> None:
    body = bytearray(path.read_bytes())
    body[offset] ^= 1
    path.write_bytes(body)


def backup_flag(directory: Path) -> str:
    return f"--objstore-backup.config={{type: FILESYSTEM, config: {{directory: {directory.parent / 'backup'}}}}}"


@pytest.mark.parametrize("issue", ["block_contents", "index_known_issues", "overlapped_blocks"])
def test_nothing_is_found_in_a_whole_bucket(issue: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(directory, "-i", issue) == 0
    assert capsys.readouterr().out == "1 blocks: nothing found\n"


def test_a_broken_index_is_found(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(directory / ULID / "index", 40)
    assert verify(directory, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["findings"][0]["issue"]) == (False, "index_known_issues")
    assert document["findings"][0]["blocks"] == [ULID]


def test_a_broken_chunk_is_found_where_all_is_read(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(directory / ULID / "chunks" / "000001", 40)
    assert verify(directory) == 0
    assert verify(directory, "--issues=block_contents") == 1
    assert "block_contents: block " in capsys.readouterr().out


def test_overlaps_are_of_one_stream_and_resolution(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(directory, directory / ULID, COPY, resolution_ms=300_000)
    assert verify(directory, "-i", "overlapped_blocks") == 0
    put(directory, directory / ULID, make_ulid(START_MS, b"abcdefghij"))
    assert verify(directory, "-i", "overlapped_blocks") == 1
    assert 'overlapped_blocks: 2 blocks of {cluster="eu"} at resolution 0 ms' in capsys.readouterr().out


def test_what_is_marked_for_deletion_is_not_looked_at(directory: Path) -> None:
    put(directory, directory / ULID, COPY)
    assert verify(directory) == 1
    words = ["--marker=deletion-mark.json", "--details=copy", f"--id={COPY}", f"--bucket={directory}"]
    assert main(["bucket", "mark", *words]) == 0
    assert verify(directory) == 0


def test_only_the_blocks_asked_for_are_read(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(directory, directory / ULID, COPY)
    flip(directory / ULID / "index", 40)
    assert verify(directory, f"--id={COPY}", "-i", "index_known_issues") == 0
    assert verify(directory, f"--id={ULID}", "-i", "index_known_issues") == 1
    assert verify(directory, f"--id={make_ulid(START_MS, b'abcdefghij')}") == 2
    assert "flag --id: expected a block of the bucket" in capsys.readouterr().err


def test_a_block_that_cannot_be_read_is_found(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / ULID / "index").write_bytes(b"short")
    assert verify(directory, "-i", "overlapped_blocks") == 1
    assert f"unreadable_block: block {ULID}: index: expected " in capsys.readouterr().out


def test_an_upload_under_way_is_told_and_no_finding(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / ULID / "meta.json").unlink()
    assert verify(directory) == 0
    assert f"not looked at: block {ULID} has no meta.json" in capsys.readouterr().err


def test_a_copy_goes_to_the_backup_and_the_older_block_stays(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(directory, directory / ULID, COPY)
    older, newer = sorted((ULID, COPY))
    files = {
        path.relative_to(directory): path.read_bytes() for path in (directory / newer).rglob("*") if path.is_file()
    }
    assert verify(directory, "-i", "duplicated_compaction") == 1
    assert verify(directory, "-r", "-i", "duplicated_compaction", backup_flag(directory)) == 0
    assert [path.parent.name for path in directory.glob("*/meta.json")] == [older]
    assert not (directory / newer).exists()
    backup = directory.parent / "backup"
    assert {path.relative_to(backup): path.read_bytes() for path in backup.rglob("*") if path.is_file()} == files
    assert f"repaired: block {newer}" in capsys.readouterr().out
    assert verify(directory, "-i", "duplicated_compaction") == 0


def test_a_delay_marks_the_copy(directory: Path) -> None:
    put(directory, directory / ULID, COPY)
    flags = ("--repair", "--issues=duplicated_compaction", "--delete-delay=48h", backup_flag(directory))
    assert verify(directory, *flags) == 0
    newer = max(ULID, COPY)
    assert (directory / newer / "meta.json").exists()
    assert (directory / newer / "deletion-mark.json").exists()


def test_a_backup_is_never_written_over(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(directory, directory / ULID, COPY)
    newer = max(ULID, COPY)
    (directory.parent / "backup" / newer).mkdir(parents=True)
    (directory.parent / "backup" / newer / "index").write_bytes(b"other")
    assert verify(directory, "-r", "-i", "duplicated_compaction", backup_flag(directory)) == 2
    assert (directory / newer / "meta.json").exists()
    assert "expected none of its name in the backup bucket" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("-r", "-i", "duplicated_compaction"), "flag --repair: expected with --objstore-backup.config"),
        (("-r",), "flag --repair: expected with --issues=duplicated_compaction"),
        (("-i", "moon"), "flag --issues: expected one of"),
        (("--id=moon",), "flag --id: expected the ULID"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    flags: tuple[str, ...], message: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(directory, *flags) == 2
    assert message in capsys.readouterr().err


def test_a_repair_that_was_cut_off_goes_on(directory: Path) -> None:
    put(directory, directory / ULID, COPY)
    newer = max(ULID, COPY)
    backup = directory.parent / "backup" / newer
    backup.mkdir()
    (backup / "index").write_bytes((directory / newer / "index").read_bytes())
    assert verify(directory, "-r", "-i", "duplicated_compaction", backup_flag(directory)) == 0
    assert not (directory / newer).exists()
    assert sorted(path.name for path in backup.rglob("*") if path.is_file()) == ["000001", "index", "meta.json"]


def test_other_bytes_in_the_backup_keep_the_block(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(directory, directory / ULID, COPY)
    newer = max(ULID, COPY)
    (directory.parent / "backup" / newer).mkdir()
    flip(directory / newer / "index", 40)
    (directory.parent / "backup" / newer / "index").write_bytes((directory / newer / "index").read_bytes())
    flip(directory / newer / "index", 40)
    assert verify(directory, "-r", "-i", "duplicated_compaction", backup_flag(directory)) == 2
    assert (directory / newer / "meta.json").exists()


def test_blocks_of_a_bucket_that_is_not_on_disk_are_read_too(directory: Path) -> None:
    bucket = MemoryBucket(StillClock())
    with asyncio.Runner() as runner:
        for path in (path for path in directory.glob("0*/**/*") if path.is_file()):
            runner.run(bucket.put(path.relative_to(directory).as_posix(), path.read_bytes()))
        contents = runner.run(read_contents(bucket, clock=StillClock()))
        issues = ("block_contents",)
        assert verify_bucket(bucket, runner, contents, issues=issues, only=frozenset()) == []
        runner.run(bucket.delete(f"{ULID}/chunks/000001"))
        (finding,) = verify_bucket(bucket, runner, contents, issues=issues, only=frozenset())
    assert "cannot be read" in finding.problem
