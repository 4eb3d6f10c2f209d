"""What the HTTP API stands on: a query engine, a Store, and the settings of the service that serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from promontory.api.outbox import UNLIMITED_BYTES
from promontory.model.clock import Clock
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.matcher import Matcher
from promontory.model.query_options import QueryOptions
from promontory.model.result import QueryResult
from promontory.model.selector import Selector
from promontory.model.store_status import StoreStatus
from promontory.model.time_range import TimeGrid


class QueryBackend(Protocol):
    """Evaluates PromQL. Raises InputError for what is wrong with the text, other errors for what went wrong."""

    async def instant(self, text: str, time_ms: int, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the value at one time."""

    async def range(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the values over a time grid."""

    async def explain(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> bytes:
        """Return as JSON what a query would read and compute."""

    def format(self, text: str) -> str:
        """Return the query laid out over several lines."""

    def syntax(self, text: str) -> bytes:
        """Return the tree of the query as JSON."""


class SeriesSource(Protocol):
    """The part of the Store port that the metadata endpoints need."""

    def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Yield the matching series in order."""

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted label names of matching series."""

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the sorted values of one label among matching series."""


class ContextFactory(Protocol):
    """Makes the context of one query."""

    def __call__(
        self,
        *,
        timeout_s: float | None,
        partial_response: bool,
        tenant: str,
        store_matchers: tuple[tuple[Matcher, ...], ...],
    ) -> QueryContext:
        """Return a context with its deadline, choices and budget."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the HTTP API; the names follow the flags of `promontory query`."""

    timeout_s: float = 120.0
    max_concurrent: int = 20
    default_step_ms: int = 1000
    metadata_range_ms: int = 0
    partial_response: bool = True
    auto_downsampling: bool = False
    instant_resolution_ms: int = 0
    replica_labels: tuple[bytes, ...] = ()
    disable_cors: bool = False
    route_prefix: str = ""
    tenant_header: str = "THANOS-TENANT"
    default_tenant: str = "default-tenant"
    version: str = "unknown"
    max_unsent_bytes: int = UNLIMITED_BYTES


@dataclass(frozen=True, slots=True)
class ApiBackend:
    """Everything that a request may be answered from."""

    engine: QueryBackend
    store: SeriesSource
    parse_matchers: Callable[[str], tuple[Matcher, ...]]
    new_context: ContextFactory
    clock: Clock
    pool: Executor
    statuses: Callable[[], Sequence[StoreStatus]]
