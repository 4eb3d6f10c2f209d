"""What every Bucket owes a reader: whole objects, ranges at the edges, sizes, downloads that are whole or not there.

Part of BucketContract (bucket_contract.py), which gives the fixtures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from promontory.bucket.port import Bucket, LocalBucket, MappingBucket
from promontory.errors import BucketError, InputError, ObjectNotFound

BODY = bytes(range(256)) * 4
MULTIPART_BYTES = 5 * 2**20 + 12_345
EDGES = (
    (0, 1), (5, 9), (1022, 1023), (1023, 1024), (1000, 5000), (1023, 2**62), (1024, 1025), (3000, 4000),
    (7, 7), (0, 0), (1024, 1024), (3000, 3000), (0, 1023), (0, 1024), (0, 1025), (0, 2**62),
)  # fmt: skip

Ranges = Sequence[tuple[int, int]]


class RangeContract:
    """Reads of one object."""

    async def test_an_object_comes_back_as_it_was_put(self, bucket: Bucket) -> None:
        """Bytes, size and age survive."""
        for key, body in (("a", b""), ("b/c d/ü+%.x", BODY), ("b/all", bytes(range(256)) * 300)):
            await bucket.put(key, body)
            info = await bucket.info(key)
            assert await bucket.get(key) == body
            assert (info.key, info.size_bytes) == (key, len(body))
            assert info.modified_ms > 0

    async def test_ranges_end_where_the_object_ends(self, bucket: Bucket) -> None:
        """First byte, last byte, over the end, behind the end, nothing, all."""
        await bucket.put("a/b", BODY)
        expected = [BODY[start:end] for start, end in EDGES]
        assert [await bucket.get_range("a/b", start, end) for start, end in EDGES] == expected
        assert await bucket.get_ranges("a/b", EDGES) == expected
        assert await bucket.get_ranges("a/b", EDGES[::-1]) == expected[::-1]
        assert await bucket.get_ranges("a/b", []) == []

    async def test_every_range_of_an_empty_object_is_empty(self, bucket: Bucket) -> None:
        """Also the one that begins at its end."""
        await bucket.put("empty", b"")
        ranges = [(0, 0), (0, 1), (0, 2**62), (5, 9)]
        assert await bucket.get_ranges("empty", ranges) == [b""] * 4
        assert await bucket.get("empty") == b""

    async def test_mapped_ranges_are_the_ranges_read(self, bucket: Bucket, folder: Path) -> None:
        """A bucket that maps ranges shows the same bytes, also of large ones at odd offsets."""
        if not isinstance(bucket, MappingBucket):
            return
        body = hashlib.shake_128(b"map").digest(2**20 + 3)
        await bucket.put("a/b", body)
        ranges = [(0, len(body)), (4097, 700_001), (2**20, 2**30), (2**21, 2**22), (9, 9), (1, 2)]
        views = await bucket.map_ranges("a/b", ranges)
        assert [bytes(view) for view in views] == await bucket.get_ranges("a/b", ranges)
        with pytest.raises(ObjectNotFound):
            await bucket.map_ranges("a/none", ranges)
        with pytest.raises(InputError):
            await bucket.map_ranges("../b", ranges)

    async def test_ranges_read_here_are_the_ranges_read(self, bucket: Bucket, folder: Path) -> None:
        """A bucket on local disk fills memory with the same bytes, fewer only where the object ends."""
        if not isinstance(bucket, LocalBucket):
            return
        await bucket.put("a/b", BODY)
        assert bucket.size_here("a/b") == len(BODY)
        starts, into = [0, 3, len(BODY) - 2, len(BODY) + 9], [bytearray(size) for size in (len(BODY), 4, 9, 1)]
        lengths = bucket.read_here("a/b", starts, [memoryview(view) for view in into])
        found = [bytes(view[:length]) for view, length in zip(into, lengths, strict=True)]
        assert found == [BODY, BODY[3:7], BODY[-2:], b""]
        cached = bucket.read_cached("a/b", starts, [memoryview(view) for view in into])
        if cached is not None:  # a file system may not be able to tell
            assert cached == lengths
            assert [bytes(view[:length]) for view, length in zip(into, cached, strict=True)] == found
        assert bucket.read_cached("a/none", [0], [memoryview(bytearray(1))]) is None
        for wrong, error in (("a/none", ObjectNotFound), ("a", ObjectNotFound), ("../b", InputError)):
            with pytest.raises(error):
                bucket.size_here(wrong)
            with pytest.raises(error):
                bucket.read_here(wrong, [0], [memoryview(bytearray(1))])

    @pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (-2, -1)])
    async def test_a_range_that_is_none_is_refused(self, bucket: Bucket, start: int, end: int) -> None:
        """A negative or reversed range is the caller's fault."""
        await bucket.put("a", BODY)
        with pytest.raises(InputError, match="byte range"):
            await bucket.get_range("a", start, end)
        with pytest.raises(InputError, match="byte range"):
            await bucket.get_ranges("a", [(0, 1), (start, end)])

    async def test_a_missing_object_is_named(self, bucket: Bucket, folder: Path) -> None:
        """Every reader says ObjectNotFound with the key, and a failed download leaves nothing behind."""
        await bucket.put("x/y", b"there")
        target = folder / "target"
        reads: tuple[Callable[[str], Awaitable[object]], ...] = (
            bucket.get,
            bucket.info,
            lambda key: bucket.get_range(key, 0, 5),
            lambda key: bucket.get_range(key, 5, 5),
            lambda key: bucket.get_ranges(key, [(0, 5), (7, 9)]),
            lambda key: bucket.download(key, target),
        )
        for key in ("missing", "x/missing", "x", "x/y2"):
            for read in reads:
                with pytest.raises(ObjectNotFound) as caught:
                    await read(key)
                assert caught.value.key.endswith(key)
                assert caught.value.operation
                assert not caught.value.retryable
        assert names_in(folder) == []

    async def test_a_download_that_fails_leaves_what_was_there(self, bucket: Bucket, folder: Path) -> None:
        """The file of an earlier download is replaced only by a whole one."""
        target = folder / "target"
        target.write_bytes(b"old")
        with pytest.raises(ObjectNotFound):
            await bucket.download("missing", target)
        assert target.read_bytes() == b"old"
        assert names_in(folder) == ["target"]

    async def test_a_target_that_cannot_be_written_is_named(self, bucket: Bucket, folder: Path) -> None:
        """The trouble is the local file's, and is never taken for a missing object."""
        await bucket.put("a", b"x")
        (folder / "directory").mkdir()
        for target in (folder / "no-such-directory" / "file", folder / "directory"):
            with pytest.raises(BucketError, match=f"local file .*{target.name}") as caught:
                await bucket.download("a", target)
            assert not isinstance(caught.value, ObjectNotFound)
            assert not caught.value.retryable
        assert names_in(folder) == ["directory"]

    async def test_files_go_in_and_out_in_parts(self, bucket: Bucket, folder: Path) -> None:
        """A file of more than one part survives, and the download replaces what was there."""
        source, target = folder / "source", folder / "target"
        body = hashlib.shake_128(b"seed").digest(MULTIPART_BYTES)
        source.write_bytes(body)
        target.write_bytes(b"old")
        await bucket.upload("block/chunks/000001", source)
        assert (await bucket.info("block/chunks/000001")).size_bytes == MULTIPART_BYTES
        await bucket.download("block/chunks/000001", target)
        assert target.read_bytes() == body
        for edge in (5 * 2**20, MULTIPART_BYTES):  # between parts, and at the end
            assert await bucket.get_range("block/chunks/000001", edge - 9, edge + 9) == body[edge - 9 : edge + 9]
        assert names_in(folder) == ["source", "target"]


def names_in(directory: Path) -> list[str]:
    """Return the names of what lies in a directory, sorted."""
    return sorted(path.name for path in directory.iterdir())
