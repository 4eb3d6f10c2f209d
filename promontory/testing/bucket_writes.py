"""What every Bucket owes a writer: an object appears whole or not at all, whoever writes, reads or deletes beside it.

Part of BucketContract (bucket_contract.py), which gives the fixtures and says what the bucket can do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from promontory.bucket.port import Bucket
from promontory.errors import BucketError, InputError, ObjectExists, ObjectNotFound
from promontory.model.clock import SystemClock

BAD_KEYS = ("", "/", "/a", "a/", "a//b", "..", "../a", "a/..", "a/../b", ".", "./a", "a/.", "a/./b", "a\0b", "a\\b")
WRITERS = 6
RACES = 4


class WriteContract:
    """Puts, uploads and deletes."""

    tells_absence: bool
    nests_objects: bool | None
    replaces_at_once: bool

    async def test_a_put_replaces_the_whole_object(self, bucket: Bucket, folder: Path) -> None:
        """A shorter body leaves nothing of the longer one, and the entity tag changes."""
        source = folder / "source"
        source.write_bytes(b"from a file")
        await bucket.put("a", bytes(5000))
        etags = {(await bucket.info("a")).etag}
        for body in (b"short", b""):
            await bucket.put("a", body)
            assert await bucket.get("a") == body
            etags.add((await bucket.info("a")).etag)
        await bucket.upload("a", source)
        assert await bucket.get("a") == b"from a file"
        assert len(etags | {(await bucket.info("a")).etag}) == 4

    async def test_a_conditional_put_does_not_overwrite(self, bucket: Bucket) -> None:
        """The first body stays, where the backend can tell; after a delete the next one is the first."""
        await bucket.put("a/mark", b"first", if_absent=True)
        if self.tells_absence:
            with pytest.raises(ObjectExists) as caught:
                await bucket.put("a/mark", b"second", if_absent=True)
            assert caught.value.key.endswith("a/mark")
            assert not caught.value.retryable
        assert await bucket.get("a/mark") == b"first"
        await bucket.delete("a/mark")
        await bucket.put("a/mark", b"third", if_absent=True)
        assert await bucket.get("a/mark") == b"third"

    async def test_of_conditional_writers_one_wins(self, bucket: Bucket) -> None:
        """Everyone else is told, and the winner's body is the one that stays."""
        bodies = [bytes([number]) * 1000 for number in range(WRITERS)]
        results = await asyncio.gather(
            *(bucket.put("a/lease", body, if_absent=True) for body in bodies), return_exceptions=True
        )
        winners = [body for body, result in zip(bodies, results, strict=True) if result is None]
        assert all(result is None or isinstance(result, ObjectExists) for result in results)
        assert len(winners) == 1 or not self.tells_absence
        assert await bucket.get("a/lease") in winners

    async def test_a_reader_never_sees_half_an_object(self, bucket: Bucket, folder: Path) -> None:
        """While one key is written over and over, every read gives one of the bodies, whole."""
        grows = int(self.replaces_at_once)
        bodies = [hashlib.shake_128(bytes([number])).digest(300_000 + number * grows) for number in range(WRITERS)]
        await bucket.put("a/same", bodies[0])
        is_written = asyncio.Event()

        async def write() -> None:
            for position, body in enumerate(bodies * 2):
                source = folder / f"source-{position}"
                source.write_bytes(body)
                await (bucket.upload("a/same", source) if position % 2 else bucket.put("a/same", body))
            is_written.set()

        async def read(number: int) -> None:
            while not is_written.is_set():
                body = await bucket.get("a/same")
                tail = await bucket.get_range("a/same", 299_000, 400_000)
                await bucket.download("a/same", folder / f"target-{number}")
                assert body in bodies
                assert tail in [whole[299_000:] for whole in bodies]
                assert (folder / f"target-{number}").read_bytes() in bodies
                assert (await bucket.info("a/same")).size_bytes in map(len, bodies)

        async with asyncio.TaskGroup() as group:
            for work in (write(), read(0), read(1)):
                group.create_task(work)

    async def test_concurrent_writers_never_mix(self, bucket: Bucket) -> None:
        """Whoever wins, a reader sees one whole body, and a listing one object."""
        bodies = [bytes([number]) * (50_000 + number) for number in range(WRITERS)]
        await asyncio.gather(*(bucket.put("a/same", body) for body in bodies))
        body = await bucket.get("a/same")
        assert body in bodies
        listed = [info async for info in bucket.list()]
        assert [info.key for info in listed] == ["a/same"]
        assert listed[0].size_bytes == len(body) or not self.replaces_at_once

    async def test_a_write_that_is_given_up_leaves_a_whole_object_or_none(self, bucket: Bucket) -> None:
        """Cancelled at any moment."""
        body = bytes(range(256)) * 8000
        for turns in range(RACES):
            key = f"a/{turns}"
            task = asyncio.create_task(bucket.put(key, body))
            for _ in range(turns * 3):
                await SystemClock().sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            with suppress(ObjectNotFound):
                assert await bucket.get(key) == body

    async def test_a_missing_source_is_an_error_and_writes_nothing(self, bucket: Bucket, folder: Path) -> None:
        """The local file is named; what was there stays, and what was not stays away."""
        await bucket.put("a", b"old")
        for source in (folder / "no-such-file", folder):
            for key in ("a", "b/new"):
                with pytest.raises(BucketError, match=f"local file .*{source.name}") as caught:
                    await bucket.upload(key, source)
                assert not caught.value.retryable
        assert await bucket.get("a") == b"old"
        assert [info.key async for info in bucket.list()] == ["a"]

    async def test_a_key_below_an_object_is_held_or_refused(self, bucket: Bucket) -> None:
        """A file system cannot hold `a` beside `a/b`; whoever cannot says so and keeps what was there."""
        if self.nests_objects is None:
            return
        await bucket.put("a", b"object")
        await bucket.put("b/c", b"below")
        if self.nests_objects:
            await bucket.put("a/b", b"below")
            await bucket.put("b", b"object")
            assert [info.key async for info in bucket.list()] == ["a", "a/b", "b", "b/c"]
            assert [info.key async for info in bucket.list(recursive=False)] == ["a", "a/", "b", "b/"]
            assert [info.key async for info in bucket.list("a", recursive=False)] == ["a", "a/"]
        else:
            for key in ("a/b", "a/b/c", "b"):
                with pytest.raises(BucketError) as caught:
                    await bucket.put(key, b"other")
                assert not isinstance(caught.value, ObjectNotFound | ObjectExists)
        assert (await bucket.get("a"), await bucket.get("b/c")) == (b"object", b"below")

    async def test_deleting_is_final_and_may_be_repeated(self, bucket: Bucket) -> None:
        """A deleted object is gone from reads and listings, its neighbours stay."""
        for key in ("a/b/c", "a/b/d", "a.b", "z"):
            await bucket.put(key, b"x")
        nested = () if self.nests_objects is None else ("a/b", "a", "z/below", "a/b/d/e")
        for key in ("a/b/c", "a/b/c", "never/there", *nested):
            await bucket.delete(key)
        with pytest.raises(ObjectNotFound):
            await bucket.info("a/b/c")
        assert [info.key async for info in bucket.list()] == ["a.b", "a/b/d", "z"]
        await bucket.delete("a/b/d")
        assert [info.key async for info in bucket.list(recursive=False)] == ["a.b", "z"]
        await bucket.put("a/b/d", b"again")
        assert await bucket.get("a/b/d") == b"again"

    async def test_writers_and_deleters_of_one_directory_do_not_meet(self, bucket: Bucket) -> None:
        """Deleting the last object of a directory takes nothing from the one that is written there."""
        for turn in range(RACES):
            await bucket.put(f"{turn}/deep/old", b"x")
            await asyncio.gather(
                bucket.delete(f"{turn}/deep/old"),
                *(bucket.put(f"{turn}/deep/new-{number}", b"y") for number in range(WRITERS)),
                bucket.delete(f"{turn}/deep/old"),
            )
        found = [info.key async for info in bucket.list()]
        assert found == [f"{turn}/deep/new-{number}" for turn in range(RACES) for number in range(WRITERS)]

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_a_key_never_leaves_the_bucket(self, bucket: Bucket, key: str, folder: Path) -> None:
        """What is no relative path of plain parts is refused before anything happens."""
        (folder / "x").write_bytes(b"")
        uses: list[Callable[[], Awaitable[object]]] = [
            lambda: bucket.get(key),
            lambda: bucket.get_range(key, 0, 1),
            lambda: bucket.get_ranges(key, [(0, 1)]),
            lambda: bucket.info(key),
            lambda: bucket.put(key, b""),
            lambda: bucket.put(key, b"", if_absent=True),
            lambda: bucket.upload(key, folder / "x"),
            lambda: bucket.download(key, folder / "y"),
        ]
        if key != "a/":  # some servers keep objects for directories, which may be deleted
            uses.append(lambda: bucket.delete(key))
        for use in uses:
            with pytest.raises(InputError, match="object key"):
                await use()
        assert not (folder / "y").exists()
