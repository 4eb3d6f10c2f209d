from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.bucket.retry import RetryPolicy
from promontory.errors import AccessDenied, BucketError, BucketUnavailable
from promontory.model.clock import SystemClock
from promontory.testing.bucket_contract import BucketContract
from tests.bucket.clock import StillClock
from tests.parts import SECRET_KEY, S3Server, free_port, run_moto_s3, run_rclone_s3

pytestmark = pytest.mark.parts

NUMBERS = count()
SMALL_PARTS = "  part_size: 5242880\n"


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_moto_s3(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def rclone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rclone")
    for number in range(1003):  # more than a page, made before the server caches its directories
        path = folder / "bucket" / "old" / f"{number % 2}" / f"{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.fixture(scope="module")
def rclone(rclone_folder: Path) -> Iterator[S3Server]:
    with run_rclone_s3(rclone_folder) as server:
        yield server


async def opened(config: str) -> AsyncIterator[Bucket]:
    """Open a part of the bucket that no other test uses."""
    bucket = open_bucket(f"{config}prefix: test/{next(NUMBERS)}\n", clock=StillClock())
    yield bucket
    await bucket.close()


class TestS3BucketOnMoto(BucketContract):
    many_keys = 1100

    @pytest.fixture
    async def bucket(self, moto: S3Server) -> AsyncIterator[Bucket]:
        async for bucket in opened(moto.config("bucket") + SMALL_PARTS):
            yield bucket


class TestS3BucketOnRclone(BucketContract):
    tells_absence = False  # rclone's server ignores If-None-Match
    nests_objects = None  # its objects are files, and it never answers a put below one
    replaces_at_once = False  # a new body at the length of the old one was seen

    @pytest.fixture
    async def bucket(self, rclone: S3Server) -> AsyncIterator[Bucket]:
        async for bucket in opened(rclone.config("bucket") + SMALL_PARTS):
            yield bucket


async def test_the_old_listing_gives_the_same_pages(rclone: S3Server) -> None:
    config = rclone.config("bucket") + "  list_objects_version: v1\nprefix: old\n"
    bucket = open_bucket(config, clock=SystemClock())
    assert [info.key async for info in bucket.list("1/")] == [f"1/{number:04}" for number in range(1, 1003, 2)]
    assert len([info async for info in bucket.list()]) == 1003
    assert [info.key async for info in bucket.list(recursive=False)] == ["0/", "1/"]
    await bucket.close()


async def test_a_wrong_secret_is_denied_and_never_shown(rclone: S3Server) -> None:
    config = rclone.config("bucket").replace(SECRET_KEY, "not-the-secret")
    async for bucket in opened(config):
        with pytest.raises(AccessDenied) as caught:
            await bucket.put("a", b"x")
        assert "not-the-secret" not in repr(caught.value)
        with pytest.raises(AccessDenied):
            [info async for info in bucket.list()]


async def test_a_bucket_that_is_missing_is_said_at_once(moto: S3Server, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    async for bucket in opened(moto.config("no-such-bucket")):
        with pytest.raises(BucketError, match="NoSuchBucket") as caught:
            [info async for info in bucket.list()]
        assert not caught.value.retryable
        with pytest.raises(BucketError, match="NoSuchBucket"):
            await bucket.upload("a", source)


async def test_a_server_that_is_down_is_retried_and_then_named() -> None:
    clock = StillClock()
    config = f"type: S3\nconfig:\n  bucket: b\n  endpoint: 127.0.0.1:{free_port()}\n  insecure: true\n"
    config += "  access_key: aaa\n  secret_key: bbb\n"
    bucket = open_bucket(config, clock=clock, policy=RetryPolicy(tries=3), jitter=lambda: 1.0)
    with pytest.raises(BucketUnavailable, match="get 'a'"):
        await bucket.get("a")
    assert len(clock.slept_s) == 2
    await bucket.close()


async def test_a_corrupted_object_is_read_as_it_is_now(rclone: S3Server, rclone_folder: Path) -> None:
    async for bucket in opened(rclone.config("bucket")):
        await bucket.put("block/index", b"0123456789")
        (path,) = (rclone_folder / "bucket").glob("test/*/block/index")
        path.write_bytes(b"01234x6789")
        assert await bucket.get_range("block/index", 4, 10) == b"4x6789"
