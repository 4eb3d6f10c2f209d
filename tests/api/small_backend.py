"""A backend for tests of the HTTP edge: the real parser and Store port, and an engine that knows a few answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from promontory.api.app import ApiApp
from promontory.api.backend import ApiBackend, ApiSettings
from promontory.errors import ExecutionError, InputError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.query_options import QueryOptions
from promontory.model.result import Annotations, QueryResult, ScalarResult, StringResult, VectorResult
from promontory.model.steps import Steps
from promontory.model.store_info import StoreInfo
from promontory.model.store_status import StoreStatus
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.parser import parse_matchers, parse_query
from promontory.promql.prettier import pretty_print
from promontory.promql.syntax_json import write_syntax
from promontory.testing.memory_store import MemoryStore, make_series

NOW_MS = 1_795_225_129_000
UP = [
    {"__name__": "up", "instance": "localhost:9090", "job": "prometheus", "replica": "a"},
    {"__name__": "up", "instance": "localhost:9100", "job": "node", "replica": "a"},
    {"__name__": "up", "instance": "localhost:9100", "job": "node", "replica": "b"},
]


class FixedClock(SystemClock):
    """The machine's clock, but for the time of day."""

    def now_ms(self) -> int:
        """Return one fixed time."""
        return NOW_MS


class SmallEngine:
    """Answers by the text of the query; everything else is parsed, and is an empty vector."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, TimeGrid, QueryOptions, QueryContext]] = []
        self.started = asyncio.Event()
        self.was_canceled = asyncio.Event()
        self.running = self.most_running = 0

    async def instant(self, text: str, time_ms: int, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the value at one time."""
        return await self._answer(text, TimeGrid(time_ms, time_ms, 0), options, context)

    async def range(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the values over a grid."""
        if text == "up[1m]":
            raise InputError('invalid expression type "range vector" for range query, must be Scalar or instant Vector')
        return await self._answer(text, grid, options, context)

    async def explain(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> bytes:
        """Return a tree of one node."""
        self.asked.append((text, grid, options, context))
        parse_query(text)
        context.warn("half of it")
        return b'{"name":"all"}'

    def format(self, text: str) -> str:
        """Return the query laid out over several lines."""
        return pretty_print(parse_query(text))

    def syntax(self, text: str) -> bytes:
        """Return the tree of the query as JSON."""
        return write_syntax(parse_query(text))

    async def _answer(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> QueryResult:
        self.asked.append((text, grid, options, context))
        answers: dict[str, Callable[[], QueryResult]] = {
            "up": lambda: rows(grid, context, *UP),
            "1+1": lambda: scalar(grid, context, 2.0),
            "1/3": lambda: scalar(grid, context, 1 / 3),
            '"a<b>&"': lambda: QueryResult(StringResult(grid, "a<b>&")),
            "warned": lambda: warned(grid, context),
            "partial": lambda: partial(grid, context),
        }
        if text in answers:
            return answers[text]()
        if text == "up*on()up":
            raise ExecutionError("multiple matches for labels: many-to-one matching must be explicit")
        if text == "broken":
            raise ZeroDivisionError("a bug")
        if text == "slow":
            await self._wait()
        parse_query(text)
        return rows(grid, context)

    async def _wait(self) -> None:
        self.started.set()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_canceled.set()
            raise
        finally:
            self.running -= 1


def rows(grid: TimeGrid, context: QueryContext, *labels: dict[str, str]) -> QueryResult:
    """Return series that are 1 at every step."""
    shape = (len(labels), grid.count)
    table = LabelRows.from_labels([Labels.from_mapping(row) for row in labels], context.symbols)
    steps = Steps(table, np.ones(shape), np.ones(shape, bool), np.zeros(len(labels), bool))
    return QueryResult(VectorResult(grid, steps))


def scalar(grid: TimeGrid, context: QueryContext, value: float) -> QueryResult:
    """Return a scalar."""
    steps = Steps(
        LabelRows.from_labels([Labels()], context.symbols), np.full((1, grid.count), value),
        np.ones((1, grid.count), bool), np.zeros(1, bool),
    )  # fmt: skip
    return QueryResult(ScalarResult(grid, steps))


def warned(grid: TimeGrid, context: QueryContext) -> QueryResult:
    """Return twelve PromQL warnings and an info."""
    notes = Annotations(tuple(f"PromQL warning: {number} (1:1)" for number in range(12)), ("PromQL info: x (1:1)",))
    return QueryResult(rows(grid, context).value, notes)


def partial(grid: TimeGrid, context: QueryContext) -> QueryResult:
    """Return an answer that lacks a store."""
    context.warn("store 10.0.0.1:10901: unavailable")
    return rows(grid, context)


class SmallSite:
    """An application over the engine and a Store in memory."""

    def __init__(self, **settings: object) -> None:
        self.engine = SmallEngine()
        self.store = MemoryStore([make_series(labels, [NOW_MS], [1.0]) for labels in UP])
        self.pool = ThreadPoolExecutor(2)
        clock = FixedClock()
        info = StoreInfo("", "sidecar", (Labels.from_mapping({"replica": "a"}),), TimeRange(1, 2))
        statuses = [StoreStatus("10.0.0.1:10901", info, 1500), StoreStatus("10.0.0.2:10901", None, 0, "refused")]
        self.app = ApiApp(
            ApiBackend(
                self.engine, self.store, parse_matchers,
                lambda **choices: QueryContext(clock=clock, pool=self.pool, **choices),
                clock, self.pool,
                lambda: statuses,
            ),
            ApiSettings(version="1.2.3", **settings),  # type: ignore[arg-type]
        )  # fmt: skip
