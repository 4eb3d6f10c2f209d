"""QueryEngine: PromQL over a Store.

    text ─ parse ─ plan ─► selects ─► feed_samples (Store) ─► morsels ─► Execution ─► QueryResult

All selects of a query are read side by side. Of each, a few morsels are decoded and prepared in the kernel pool at a
time and absorbed in order, so that an answer does not depend on which thread was faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from promontory.block.meta import FINEST_WINDOW_MS
from promontory.errors import QueryError
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.result import Annotations, QueryResult, QueryStats
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import MAX_SAMPLES, Execution
from promontory.promql.execution.operator import Batch
from promontory.promql.nodes import Node, ValueType
from promontory.promql.parser import parse_query
from promontory.promql.plan.plan import Plan, PlanOptions, make_plan
from promontory.promql.prettier import pretty_print
from promontory.promql.syntax_json import write_syntax
from promontory.promql.types import value_type
from promontory.query.analysis import Probe
from promontory.query.explain_json import write_analysis_json, write_explanation_json
from promontory.query.explanation import Explanation
from promontory.query.features import Features
from promontory.query.small_queries import SmallPlans, answer_small
from promontory.store.estimates import estimate_of
from promontory.store.port import Store
from promontory.store.resolution import choose_lookback_ms
from promontory.store.samples import Feed, ask_for, feed_samples, read_samples_now


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What holds for all queries. `default_step_ms` is the step of subqueries that name none.

    With `dynamic_lookback` instant selectors look as far back as the allowed resolution needs.
    """

    replica_labels: tuple[bytes, ...] = ()
    lookback_ms: int = 300_000
    max_samples: int = MAX_SAMPLES
    default_step_ms: int = 60_000
    penalty: bool = True
    dynamic_lookback: bool = True
    features: Features = field(default_factory=Features)


