"""What every Bucket and every wrapper must do; a subclass gives the `bucket` fixture, empty for each test.

    class TestMyBucket(BucketContract):
        @pytest.fixture
        async def bucket(self): ...

What a bucket can do beyond the least is said by attributes of the subclass:

    tells_absence     put(if_absent=True) raises ObjectExists
    nests_objects     an object `a` and an object `a/b` can both be there; None where the server knows no answer
    replaces_at_once  a reader beside a writer never gets the bytes of one body at the size of another
    many_keys         how many keys the paging test writes; more than 1,000 where there are pages
    odd_keys          the keys of odd characters that it can hold

Two more suites go with it: bucket_faults.py for what reaches its objects over a network, and bucket_machine.py,
which compares any Bucket with MEMORY.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.bucket.port import Bucket
from promontory.testing.bucket_listings import ODD_KEYS, ListingContract
from promontory.testing.bucket_ranges import RangeContract
from promontory.testing.bucket_writes import WriteContract


class BucketContract(RangeContract, WriteContract, ListingContract):
    """Small tests that need nothing but an empty bucket."""

    tells_absence = True
    nests_objects: bool | None = True
    replaces_at_once = True
    many_keys = 30
    odd_keys = ODD_KEYS

    @pytest.fixture
    def folder(self, request: pytest.FixtureRequest) -> Path:
        """Return an empty directory for local files."""
        path: Path = request.getfixturevalue("tmp_path")
        return path

    async def test_a_bucket_has_a_name(self, bucket: Bucket) -> None:
        """For logs and errors."""
        assert bucket.name

    async def test_closing_may_be_repeated(self, bucket: Bucket) -> None:
        """Also before the first use."""
        await bucket.close()
        await bucket.close()
