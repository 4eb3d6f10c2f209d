from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from promontory.bucket.filesystem import STALE_TEMPORARY_S, TEMPORARY_DIRECTORY, FilesystemBucket
from promontory.errors import BucketError, BucketUnavailable, ObjectNotFound
from promontory.testing.bucket_contract import BucketContract


class TestFilesystemBucket(BucketContract):
    @pytest.fixture
    def bucket(self, tmp_path_factory: pytest.TempPathFactory) -> FilesystemBucket:
        return FilesystemBucket(tmp_path_factory.mktemp("bucket"))

    nests_objects = False
    many_keys = 2500


async def test_a_missing_directory_is_an_error_to_readers_and_made_by_writers(tmp_path: Path) -> None:
    bucket = FilesystemBucket(tmp_path / "not" / "there")
    with pytest.raises(BucketError, match="does not exist") as caught:
        [info async for info in bucket.list()]
    assert not caught.value.retryable
    await bucket.put("a/b", b"x")
    assert [info.key async for info in bucket.list()] == ["a/b"]


async def test_a_write_that_fails_leaves_no_object_and_no_rest(tmp_path: Path) -> None:
    bucket = FilesystemBucket(tmp_path)
    await bucket.put("a/b", b"old")
    with pytest.raises(BucketError, match="local file"):
        await bucket.upload("a/b", tmp_path / "no such source")
    assert await bucket.get("a/b") == b"old"
    assert list((tmp_path / TEMPORARY_DIRECTORY).iterdir()) == []


async def test_what_a_killed_writer_left_is_not_listed_and_swept_after_a_day(tmp_path: Path) -> None:
    left = [tmp_path / TEMPORARY_DIRECTORY / name for name in ("old", "new")]
    left[0].parent.mkdir()
    for path in left:
        path.write_bytes(b"half")
    aged_s = left[0].stat().st_mtime - STALE_TEMPORARY_S - 60
    os.utime(left[0], (aged_s, aged_s))
    bucket = FilesystemBucket(tmp_path)
    await bucket.put("a", b"")
    assert [info.key async for info in bucket.list()] == ["a"]
    assert [info.key async for info in bucket.list(recursive=False)] == ["a"]
    assert [path.exists() for path in left] == [False, True]


async def test_what_is_no_file_is_no_object(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty" / "directory").mkdir(parents=True)
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    bucket = FilesystemBucket(tmp_path)
    assert [info async for info in bucket.list()] == []
    assert [info async for info in bucket.list(recursive=False)] == []
    for key in ("pipe", "empty"):
        with pytest.raises(ObjectNotFound):
            await bucket.get(key)


async def test_a_claim_beyond_the_file_reads_only_what_is_there(tmp_path: Path) -> None:
    bucket = FilesystemBucket(tmp_path)
    await bucket.put("a", b"12345")
    assert await bucket.get_range("a", 3, 2**62) == b"45"


async def test_a_name_too_long_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(BucketError, match="too long") as caught:
        await FilesystemBucket(tmp_path).put("a" * 300, b"")
    assert not isinstance(caught.value, BucketUnavailable)


async def test_a_directory_marker_is_deleted_only_when_empty(tmp_path: Path) -> None:
    bucket = FilesystemBucket(tmp_path)
    await bucket.put("a/b", b"x")
    (tmp_path / "c").mkdir()
    for key in ("a/", "c/"):
        await bucket.delete(key)
    assert await bucket.get("a/b") == b"x"
    assert not (tmp_path / "c").exists()


async def test_mapped_ranges_are_the_bytes_of_get_ranges_and_outlive_the_object(tmp_path: Path) -> None:
    bucket = FilesystemBucket(tmp_path)
    body = os.urandom(1 << 20)
    await bucket.put("a/b", body)
    ranges = [(0, len(body)), (5000, 600_000), (10, 20), (len(body) - 5, len(body) + 9), (2 * len(body), 3 * len(body))]
    views = await bucket.map_ranges("a/b", ranges)
    await bucket.put("a/b", b"new")
    await bucket.delete("a/b")
    assert [bytes(view) for view in views] == [body[start:end] for start, end in ranges]
    with pytest.raises(ObjectNotFound):
        await bucket.map_ranges("a/b", ranges)


async def test_a_linked_object_is_not_copied_and_outlives_its_name(tmp_path: Path) -> None:
    bucket, path = FilesystemBucket(tmp_path / "bucket"), tmp_path / "copy"
    await bucket.put("a/b", b"first")
    path.write_bytes(b"what was there")
    assert await bucket.link("a/b", path)
    assert path.samefile(tmp_path / "bucket" / "a" / "b")
    await bucket.put("a/b", b"second")
    assert path.read_bytes() == b"first"
    with pytest.raises(ObjectNotFound):
        await bucket.link("a/c", path)


async def test_where_no_link_can_be_made_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    bucket = FilesystemBucket(tmp_path / "bucket")
    await bucket.put("a/b", b"x")
    monkeypatch.setattr(os, "link", refuse)
    assert not await bucket.link("a/b", tmp_path / "copy")


async def test_a_listing_below_a_directory_reads_that_directory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = FilesystemBucket(tmp_path)
    for key in ("a/chunks/1", "a/chunks/2", "a/index", "b/chunks/1"):
        await bucket.put(key, b"")
    read: list[str] = []
    scandir = os.scandir

    def note(directory: Path) -> object:
        read.append(os.path.relpath(directory, tmp_path))
        return scandir(directory)

    monkeypatch.setattr(os, "scandir", note)
    assert [info.key async for info in bucket.list("a/chunks/")] == ["a/chunks/1", "a/chunks/2"]
    assert read == ["a/chunks"]


@pytest.mark.parametrize("is_recursive", [True, False])
async def test_a_prefix_is_a_text_whatever_the_path_that_it_looks_like(tmp_path: Path, is_recursive: bool) -> None:
    root = tmp_path / "root"
    bucket = FilesystemBucket(root)
    for key in ("a/b/c", "a/bc", "d", f"{TEMPORARY_DIRECTORY}/x"):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(b"")
    (tmp_path / "beside").write_bytes(b"")

    async def keys(prefix: str) -> list[str]:
        return [info.key async for info in bucket.list(prefix, recursive=is_recursive)]

    assert await keys("a/b") == (["a/b/c", "a/bc"] if is_recursive else ["a/b/", "a/bc"])
    assert await keys("a/b/") == ["a/b/c"]
    odd = ["../", "./a/", "a//b/", "/a/", "d/", "d/e/", "e/f", "a/../", "x" * 300 + "/", "\ud800/", "a\0/"]
    for prefix in [*odd, f"{TEMPORARY_DIRECTORY}/"]:
        assert await keys(prefix) == [], prefix
