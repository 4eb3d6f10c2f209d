"""Store: what answers a Selector with sorted Frames: a block, a bucket, a Prometheus, a peer, a fan-out of these.

Order of an answer: by full label set (name, then value, bytewise, pair by pair; a shorter set first), after
external labels were added and replica labels removed. A series may span consecutive Frames, and never comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo


class Store(Protocol):
    """Answers Selectors. Failures of parts go through `context.tolerate`; failures of the whole are raised."""

    def describe(self) -> StoreInfo:
        """Return what the Store holds now; cheap, no I/O."""

    def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Yield the matching series in order, codes in `context.symbols`. Chunks may exceed the time range."""

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted names of labels of matching series; no matchers means all series."""

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted values of one label among matching series; no matchers means all series."""


def answer_now(store: Store, selector: Selector, context: QueryContext) -> Frame | None:
    """Return a Store's whole answer where it is small and at hand, so that nothing has to be waited for; else None.

    Few Stores can, and none has to: None says nothing but that `select` is to be asked. What a Store tolerates in
    `select` is no small answer.
    """
    ask: Callable[[Selector, QueryContext], Frame | None] | None = getattr(store, "answer_now", None)
    return None if ask is None else ask(selector, context)
