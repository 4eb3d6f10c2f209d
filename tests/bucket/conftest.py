"""One loader of botocore's service descriptions for all buckets of a run: parsing them is 0.1 s a bucket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from promontory.bucket import s3
from promontory.bucket.s3_client import make_loader


@pytest.fixture(scope="session", autouse=True)
def shared_loader() -> Iterator[None]:
    loader = make_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3, "make_loader", lambda: loader)
        yield