class QueryEngine:
    """Answers queries over one Store."""

    def __init__(self, store: Store, settings: EngineSettings) -> None:
        self._store = store
        self._settings = settings
        self._plans = SmallPlans()

    async def instant(self, text: str, time_ms: int, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the value at one time: a vector, a scalar, a string, or samples for a range vector."""
        return await self._answer(text, TimeGrid(time_ms, time_ms, 0), options, context)

    async def range(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> QueryResult:
        """Return the values over a grid. Raises QueryError where the query gives a range vector or a string."""
        return await self._answer(text, grid, options, context)

    def format(self, text: str) -> str:
        """Return the query laid out over several lines, as Prometheus does."""
        return pretty_print(self._parse(text))

    def syntax(self, text: str) -> bytes:
        """Return the tree of the query as JSON, as Prometheus answers it."""
        return write_syntax(self._parse(text))

    async def explain(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> bytes:
        """Return as JSON what the query would read and compute."""
        return await context.run(write_explanation_json, await self.outline(text, grid, options, context))

    async def outline(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> Explanation:
        """Return the plan of a query, and what its selects would read as far as the Store can tell."""
        _, plan = await context.run(self._plan, text, grid, options)
        selectors = self._selectors(plan, options)
        name = self._store.describe().name
        estimates = [await estimate_of(self._store, selector, context, name=name) for selector in selectors]
        return Explanation(plan, selectors, tuple(estimates))

    async def analyze(
        self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext
    ) -> tuple[QueryResult, Explanation]:
        """Return the answer of a query, and what each part of it did."""
        began_s = context.clock.monotonic_s()
        _, plan = await context.run(self._plan, text, grid, options)
        probe = Probe(context, selects=len(plan.selects))
        execution = await context.run(
            partial(Execution, plan, probe.context, max_samples=self._settings.max_samples, meters=probe.meters)
        )
        prepared_s = context.clock.monotonic_s()
        ways = [
            _Way(select.around_store(self._store), select.context, select.around_feed(_SelectFeed(execution, index)))
            for index, select in enumerate(probe.selects)
        ]
        with execution:
            await self._feed_all(plan, ways, options)
            result = await probe.context.run(execution.finish)
        analysis = probe.report(
            wall_s=context.clock.monotonic_s() - began_s,
            samples_read=execution.samples_read,
            peak_samples=execution.peak_samples,
        )
        explanation = Explanation(plan, self._selectors(plan, options), analysis=analysis)
        return _conclude(execution, result, context, began_s=began_s, prepared_s=prepared_s), explanation

    def _parse(self, text: str) -> Node:
        return parse_query(text, self._settings.features.parser)

    async def _answer(self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext) -> QueryResult:
        if options.analyze:
            answer, explanation = await self.analyze(text, grid, options, context)
            return replace(answer, analysis=await context.run(write_analysis_json, explanation))
        began_s = context.clock.monotonic_s()
        small = self._plans.find(text, grid, options)
        if small is not None and (fed := self._answer_small(small, options, context)) is not None:
            with fed:
                return _conclude(fed, fed.finish(), context, began_s=began_s, prepared_s=began_s)
        node, plan, execution = await context.run(self._begin, text, grid, options, context)
        prepared_s = context.clock.monotonic_s()
        ways = [_Way(self._store, context, _SelectFeed(execution, index)) for index in range(len(plan.selects))]
        with execution:
            await self._feed_all(plan, ways, options)
            result = await context.run(execution.finish)
        if small is None:
            self._plans.keep(text, node, plan, options)
        return _conclude(execution, result, context, began_s=began_s, prepared_s=prepared_s)

    def _answer_small(self, plan: Plan, options: QueryOptions, context: QueryContext) -> Execution | None:
        """Return an execution that has absorbed all, where that is little and at hand; else the long way is to go."""
        read_now = partial(
            read_samples_now,
            self._store,
            context=context,
            replica_labels=self._replica_labels(options),
            deduplicate=options.deduplicate,
            penalty=self._settings.penalty,
        )
        return answer_small(
            plan, context,
            lambda selector: read_now(_with_resolution(selector, options)),
            max_samples=self._settings.max_samples,
        )  # fmt: skip

    def _begin(
        self, text: str, grid: TimeGrid, options: QueryOptions, context: QueryContext
    ) -> tuple[Node, Plan, Execution]:
        """Return what is to be read, and what it is fed to. Off the event loop: a long query takes a while."""
        node, plan = self._plan(text, grid, options)
        return node, plan, Execution(plan, context, max_samples=self._settings.max_samples)

    def _plan(self, text: str, grid: TimeGrid, options: QueryOptions) -> tuple[Node, Plan]:
        node = self._parse(text)
        found = value_type(node)
        # A range query of one step is a range query: step_ms is 0 for instant ones alone.
        if grid.step_ms and found not in (ValueType.VECTOR, ValueType.SCALAR):
            raise QueryError(
                f'invalid expression type "{found.value}" for range query, must be Scalar or instant Vector'
            )
        features = self._settings.features
        plan_options = PlanOptions(
            text=text.encode(errors="surrogateescape"),
            lookback_ms=self._lookback_ms(options),
            subquery_step_ms=self._settings.default_step_ms,
            delayed_names=features.delayed_names,
            start_timestamps=features.start_timestamps,
            type_and_unit=features.type_and_unit,
            downsampled=options.max_resolution_ms >= FINEST_WINDOW_MS,
            replica_labels=self._merged_labels(options),
        )
        return node, make_plan(node, grid, plan_options)

    def _replica_labels(self, options: QueryOptions) -> tuple[bytes, ...]:
        return self._settings.replica_labels if options.replica_labels is None else options.replica_labels

    def _merged_labels(self, options: QueryOptions) -> tuple[bytes, ...]:
        """Return the labels that tell apart what is made one."""
        return self._replica_labels(options) if options.deduplicate else ()

    def _lookback_ms(self, options: QueryOptions) -> int:
        lookback_ms = options.lookback_ms or self._settings.lookback_ms
        if not self._settings.dynamic_lookback:
            return lookback_ms
        return choose_lookback_ms(lookback_ms, max_resolution_ms=options.max_resolution_ms)

    def _selectors(self, plan: Plan, options: QueryOptions) -> tuple[Selector, ...]:
        """Return what the Store is asked for each select."""
        merged = self._merged_labels(options)
        return tuple(ask_for(_with_resolution(one.selector, options), merged_labels=merged) for one in plan.selects)

    async def _feed_all(self, plan: Plan, ways: Sequence[_Way], options: QueryOptions) -> None:
        """Read all selects side by side; the first failure ends the others."""
        tasks = [
            asyncio.ensure_future(self._feed(planned.selector, way, options))
            for planned, way in zip(plan.selects, ways, strict=True)
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            await _end(tasks)

    async def _feed(self, selector: Selector, way: _Way, options: QueryOptions) -> None:
        await feed_samples(
            way.store,
            _with_resolution(selector, options),
            way.context,
            way.feed,
            replica_labels=self._replica_labels(options),
            deduplicate=options.deduplicate,
            penalty=self._settings.penalty,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """Where the samples of one select come from, for whom, and where they go."""

    store: Store
    context: QueryContext
    feed: Feed[Iterable[Sequence[Batch]]]


class _SelectFeed:
    """The way of one select's samples into an execution."""

    def __init__(self, execution: Execution, index: int) -> None:
        self._execution = execution
        self._index = index
        self.rows_at_once = execution.rows_at_once(index)

    def prepare(self, samples: Samples) -> Iterable[Sequence[Batch]]:
        """Return a morsel prepared: its first part now, any others when they are absorbed."""
        first, *others = self._execution.split(self._index, samples)
        prepared = self._execution.prepare(self._index, first)
        if not others:
            return (prepared,)
        return chain((prepared,), (self._execution.prepare(self._index, part) for part in others))

    def absorb(self, prepared: Iterable[Sequence[Batch]]) -> None:
        """Absorb a morsel."""
        for part in prepared:
            self._execution.absorb(self._index, part)


def _with_resolution(selector: Selector, options: QueryOptions) -> Selector:
    if selector.max_resolution_ms == options.max_resolution_ms:
        return selector
    return replace(selector, max_resolution_ms=options.max_resolution_ms)


def _conclude(
    execution: Execution, result: QueryResult, context: QueryContext, *, began_s: float, prepared_s: float
) -> QueryResult:
    """Return the result with all that is to be said of it."""
    warnings = tuple(dict.fromkeys((*context.warnings, *result.annotations.warnings)))
    annotations = Annotations(warnings, result.annotations.infos)
    spent = QueryStats(
        preparation_s=prepared_s - began_s,
        evaluation_s=context.clock.monotonic_s() - prepared_s,
        samples_read=execution.samples_read,
        peak_samples=execution.peak_samples,
    )
    return replace(result, annotations=annotations, partial=bool(context.warnings), stats=spent)


async def _end(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Cancel what still runs and wait until nothing does; their outcomes were seen or do not matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
