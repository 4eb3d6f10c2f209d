"""What every Bucket and every wrapper must do; a subclass gives the `bucket` fixture, empty for each test.

    class TestMyBucket(BucketContract):
        @pytest.fixture
        async def bucket(self): ...

`tells_absence`: put(if_absent=True) raises ObjectExists. `many_keys`: how many keys the paging test writes.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, InputError, ObjectExists, ObjectNotFound

BODY = bytes(range(256)) * 4
BAD_KEYS = ("", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\0b", "a\\b")
MULTIPART_BYTES = 5 * 2**20 + 12_345


class BucketContract:
    """Small tests that need nothing but an empty bucket."""

    tells_absence = True
    many_keys = 30

    @pytest.fixture
    def folder(self, request: pytest.FixtureRequest) -> Path:
        """Return an empty directory for local files."""
        path: Path = request.getfixturevalue("tmp_path")
        return path

    async def test_an_object_comes_back_as_it_was_put(self, bucket: Bucket) -> None:
        """Bytes, size and age survive."""
        for key, body in (("a", b""), ("b/c d/ü+%.x", BODY)):
            await bucket.put(key, body)
            info = await bucket.info(key)
            assert await bucket.get(key) == body
            assert (info.key, info.size_bytes) == (key, len(body))
            assert info.modified_ms > 0

    async def test_ranges_end_where_the_object_ends(self, bucket: Bucket) -> None:
        """Edges: first byte, last byte, over the end, behind the end, nothing."""
        await bucket.put("a/b", BODY)
        ranges = [(0, 1), (5, 9), (1023, 1024), (1000, 5000), (1024, 1025), (3000, 4000), (7, 7), (0, 1024), (0, 9999)]
        expected = [BODY[start:end] for start, end in ranges]
        assert [await bucket.get_range("a/b", start, end) for start, end in ranges] == expected
        assert await bucket.get_ranges("a/b", ranges) == expected
        assert await bucket.get_ranges("a/b", []) == []
        await bucket.put("empty", b"")
        assert await bucket.get_range("empty", 0, 10) == b""

    @pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4)])
    async def test_a_range_that_is_none_is_refused(self, bucket: Bucket, start: int, end: int) -> None:
        """A negative or reversed range is the caller's fault."""
        await bucket.put("a", BODY)
        with pytest.raises(InputError, match="byte range"):
            await bucket.get_range("a", start, end)

    async def test_a_missing_object_is_named(self, bucket: Bucket, folder: Path) -> None:
        """Every reader says ObjectNotFound with the key, and a failed download leaves nothing behind."""
        await bucket.put("x/y", b"there")
        target = folder / "target"
        for key in ("missing", "x/missing", "x"):
            for read in (
                lambda key: bucket.get(key),
                lambda key: bucket.get_range(key, 0, 5),
                lambda key: bucket.get_ranges(key, [(0, 5)]),
                lambda key: bucket.info(key),
                lambda key: bucket.download(key, target),
            ):
                with pytest.raises(ObjectNotFound) as caught:
                    await read(key)
                assert caught.value.key.endswith(key)
        assert _names_in(folder) == []

    async def test_a_put_replaces_the_whole_object(self, bucket: Bucket) -> None:
        """A shorter body leaves nothing of the longer one, and the entity tag changes."""
        await bucket.put("a", BODY)
        before = await bucket.info("a")
        await bucket.put("a", b"short")
        after = await bucket.info("a")
        assert await bucket.get("a") == b"short"
        assert before.etag != after.etag

    async def test_a_conditional_put_does_not_overwrite(self, bucket: Bucket) -> None:
        """The first body stays, where the backend can tell."""
        await bucket.put("a/mark", b"first", if_absent=True)
        if self.tells_absence:
            with pytest.raises(ObjectExists):
                await bucket.put("a/mark", b"second", if_absent=True)
        assert await bucket.get("a/mark") == b"first"

    async def test_a_listing_is_sorted_by_key(self, bucket: Bucket) -> None:
        """Order is that of the bytes of whole keys: 'a.b' comes before 'a/b'."""
        keys = ["a.b", "a/b/c", "a/b/d", "a/c", "a0", "b", "ü/x"]
        for key in reversed(keys):
            await bucket.put(key, key.encode())
        found = [info async for info in bucket.list()]
        assert [info.key for info in found] == keys
        assert [info.size_bytes for info in found] == [len(key.encode()) for key in keys]

    async def test_a_listing_keeps_to_its_prefix(self, bucket: Bucket) -> None:
        """A prefix is a prefix of the text, with or without a directory's end."""
        for key in ("a/b/c", "a/bc", "a/c/d/e", "ab", "b"):
            await bucket.put(key, b"x")
        expected = {
            ("a", True): ["a/b/c", "a/bc", "a/c/d/e", "ab"],
            ("a/b", True): ["a/b/c", "a/bc"],
            ("a/b/", True): ["a/b/c"],
            ("none", True): [],
            ("none/at/all", True): [],
            ("", False): ["a/", "ab", "b"],
            ("a/", False): ["a/b/", "a/bc", "a/c/"],
            ("a/c", False): ["a/c/"],
            ("a/c/d/", False): ["a/c/d/e"],
            ("b", False): ["b"],
        }
        found = {
            (prefix, recursive): [info.key async for info in bucket.list(prefix, recursive=recursive)]
            for prefix, recursive in expected
        }
        assert found == expected

    async def test_a_listing_has_every_key_once_over_pages(self, bucket: Bucket) -> None:
        """More keys than one page holds, and directories that span pages."""
        keys = [f"{number % 3}/{number:05d}" for number in range(self.many_keys)]
        await map_concurrently(lambda key: bucket.put(key, b""), keys, limit=8)
        assert [info.key async for info in bucket.list()] == sorted(keys)
        assert [info.key async for info in bucket.list(recursive=False)] == ["0/", "1/", "2/"]
        assert [info.key async for info in bucket.list("1/", recursive=False)] == sorted(k for k in keys if k[0] == "1")

    async def test_files_go_in_and_out_in_parts(self, bucket: Bucket, folder: Path) -> None:
        """A file of more than one part survives, and the download replaces what was there."""
        source, target = folder / "source", folder / "target"
        source.write_bytes(hashlib.shake_128(b"seed").digest(MULTIPART_BYTES))
        target.write_bytes(b"old")
        await bucket.upload("block/chunks/000001", source)
        assert (await bucket.info("block/chunks/000001")).size_bytes == MULTIPART_BYTES
        await bucket.download("block/chunks/000001", target)
        assert target.read_bytes() == source.read_bytes()
        middle = MULTIPART_BYTES // 2
        assert await bucket.get_range("block/chunks/000001", middle, middle + 9) == source.read_bytes()[middle:][:9]
        assert _names_in(folder) == ["source", "target"]

    async def test_a_missing_source_is_an_error_and_writes_nothing(self, bucket: Bucket, folder: Path) -> None:
        """The local file is named; what was there stays."""
        await bucket.put("a", b"old")
        with pytest.raises(BucketError, match=r"local file .*no-such-file"):
            await bucket.upload("a", folder / "no-such-file")
        assert await bucket.get("a") == b"old"

    async def test_deleting_is_final_and_may_be_repeated(self, bucket: Bucket) -> None:
        """A deleted object is gone from reads and listings, its neighbours stay."""
        for key in ("a/b/c", "a/b/d", "z"):
            await bucket.put(key, b"x")
        for key in ("a/b/c", "a/b/c", "a/b/d", "never/there"):
            await bucket.delete(key)
        with pytest.raises(ObjectNotFound):
            await bucket.info("a/b/c")
        assert [info.key async for info in bucket.list(recursive=False)] == ["z"]

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_a_key_never_leaves_the_bucket(self, bucket: Bucket, key: str, folder: Path) -> None:
        """What is no relative path of plain parts is refused before anything happens."""
        for use in (
            lambda: bucket.get(key),
            lambda: bucket.get_range(key, 0, 1),
            lambda: bucket.info(key),
            lambda: bucket.put(key, b""),
            lambda: bucket.upload(key, folder / "x"),
            lambda: bucket.download(key, folder / "x"),
        ):
            with pytest.raises(InputError, match="object key"):
                await use()

    async def test_concurrent_writers_never_mix(self, bucket: Bucket) -> None:
        """Whoever wins, a reader sees one whole body."""
        bodies = [bytes([number]) * 50_000 for number in range(6)]
        await asyncio.gather(*(bucket.put("a/same", body) for body in bodies))
        assert await bucket.get("a/same") in bodies

    async def test_a_bucket_has_a_name(self, bucket: Bucket) -> None:
        """For logs and errors."""
        assert bucket.name


def _names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
