"""BlockViewer: what people see of a bucket beside the compactor's work: its blocks as a list, as JSON and as a picture.

It looks through the bucket by itself, as a pass may take long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from compactor.block_list import BlockList
from compactor.page import render_page
from promontory.block.meta import BlockMeta
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.errors import BucketError, BucketUnavailable
from promontory.model.clock import Clock
from promontory.service.command import one_line


class BlockViewer:
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
        metas = list(view.blocks.values())
        self.page = await asyncio.to_thread(self._refresh, metas)

    async def show_loaded(self, metas: Sequence[BlockMeta]) -> None:
        """Take the blocks that a pass works on."""
        await asyncio.to_thread(self.loaded.refresh, metas, now_ms=self._clock.now_ms())

    def _refresh(self, metas: list[BlockMeta]) -> bytes:
        self.everything.refresh(metas, now_ms=self._clock.now_ms())
        return render_page(metas, bucket=self._bucket.name)
