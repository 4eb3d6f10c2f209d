import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promontory.block.markers import Mark, MarkKind, render_mark
from promontory.block.meta import META_FILE
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.transfer import mark_block
from promontory.compaction.planning.state import BucketState
from promontory.program.bucket_tool.cleaning import Cleaning, delete_due
from promontory.service.main import main
from tests.bucket.clock import StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of
from tests.catalog.failing_bucket import FailingBucket
from tests.program.bucket_tool.buckets import BLOCKS, CORRUPT, PARTIAL

DAY_S = 86_400
MARK = Mark(MarkKind.DELETION, ulid_of(1), 1_700_000_000)


def cleanup(directory: Path, *flags: str) -> int:
    return main(["bucket", "cleanup", f"--bucket={directory}", *flags])


def report(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    cleanup(directory, "--json", *flags)
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def make_old(block: Path, *, days: int) -> None:
    then_s = time.time() - days * DAY_S
    for path in block.rglob("*"):
        os.utime(path, (then_s, then_s))


def mark(directory: Path, number: int, *, days: int) -> None:
    found = Mark(MarkKind.DELETION, ulid_of(number), int(time.time()) - days * DAY_S)
    (directory / ulid_of(number) / "deletion-mark.json").write_bytes(render_mark(found))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.name[0] == "0"}


def test_what_was_marked_long_ago_is_deleted(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark(directory, 2, days=1)
    before = names(directory)
    assert cleanup(directory) == 0
    assert before - names(directory) == {ulid_of(1)}
    assert capsys.readouterr().out == f"{ulid_of(1)} marked for deletion: deleted\n"
    assert cleanup(directory, "--delete-delay=12h") == 0
    assert before - names(directory) == {ulid_of(1), ulid_of(2)}


def test_a_dry_run_changes_nothing(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names(directory)
    found = report(directory, capsys, "--dry-run")
    assert (found["due"], found["deleted"]) == ({ulid_of(1): "marked for deletion"}, [])
    assert names(directory) == before


def test_an_upload_goes_when_nobody_has_written_to_it_for_two_days(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(directory / PARTIAL, days=1)
    assert PARTIAL not in report(directory, capsys)["due"]
    make_old(directory / PARTIAL, days=3)
    assert report(directory, capsys)["deleted"] == [PARTIAL]
    assert PARTIAL not in names(directory)


def test_a_block_whose_meta_cannot_be_read_is_left_to_people(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_old(directory / CORRUPT, days=400)
    assert cleanup(directory) == 0
    assert CORRUPT in names(directory)
    assert f"left out: block {CORRUPT}" in capsys.readouterr().err


def test_much_at_once_by_the_clock_alone_is_refused(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 5):
        mark(directory, number, days=10)
    assert cleanup(directory) == 1
    assert "deletion of marked blocks: 4 of 8 blocks" in capsys.readouterr().err
    assert names(directory) >= {meta.ulid for meta in BLOCKS}
    assert cleanup(directory, "--delete.max-share=1") == 0
    assert names(directory).isdisjoint(map(ulid_of, range(1, 5)))


def test_blocks_that_rules_drop_are_left_alone(directory: Path) -> None:
    assert cleanup(directory, "--selector.relabel-config=[{action: drop, source_labels: [cluster], regex: eu}]") == 0
    assert ulid_of(1) in names(directory)


@pytest.mark.parametrize("share", ["-0.1", "1.5"])
def test_a_share_is_a_share(share: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanup(directory, f"--delete.max-share={share}") == 2
    assert "flag --delete.max-share: expected 0 to 1" in capsys.readouterr().err


async def test_a_mark_that_was_removed_meanwhile_saves_the_block(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    cleaning = Cleaning(marked=(ulid_of(1),))
    await delete_due(bucket, cleaning, BucketState(deletion_marks={ulid_of(1): MARK}))
    assert cleaning.refused == [f"block {ulid_of(1)} stays: its deletion mark is not what it was"]
    await bucket.info(f"{ulid_of(1)}/{META_FILE}")


async def test_a_mark_that_was_put_anew_meanwhile_saves_the_block_for_its_delay(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    await mark_block(bucket, replace(MARK, time_s=MARK.time_s + DAY_S))
    cleaning = Cleaning(marked=(ulid_of(1),))
    await delete_due(bucket, cleaning, BucketState(deletion_marks={ulid_of(1): MARK}))
    assert cleaning.deleted == []
    await bucket.info(f"{ulid_of(1)}/{META_FILE}")


async def test_an_upload_that_ended_meanwhile_is_kept(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    await put_block(bucket, tmp_path, meta_of(1))
    cleaning = Cleaning(partial=(ulid_of(1),))
    await delete_due(bucket, cleaning, BucketState(partial_ms={ulid_of(1): 0}))
    assert cleaning.refused == [f"block {ulid_of(1)} stays: it has a meta.json, which the listing had not"]
    await bucket.info(f"{ulid_of(1)}/{META_FILE}")


async def test_an_upload_that_went_on_meanwhile_is_kept() -> None:
    bucket = MemoryBucket(StillClock())
    await bucket.put(f"{ulid_of(1)}/chunks/000001", b"half")
    cleaning = Cleaning(partial=(ulid_of(1),))
    await delete_due(bucket, cleaning, BucketState(partial_ms={ulid_of(1): 0}))
    assert cleaning.refused == [f"block {ulid_of(1)} stays: it was written to meanwhile"]
    await bucket.info(f"{ulid_of(1)}/chunks/000001")


async def test_a_block_that_cannot_be_deleted_does_not_keep_the_others(tmp_path: Path) -> None:
    bucket = FailingBucket()
    marks = {}
    for number in (1, 2):
        await put_block(bucket, tmp_path, meta_of(number))
        marks[ulid_of(number)] = replace(MARK, ulid=ulid_of(number))
        await mark_block(bucket, marks[ulid_of(number)])
    state = BucketState(deletion_marks=marks)
    bucket.fails_on = lambda call: call == f"delete {ulid_of(1)}/index"
    cleaning = Cleaning(marked=(ulid_of(1), ulid_of(2)))
    await delete_due(bucket, cleaning, state)
    assert (list(cleaning.failed), cleaning.deleted) == ([ulid_of(1)], [ulid_of(2)])
    bucket.fails_on = lambda call: False
    again = Cleaning(marked=(ulid_of(1),))
    await delete_due(bucket, again, state)
    assert again.deleted == [ulid_of(1)]
    assert [info.key async for info in bucket.list()] == []
