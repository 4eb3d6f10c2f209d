"""From plan nodes to operators.

Whatever works on rows one by one stays in the pipeline of its select: look-up or window, subquery, functions and
operators with scalars that are known now, and at its end, where an aggregation stands above, the fold. Everything
else is an operator over whole values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator

import numpy as np

from promontory.model.labels import METADATA_LABELS, METRIC_NAME
from promontory.model.matcher import fixes_name
from promontory.model.selector import Selector
from promontory.model.time_range import TimeGrid
from promontory.promql.execution import operators
from promontory.promql.execution.choose_rows import ChooseRowsStage
from promontory.promql.execution.elementwise import ElementwiseStage, VectorScalarStage
from promontory.promql.execution.extended_windows import ExtendedWindowStage, ExtendStage, SmoothedLookupStage
from promontory.promql.execution.folds import FoldSink
from promontory.promql.execution.forget_resets import ForgetResetsStage
from promontory.promql.execution.forks import Fork
from promontory.promql.execution.histogram_cells import StatisticStage
from promontory.promql.execution.histogram_fraction import fraction_of_histograms
from promontory.promql.execution.histogram_quantile import quantile_of_histograms
from promontory.promql.execution.info import add_info
from promontory.promql.execution.info_times import InfoTimesStage
from promontory.promql.execution.joins import join
from promontory.promql.execution.label_order import sort_by_labels
from promontory.promql.execution.names import DropNameStage, merge_names
from promontory.promql.execution.operator import Operator, Stage
from promontory.promql.execution.operators import Compute, Known, StageOperator
from promontory.promql.execution.pipeline import Pipeline, Sink
from promontory.promql.execution.ranks import aggregate_quantile
from promontory.promql.execution.relabel import join_labels, replace_labels
from promontory.promql.execution.resample import ResampleStage
from promontory.promql.execution.run import Run
from promontory.promql.execution.selections import SELECTIONS, SinkOperator
from promontory.promql.execution.sets import combine_sets
from promontory.promql.execution.statistics_only import StatisticsOnlyStage
from promontory.promql.execution.values import Floats, Value
from promontory.promql.execution.windows import LookupStage, WindowStage
from promontory.promql.plan import nodes
from promontory.promql.plan.arithmetic import ARITHMETIC, TRIMS
from promontory.promql.plan.functions import NAME_KEEPING_WINDOWS, STATISTICS
from promontory.promql.plan.nodes import PlanNode
from promontory.promql.plan.selects import inner_grid, selector_of
from promontory.promql.plan.tree import plan_children
from promontory.promql.plan.walk import walk_tree

Asked = tuple[PlanNode, TimeGrid]
NO_PARAMETER = np.empty(0)
# These give, or may give, a value at every time without a series to read.
ALWAYS_PRESENT = (nodes.Constant, nodes.Clock, nodes.ToScalar, nodes.Absent)


class Builder:
    """Builds the operators of one plan and gathers the pipelines by what they read."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._reading: dict[Pipeline, Selector] = {}
        self._forks: dict[int, Fork] = {}

    @property
    def pipelines(self) -> dict[Selector, list[Pipeline]]:
        """What is to be fed with each select."""
        found: dict[Selector, list[Pipeline]] = {}
        for pipeline, selector in self._reading.items():
            found.setdefault(selector, []).append(pipeline)
        return found

    def build(self, root: PlanNode, grid: TimeGrid) -> Operator:
        """Return the operator of a plan's root."""
        return walk_tree(self._visit, (root, grid))

    def _visit(self, asked: Asked) -> Generator[Asked, Operator, Operator]:
        node, grid = asked
        if isinstance(node, nodes.Common) and node.number in self._forks:
            return self._forks[node.number]
        if isinstance(node, ALWAYS_PRESENT):
            self._run.refuse_beyond(grid.count)
        children = []
        for _, child in plan_children(node):
            children.append((yield child, inner_grid(node, grid)))
        if isinstance(node, nodes.Subset):
            return self.subset(node, children)
        children = _taken(node, children)
        match node:
            case nodes.Common():
                return self.fork(node, children)
            case nodes.Read():
                return self.read(node, grid)
            case nodes.Constant() | nodes.Clock() | nodes.Text():
                return _known(node, grid)
            case nodes.Lookup():
                return self.lookup(node, grid, children)
            case nodes.InfoTimes():
                return self._staged(lambda: InfoTimesStage(self._run, grid, node.read), children, grid.count)
            case nodes.Resample():
                return self.resample(node, grid, children)
            case nodes.Extend():
                return self._staged(lambda: ExtendStage(grid, node.read), children, None)
            case nodes.Window():
                return self.window(node, grid, children)
            case nodes.Elementwise():
                return self.elementwise(node, grid, children)
            case nodes.VectorScalar():
                return self.vector_scalar(node, grid, children)
            case nodes.Aggregate():
                return self.aggregate(node, grid, children)
            case _:
                return Compute(_function(self._run, node, grid), children)

    def read(self, node: nodes.Read, grid: TimeGrid) -> Operator:
        """Raw samples."""
        pipeline = Pipeline(self._run, fixed_name=fixes_name(node.matchers))
        self._reading[pipeline] = selector_of(node, grid)
        if node.filters:
            pipeline.then(ChooseRowsStage(node.filters), count=None)
        if node.statistics:
            pipeline.then(StatisticsOnlyStage(), count=None)
        return pipeline

    def fork(self, node: nodes.Common, children: list[Operator]) -> Operator:
        """What stands at several places."""
        (body,) = children
        selector = self._reading.pop(body) if isinstance(body, Pipeline) and body.open else None

        def register(pipeline: Pipeline) -> None:
            assert selector is not None
            self._reading[pipeline] = selector

        fork = self._forks[node.number] = Fork(self._run, body, register)
        return fork

    def subset(self, node: nodes.Subset, children: list[Operator]) -> Operator:
        """Some rows of what stands elsewhere too."""
        broad, own = children
        assert isinstance(broad, Fork)
        assert isinstance(own, Pipeline)
        del self._reading[own]
        read = node.own.read if isinstance(node.own, nodes.Lookup) else node.own.source
        assert isinstance(read, nodes.Read)
        return broad.subset(own, ChooseRowsStage(read.filters))

    def lookup(self, node: nodes.Lookup, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Instant selectors."""
        read = node.read
        stage: Stage = LookupStage(
            self._run, grid, read.timing, read.range_ms, times=node.times, starts=node.starts
        )  # fmt: skip
        if read.extension is nodes.Extension.SMOOTHED and not (node.times or node.starts):
            stage = SmoothedLookupStage(self._run, grid, read, node.position)
        return self._staged(lambda: stage, children, grid.count)

    def resample(self, node: nodes.Resample, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Subqueries: windows look at rows one by one, so none may wait to be merged."""
        (vector,) = children
        for stage in vector.stages if isinstance(vector, Pipeline) else ():
            if isinstance(stage, DropNameStage):
                stage.merging = False
        return self._staged(lambda: ResampleStage(inner_grid(node, grid)), children, None)

    def window(self, node: nodes.Window, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Functions over range vectors."""
        source = node.source
        if isinstance(source, nodes.Resample):
            children = [self._staged(ForgetResetsStage, children[:1], None), *children[1:]]

        def make(*parameters: Floats) -> Stage:
            if isinstance(source, nodes.Read) and source.extension is not nodes.Extension.NONE:
                return ExtendedWindowStage(self._run, node.function, grid, source, node.position)
            parameter = np.concatenate([NO_PARAMETER, *parameters])
            return WindowStage(self._run, node.function, grid, source.timing, source.range_ms, parameter, node.position)

        built = self._staged(make, children, grid.count)
        if node.function in NAME_KEEPING_WINDOWS:
            return built
        fixed = isinstance(built, Pipeline) and built.fixed_name
        stage = DropNameStage(self._run, fixed_name=fixed)
        return self._staged(lambda: stage, [built], grid.count)

    def elementwise(self, node: nodes.Elementwise, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Functions of each value."""

        def make(*parameters: Floats) -> Stage:
            if node.function in STATISTICS:
                return StatisticStage(self._run, node.function)
            return ElementwiseStage(node.function, parameters)

        # Prometheus leaves __type__ and __unit__ of what these are asked of.
        drops = (METRIC_NAME,) if node.function in STATISTICS else METADATA_LABELS
        return self._staged(make, children, grid.count, drops=drops)

    def vector_scalar(self, node: nodes.VectorScalar, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Operators between a vector and a scalar."""

        def make(scalar: Floats) -> Stage:
            return VectorScalarStage(self._run, node, scalar)

        if node.op in TRIMS and node.swapped:  # refuses floats and histograms, and tells of the last of all
            return StageOperator(make, children)
        drops = METADATA_LABELS if node.return_bool or node.op in ARITHMETIC else ()
        return self._staged(make, children, grid.count, drops=drops)

    def aggregate(self, node: nodes.Aggregate, grid: TimeGrid, children: list[Operator]) -> Operator:
        """Aggregations."""
        if node.op == "quantile":
            return Compute(functools.partial(aggregate_quantile, self._run, node), children)
        if node.op in SELECTIONS:
            return self._selection(functools.partial(SELECTIONS[node.op], self._run, node, grid.count), children)
        sink = FoldSink(self._run, node, count=grid.count)
        (vector,) = children
        if isinstance(vector, Pipeline) and vector.open:
            return vector.close(sink)
        return SinkOperator(lambda: sink, children)

    def _selection(self, make: Callable[..., Sink], children: list[Operator]) -> Operator:
        """Close the pipeline of the vector with a sink, where its parameter is known."""
        vector, parameter = children
        if isinstance(vector, Pipeline) and vector.open and isinstance(parameter, Known):
            return vector.close(make(parameter.value))
        return SinkOperator(make, children)

    def _staged(
        self, make: Callable[..., Stage], children: list[Operator], count: int | None, *, drops: tuple[bytes, ...] = ()
    ) -> Operator:
        """Put a stage behind its first child: in that one's pipeline where nothing has to be awaited.

        drops: the labels that go. Where series may become equal without them, whole rows are needed to make them one.
        """
        rows, *scalars = children
        known = [scalar.value for scalar in scalars if isinstance(scalar, Known)]
        waits = len(known) < len(scalars)
        if isinstance(rows, Pipeline) and rows.open and not waits and (rows.fixed_name or not drops):
            rows.then(make(*known), count=count)
            if drops:
                rows.then(DropNameStage(self._run, drops, fixed_name=True, merging=True), count=count)
            return rows
        built = StageOperator(make, children)
        return Compute(functools.partial(merge_names, self._run, drops), [built]) if drops else built


def _taken(node: PlanNode, children: list[Operator]) -> list[Operator]:
    """Return what a node takes from below: the rows of a Fork where it goes on row by row, or its whole value."""
    rows = isinstance(node, nodes.Elementwise | nodes.VectorScalar | nodes.Aggregate)
    if isinstance(node, nodes.Aggregate) and node.op == "quantile":
        rows = False  # needs all, and so may others: these are held once
    taken = []
    for place, child in enumerate(children):
        if isinstance(child, Fork):
            child = child.branch() if rows and place == 0 else child.whole()
        taken.append(child)
    return taken


def _known(node: nodes.Constant | nodes.Clock | nodes.Text, grid: TimeGrid) -> Operator:
    match node:
        case nodes.Constant():
            return Known(np.full(grid.count, node.value))
        case nodes.Text():
            return Known(node.text)
        case nodes.Clock():
            return Known(grid.times_ms() / 1000.0)


def _function(run: Run, node: PlanNode, grid: TimeGrid) -> Callable[..., Value]:
    match node:
        case nodes.ScalarOperation():
            return functools.partial(operators.operate_scalar, node.op)
        case nodes.Join():
            return functools.partial(join, run, node)
        case nodes.SetOperation():
            return functools.partial(combine_sets, run, node)
        case nodes.ToVector():
            return functools.partial(operators.to_vector, run)
        case nodes.ToScalar():
            return operators.to_scalar
        case nodes.LabelReplace():
            return functools.partial(replace_labels, run, node)
        case nodes.LabelJoin():
            return functools.partial(join_labels, run, node)
        case nodes.Absent():
            return functools.partial(operators.absent, run, node.labels)
        case nodes.HistogramQuantile():
            return functools.partial(quantile_of_histograms, run, grid, node)
        case nodes.HistogramFraction():
            return functools.partial(fraction_of_histograms, run, node)
        case nodes.Sort():
            return functools.partial(operators.sort_values, run, grid, node.position, descending=node.descending)
        case nodes.SortByLabel():
            return functools.partial(sort_by_labels, run, grid, node)
        case nodes.Info():
            return functools.partial(add_info, run, node)
        case _:
            return functools.partial(operators.repeat, run, grid.count)
