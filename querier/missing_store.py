"""MissingStore: stands for an endpoint that is not asked, not looked up or given up; answers say what they lack."""

from __future__ import annotations

from collections.abc import AsyncIterator

from promontory.errors import StoreUnavailable
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo


class MissingStore:
    """A Store that always fails with the reason given; `info` is what the endpoint said of itself last."""

    def __init__(self, reason: str, info: StoreInfo | None = None) -> None:
        self._reason = reason
        self._info = info

    def describe(self) -> StoreInfo:
        """Return what was known last; without it every Selector concerns the endpoint."""
        return self._info or StoreInfo(self._reason, "unknown")

    async def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Fail."""
        raise self._error()
        yield

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Fail."""
        raise self._error()

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Fail."""
        raise self._error()

    def _error(self) -> StoreUnavailable:
        return StoreUnavailable(self._reason, endpoint=self._reason)
