"""BlockViewer: what people see of a bucket beside the compactor's work: its blocks as a list, as JSON and as a picture.

It looks through the bucket by itself, as a pass may take long.
"""

from __future__ import annotations

import asyncio

from compactor.block_list import BlockList
from compactor.page import render_page
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.compaction.observer import PassObserver
from promontory.compaction.survey import Survey
from promontory.errors import BucketError, BucketUnavailable
from promontory.model.clock import Clock
from promontory.service.command import one_line


class BlockViewer(PassObserver):
    """The blocks of a bucket, and those that the compactor works on, as of the last look of each."""

    def __init__(self, bucket: Bucket, clock: Clock, *, label: str = "", timeout_s: float) -> None:
        self._bucket = bucket
        self._clock = clock
        self._timeout_s = timeout_s
        self._catalog = Catalog(bucket, clock=clock)
        self.everything = BlockList(label)
        self.loaded = BlockList(label)
        self.page = render_page((), bucket=bucket.name)

    async def look(self) -> None:
        """Look through the bucket. Raises BucketError; what was seen before stays then, with the reason."""
        try:
            async with asyncio.timeout(self._timeout_s):
                view = await self._catalog.sync()
        except (BucketError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                error = BucketUnavailable(f"no listing within {self._timeout_s:g} s", key="", operation="list")
            self.everything.fail(one_line(error), now_ms=self._clock.now_ms())
            raise error from None
        self.everything.refresh(list(view.blocks.values()), now_ms=self._clock.now_ms())
        self.page = await asyncio.to_thread(render_page, view.blocks.values(), bucket=self._bucket.name)

    def on_survey(self, survey: Survey) -> None:
        """Take the blocks that the compactor works on."""
        self.loaded.refresh(list(survey.view.blocks.values()), now_ms=self._clock.now_ms())
