"""What people see of a bucket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from compactor.page import render_page
from compactor.viewer import BlockViewer
from promontory.block.meta import ThanosMeta
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import ObjectInfo
from promontory.catalog.view import CatalogView
from promontory.compaction.planning.state import BucketState
from promontory.compaction.survey import Survey
from promontory.errors import BucketUnavailable
from promontory.testing.still_clock import StillClock
from tests.catalog.blocks import put_block
from tests.catalog.failing_bucket import FailingBucket
from tests.compactor.jobs import FIRST, SECOND


async def test_a_look_shows_what_the_bucket_holds(tmp_path: Path) -> None:
    bucket = MemoryBucket(StillClock())
    viewer = BlockViewer(bucket, StillClock(), label="cluster", timeout_s=60)
    await put_block(bucket, tmp_path, FIRST)
    await viewer.look()
    viewer.on_survey(Survey(BucketState(), CatalogView(blocks={SECOND.ulid: SECOND})))
    assert [block["ulid"] for block in json.loads(viewer.everything.body().head)["blocks"]] == [FIRST.ulid]
    assert [block["ulid"] for block in json.loads(viewer.loaded.body().head)["blocks"]] == [SECOND.ulid]
    assert b"1 blocks" in viewer.page
    assert b"<svg" in viewer.page


def test_the_page_has_a_row_for_each_stream_and_escapes_what_it_shows() -> None:
    coarse = replace(SECOND, thanos=replace(SECOND.thanos or ThanosMeta(), resolution_ms=90_000))
    page = render_page([FIRST, SECOND, coarse], bucket="<bucket>").decode()
    assert "&lt;bucket&gt;" in page
    rows = [part.split("<td")[1:4] for part in page.split("<tr>")[2:]]
    stream = ">{cluster=&quot;a&quot;, replica=&quot;0&quot;}"
    assert rows == [[stream, " class=n>raw", " class=n>2"], [stream, " class=n>1m30s", " class=n>1"]]
    assert "1970-01-01T04:00:00.000Z" in page


def test_the_page_of_an_empty_bucket_has_no_picture() -> None:
    page = render_page([], bucket="empty")
    assert b"0 blocks" in page
    assert b"<svg" not in page


async def test_a_bucket_that_is_silent_is_given_up_and_the_last_look_stays(tmp_path: Path) -> None:
    bucket = FailingBucket()
    viewer = BlockViewer(bucket, StillClock(), label="", timeout_s=60)
    await put_block(bucket, tmp_path, FIRST)
    await viewer.look()
    bucket.fails_on = lambda call: True
    with pytest.raises(BucketUnavailable):
        await viewer.look()
    document = json.loads(viewer.everything.body().head)
    assert [block["ulid"] for block in document["blocks"]] == [FIRST.ulid]
    assert "gone" in document["err"]


async def test_a_look_ends_in_time() -> None:
    class SilentBucket(MemoryBucket):
        async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
            await asyncio.Event().wait()
            yield ObjectInfo("", 0, 0)

    viewer = BlockViewer(SilentBucket(StillClock()), StillClock(), label="", timeout_s=0.01)
    with pytest.raises(BucketUnavailable, match=r"no listing within 0\.01 s"):
        await viewer.look()
