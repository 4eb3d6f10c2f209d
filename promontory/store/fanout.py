"""FanoutStore: many Stores as one. Asks those that can answer, all at once, and merges what they say.

A child's failure is data: `QueryContext.tolerate` makes it a warning that names the child, or the query's error.
What a child had delivered before it failed stays in the answer. Bounds of the query itself (time, memory, canceled)
are nobody's failure and are raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from promontory.errors import LimitError, PromontoryError, StoreError, StoreUnavailable
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo
from promontory.model.time_range import ALL_TIME, TimeRange
from promontory.store.estimates import Passed, SelectEstimate, estimate_all
from promontory.store.frames import join_frames, slice_rows
from promontory.store.merge import in_order, merge_checked
from promontory.store.port import Store, answer_now
from promontory.store.prune import may_answer


class FanoutStore:
    """A Store over the Stores that `children` returns at the time of a query."""

    def __init__(self, children: Callable[[], Sequence[Store]], *, name: str = "fan-out", kind: str = "query") -> None:
        self._children = children
        self._name = name
        self._kind = kind

    def describe(self) -> StoreInfo:
        """Return the union of the children: no label sets where one child has none, as it is always asked."""
        infos = [child.describe() for child in self._children()]
        label_sets = {labels: None for info in infos for labels in info.label_sets}
        if not all(info.label_sets for info in infos):
            label_sets = {}
        time_range = TimeRange(
            min((info.time_range.min_time_ms for info in infos), default=ALL_TIME.min_time_ms),
            max((info.time_range.max_time_ms for info in infos), default=ALL_TIME.max_time_ms),
        )
        return StoreInfo(
            name=self._name,
            kind=self._kind,
            label_sets=tuple(sorted(label_sets)),
            time_range=time_range,
            tsdb_infos=tuple(tsdb for info in infos for tsdb in info.tsdb_infos),
        )

    async def select(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        """Yield the series of all children that can answer; `limit` counts label sets.

        With one child alone there is nothing to merge: its Frames go on as they are, in which a series may span two.
        Raises StoreUnavailable where there is no child at all and the query wants all or nothing.
        """
        asked = self._choose(selector, context)
        streams = [_guard(child, selector, context) for child in asked]
        if len(streams) == 1 and not (selector.limit or selector.skip_chunks):
            async with aclosing(streams[0]) as only:
                async for frame in only:
                    yield frame
            return
        left = selector.limit
        async with aclosing(merge_checked(streams, context)) as merged:
            async for frame in merged:
                if selector.limit and len(frame.labels) >= left:
                    yield slice_rows(frame, 0, left)
                    return
                left -= len(frame.labels)
                yield frame

    async def estimate(self, selector: Selector, context: QueryContext) -> SelectEstimate:
        """Return what the children would read, and which of them are not asked."""
        asked = [(child, child.describe().name) for child in self._choose(selector, context)]
        found = await estimate_all(asked, selector, context)
        others = {child.describe().name for child in self._children()} - {name for _, name in asked}
        passed = [Passed(name, "its label sets or its times cannot match") for name in sorted(others)]
        return replace(found, passed=(*found.passed, *passed))

    def answer_now(self, selector: Selector, context: QueryContext) -> Frame | None:
        """Return the answer where all children that are asked have it at hand."""
        if selector.limit:
            return None
        frames = []
        for child in self._choose(selector, context):
            frame = answer_now(child, selector, context)
            if frame is None:
                return None
            frames.append(frame)
        return join_frames(frames) if len(frames) > 1 else next(iter(frames), None)

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted union of the children's label names, at most `limit`."""
        unlimited = replace(selector, limit=0)
        return await self._unite(selector, context, lambda child: child.label_names(unlimited, context))

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted union of the children's values of one label, at most `limit`."""
        return await self._unite(selector, context, lambda child: child.label_values(name, selector, context))

    async def _unite(
        self, selector: Selector, context: QueryContext, ask: Callable[[Store], Awaitable[list[bytes]]]
    ) -> list[bytes]:
        async def ask_one(child: Store) -> list[bytes]:
            try:
                return await ask(child)
            except LimitError:
                raise
            except PromontoryError as error:
                context.tolerate(_name_child(error, child.describe().name))
                return []

        tasks = [asyncio.ensure_future(ask_one(child)) for child in self._choose(selector, context)]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return sorted({text for answer in answers for text in answer})[: selector.limit or None]

    def _choose(self, selector: Selector, context: QueryContext) -> list[Store]:
        children = self._children()
        if not children and not context.partial_response:
            raise StoreUnavailable("No StoreAPIs available", endpoint=self._name)
        return [child for child in children if may_answer(child.describe(), selector, context.store_matchers)]


async def _guard(child: Store, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
    """Yield a child's frames as long as they come and keep the order; its failure goes through `tolerate`."""
    name = child.describe().name
    try:
        async with aclosing(in_order(child.select(selector, context), context, name=name)) as frames:
            async for frame in frames:
                yield frame
    except LimitError:
        raise
    except PromontoryError as error:
        context.tolerate(_name_child(error, name))


def _name_child(error: PromontoryError, name: str) -> PromontoryError:
    """Return the error as a StoreError whose text names the child."""
    if isinstance(error, StoreError) and name in str(error):
        return error
    kind = StoreUnavailable if error.retryable else StoreError
    named = kind(f"{name}: {error}", endpoint=name)
    named.__cause__ = error
    return named
