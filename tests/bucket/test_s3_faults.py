from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.bucket.retry import RetryPolicy
from promontory.catalog.catalog import Catalog
from promontory.catalog.transfer import upload_block
from promontory.errors import BucketUnavailable
from promontory.model.labels import Labels
from promontory.testing.bucket_faults import BucketFaultContract
from promontory.testing.fault_proxy import FaultProxy, run_fault_proxy
from promontory.testing.faults import Answer, CutBody, LoseAnswer, Reset
from promontory.testing.still_clock import StillClock
from tests.catalog.blocks import meta_of, write_block
from tests.parts import S3Server, run_moto_s3, run_rclone_s3

pytestmark = pytest.mark.parts

NUMBERS = count()
SETTINGS = "  part_size: 5242880\n  http_config: {response_header_timeout: 2s}\n"
POLICY = RetryPolicy(tries=4)


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_moto_s3(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("rclone")
    for number in range(1003):  # more than a page
        path = folder / "bucket" / "old" / f"{number % 2}" / f"{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with run_rclone_s3(folder) as server:
        yield server


async def opened(
    server: S3Server, proxy: FaultProxy, clock: StillClock, *, prefix: str = "", policy: RetryPolicy = POLICY
) -> AsyncIterator[Bucket]:
    """Open a part of a bucket, through the proxy, that no other test uses."""
    config = server.config("bucket").replace(str(server.program.port), str(proxy.port)) + SETTINGS
    bucket = open_bucket(f"{config}prefix: {prefix or f'test/{next(NUMBERS)}'}\n", clock=clock, policy=policy)
    yield bucket
    await bucket.close()


class OnAServer(BucketFaultContract):
    tries = POLICY.tries

    @pytest.fixture
    def clock(self) -> StillClock:
        return StillClock()

    @pytest.fixture
    async def proxy(self, server: S3Server) -> AsyncIterator[FaultProxy]:
        async with run_fault_proxy(server.program.port) as proxy:
            yield proxy

    @pytest.fixture
    async def bucket(self, server: S3Server, proxy: FaultProxy, clock: StillClock) -> AsyncIterator[Bucket]:
        async for bucket in opened(server, proxy, clock):
            yield bucket


class TestFaultsBeforeMoto(OnAServer):
    @pytest.fixture
    def server(self, moto: S3Server) -> S3Server:
        return moto


class TestFaultsBeforeRclone(OnAServer):
    tells_absence = False

    @pytest.fixture
    def server(self, rclone: S3Server) -> S3Server:
        return rclone


async def test_a_listing_whose_second_page_fails_goes_on_behind_the_first(rclone: S3Server) -> None:
    clock = StillClock()
    async with run_fault_proxy(rclone.program.port) as proxy:
        async for bucket in opened(rclone, proxy, clock, prefix="old"):
            for fault in (Answer(503, "SlowDown"), Reset(), CutBody(100)):
                proxy.plan(fault, text="continuation-token")
            keys = [f"{number % 2}/{number:04}" for number in range(1003)]
            assert [info.key async for info in bucket.list()] == sorted(keys)
            assert len(clock.slept_s) == 3
            proxy.plan(Answer(503, "SlowDown"), times=None, text="continuation-token")
            with pytest.raises(BucketUnavailable, match="list 'old/'"):
                [info async for info in bucket.list()]


async def send_and_read(bucket: Bucket, folder: Path, clock: StillClock) -> dict[str, bytes]:
    """Upload two blocks, find them by a sync, and read each of their files: in ranges, whole, and to a file."""
    for meta in (meta_of(1), meta_of(2, labels=Labels.from_mapping({"cluster": "b"}))):
        directory = write_block(folder, meta)
        (directory / "chunks" / "000001").write_bytes(hashlib.shake_128(b"chunks").digest(6_000_000))
        await upload_block(bucket, directory, meta, clock=clock)
    view = await Catalog(bucket, clock=clock).sync()
    assert list(view.blocks) == [meta_of(1).ulid, meta_of(2).ulid]
    found: dict[str, bytes] = {}
    for ulid, meta in view.blocks.items():
        assert meta.thanos is not None
        for file in meta.thanos.files[:-1]:  # the last is meta.json, which holds the time of its upload
            key, target = f"{ulid}/{file.path}", folder / "target"
            starts = range(0, file.size_bytes or 1, 500_000)
            parts = await bucket.get_ranges(key, [(start, start + 500_000) for start in starts])
            await bucket.download(key, target)
            found[key] = await bucket.get(key)
            assert b"".join(parts) == found[key] == target.read_bytes()
    return found


async def test_blocks_go_up_and_come_back_while_three_of_ten_requests_fail(moto: S3Server, tmp_path: Path) -> None:
    """Within twice the requests of a run without faults, and one minute of waits of the default policy."""
    faults = (Answer(500, "InternalError"), Answer(503, "SlowDown"), Answer(429), Reset(), LoseAnswer(), CutBody(1_000))
    found, requests = [], []
    for share in (0.0, 0.3):
        clock = StillClock()
        async with run_fault_proxy(moto.program.port) as proxy:
            async for bucket in opened(moto, proxy, clock, prefix=f"share-{share}", policy=RetryPolicy()):
                if share:
                    proxy.plan_share(share, faults, seed=7)
                found.append(await send_and_read(bucket, tmp_path / str(share), clock))
                requests.append(proxy.count())
                assert sum(clock.slept_s) < 60
        assert proxy.fired.total() >= share * 0.5 * proxy.count()
    assert found[0] == found[1]
    assert requests[1] < 2 * requests[0]
