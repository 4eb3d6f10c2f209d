"""From the nodes of the parser to the nodes of a plan.

Parentheses go, @ start() and @ end() become times, functions and operators become the node that computes them.
Arguments are taken without the parentheses around them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from promontory.errors import ExecutionError
from promontory.model.labels import METRIC_NAME, Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.time_range import TimeGrid
from promontory.promql import nodes as syntax
from promontory.promql.plan.functions import DATE_FUNCTIONS, ELEMENTWISE, WINDOW_FUNCTIONS
from promontory.promql.plan.info import reference_timing, split_matchers
from promontory.promql.plan.nodes import (
    Absent,
    Aggregate,
    Clock,
    Constant,
    Elementwise,
    Extend,
    Extension,
    Hints,
    HistogramFraction,
    HistogramQuantile,
    Info,
    InfoTimes,
    Join,
    LabelJoin,
    LabelReplace,
    Lookup,
    PlanNode,
    Read,
    Resample,
    ScalarOperation,
    SetOperation,
    Sort,
    SortByLabel,
    Text,
    Timing,
    ToScalar,
    ToVector,
    VectorScalar,
    Window,
)
from promontory.promql.plan.position import Position, locate
from promontory.promql.plan.tree import is_scalar
from promontory.promql.plan.walk import walk_tree

Asked = tuple[syntax.Node, Hints]
Visit = Generator[Asked, PlanNode, PlanNode]

EXTENDED_WINDOWS = {
    Extension.ANCHORED: frozenset(["changes", "delta", "increase", "rate", "resets"]),
    Extension.SMOOTHED: frozenset(["delta", "increase", "rate"]),
}
SET_OPERATORS = frozenset(["and", "or", "unless"])
NO_HINTS = Hints()


def translate(node: syntax.Node, grid: TimeGrid, *, text: bytes, lookback_ms: int, subquery_step_ms: int) -> PlanNode:
    """Return the plan of a query as it stands. Raises ExecutionError for an extended selector where none may be."""
    translation = _Translation(grid, text, lookback_ms, subquery_step_ms)
    root = walk_tree(translation.visit, (node, NO_HINTS))
    return Extend(root) if isinstance(root, Read) and root.extension is not Extension.NONE else root


@dataclass(frozen=True, slots=True)
class _Translation:
    grid: TimeGrid
    text: bytes
    lookback_ms: int
    subquery_step_ms: int

    def visit(self, asked: Asked) -> Visit:
        node, hints = asked
        match node:
            case syntax.NumberLiteral():
                return Constant(node.value)
            case syntax.StringLiteral():
                return Text(node.text)
            case syntax.VectorSelector():
                return self._lookup(node, hints)
            case syntax.MatrixSelector():
                read = self._read(node.selector, node.range_ms, replace(hints, range_ms=node.range_ms))
                return self._extended(read, node.selector)
            case syntax.Paren():
                return (yield node.expr, hints)
            case syntax.Unary():
                inner = yield node.expr, hints
                if node.op == "+":
                    return inner
                return ScalarOperation("*", Constant(-1.0), inner) if is_scalar(inner) else Elementwise("-", inner)
            case syntax.Subquery():
                inner = yield node.expr, NO_HINTS
                timing = self._timing(node)
                return Resample(inner, node.range_ms, node.step_ms or self.subquery_step_ms, timing)
            case syntax.Binary():
                return (yield from self._binary(node))
            case syntax.Aggregation():
                return (yield from self._aggregation(node))
            case syntax.Call():
                return (yield from self._call(node))

    def _timing(self, node: syntax.VectorSelector | syntax.Subquery) -> Timing:
        anchors = {syntax.Anchor.START: self.grid.start_ms, syntax.Anchor.END: self.grid.end_ms}
        return Timing(node.offset_ms, node.at_ms if node.anchor is None else anchors[node.anchor])

    def _read(self, node: syntax.VectorSelector, range_ms: int, hints: Hints) -> Read:
        return Read(node.matchers, range_ms, self._timing(node), hints)

    def _lookup(self, node: syntax.VectorSelector, hints: Hints) -> Lookup:
        read = self._read(node, self.lookback_ms, hints)
        if not node.smoothed:  # at one time there is nothing to anchor
            return Lookup(read)
        read = replace(read, extension=Extension.SMOOTHED, after_ms=self.lookback_ms)
        return Lookup(read, position=self._position(node, node))

    def _extended(self, read: Read, node: syntax.VectorSelector) -> Read:
        if node.anchored:
            return replace(read, extension=Extension.ANCHORED, before_ms=self.lookback_ms)
        if node.smoothed:
            reach_ms = self.lookback_ms
            return replace(read, extension=Extension.SMOOTHED, before_ms=reach_ms, after_ms=reach_ms)
        return read

    def _position(self, shown: syntax.Node, node: syntax.Node) -> Position:
        """Return the position that what `node` notes shows: its own, or that of an argument."""
        return locate(self.text, _unwrap(shown).span, by=node.span)

    def _binary(self, node: syntax.Binary) -> Visit:
        left = yield node.lhs, NO_HINTS
        right = yield node.rhs, NO_HINTS
        if is_scalar(left) and is_scalar(right):
            return ScalarOperation(node.op, left, right)
        if is_scalar(right):
            return VectorScalar(node.op, left, right, return_bool=node.return_bool, position=self._position(node, node))
        if is_scalar(left):
            position = self._position(node, node)
            return VectorScalar(node.op, right, left, swapped=True, return_bool=node.return_bool, position=position)
        matching = node.matching or syntax.Matching()
        if node.op in SET_OPERATORS:
            return SetOperation(node.op, left, right, matching)
        return Join(node.op, left, right, matching, node.return_bool, self._position(node, node))

    def _aggregation(self, node: syntax.Aggregation) -> Visit:
        parameter = None
        if node.param is not None:
            parameter = yield node.param, NO_HINTS
        vector = yield node.expr, Hints(node.op, node.grouping, not node.without)
        body = self._position(node.expr, node)
        position = body if node.param is None else self._position(node.param, node)
        ignored = self._position(node, node) if node.op in ("topk", "bottomk") else body
        return Aggregate(node.op, vector, node.grouping, node.without, parameter, position, ignored)

    def _call(self, node: syntax.Call) -> Visit:
        hints = Hints(node.function)
        if node.function == "info":
            return (yield from self._info(node))
        arguments = []
        for argument in node.args:
            arguments.append((yield argument, hints))
        _check_extensions(node.function, arguments)
        if node.function in _CALLS:
            return _CALLS[node.function](self, node, arguments)
        if node.function in WINDOW_FUNCTIONS:
            return self._window(node, arguments)
        if node.function in ELEMENTWISE:
            return Elementwise(node.function, arguments[0], tuple(arguments[1:]))
        assert node.function in DATE_FUNCTIONS, f"function {node.function!r} has no node"
        return Elementwise(node.function, arguments[0] if arguments else ToVector(Clock()))

    def _window(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        place = next(index for index, found in enumerate(arguments) if isinstance(found, Read | Resample))
        source = arguments[place]
        assert isinstance(source, Read | Resample)
        scalars = [found for index, found in enumerate(arguments) if index != place]
        parameter, second = (*scalars, None, None)[:2]
        # Prometheus puts a subquery's samples in its place before it is asked where it stands.
        position = self._position(node.args[0], node)
        if isinstance(arguments[0], Resample):
            position = position.as_query_start()
        return Window(node.function, source, parameter, position, second)

    def _info(self, node: syntax.Call) -> Visit:
        vector = yield node.args[0], NO_HINTS
        selector = _unwrap(node.args[1]) if len(node.args) > 1 else None
        assert selector is None or isinstance(selector, syntax.VectorSelector)
        names, data = split_matchers(selector)
        timing = reference_timing(node.args[0], self._timing)
        read = Read((*data, *names), self.lookback_ms, timing, Hints(node.function))
        return Info(vector, InfoTimes(read), names, data)

    def absent(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """absent() and absent_over_time()."""
        argument = _unwrap(node.args[0])
        selector = argument.selector if isinstance(argument, syntax.MatrixSelector) else argument
        labels = _equal_labels(selector.matchers) if isinstance(selector, syntax.VectorSelector) else Labels()
        vector = arguments[0]
        if isinstance(vector, Read | Resample):
            vector = Window("last_over_time", vector)  # keeps names: series may be equal without them
        return Absent(vector, labels)

    def timestamp(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """timestamp(): the sample's own time only directly above a selector."""
        vector = arguments[0]
        if isinstance(vector, Lookup) and isinstance(_unwrap(node.args[0]), syntax.VectorSelector):
            return Elementwise("own_time", Lookup(vector.read, times=True))
        return Elementwise("timestamp", vector, (Clock(),))

    def start_timestamp(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """start_timestamp(): only samples know when their counters began."""
        vector = arguments[0]
        if isinstance(vector, Lookup) and isinstance(_unwrap(node.args[0]), syntax.VectorSelector):
            return Elementwise("own_time", Lookup(vector.read, starts=True))
        return Elementwise("clamp", vector, (Constant(1.0), Constant(0.0)))  # nothing is above 1 and below 0

    def sort(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """sort() and sort_desc()."""
        return Sort(arguments[0], node.function == "sort_desc", self._position(node, node))

    def sort_by_label(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """sort_by_label() and sort_by_label_desc()."""
        descending = node.function == "sort_by_label_desc"
        return SortByLabel(arguments[0], tuple(_texts(arguments)), descending, self._position(node, node))

    def histogram_quantile(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """histogram_quantile()."""
        quantile, position = (self._position(argument, node) for argument in node.args)
        return HistogramQuantile(arguments[1], (arguments[0],), None, position, (quantile,))

    def histogram_quantiles(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """histogram_quantiles()."""
        position, _, *places = (self._position(argument, node) for argument in node.args)
        return HistogramQuantile(arguments[0], tuple(arguments[2:]), _texts(arguments)[0], position, tuple(places))

    def histogram_fraction(self, node: syntax.Call, arguments: list[PlanNode]) -> PlanNode:
        """histogram_fraction()."""
        return HistogramFraction(arguments[2], (arguments[0], arguments[1]), self._position(node.args[2], node))


def _check_extensions(function: str, arguments: list[PlanNode]) -> None:
    """Refuse a function that would take samples beyond the edges of its window for samples inside."""
    for argument in arguments:
        if isinstance(argument, Read) and function not in EXTENDED_WINDOWS.get(argument.extension, (function,)):
            word, allowed = argument.extension.value, ", ".join(sorted(EXTENDED_WINDOWS[argument.extension]))
            raise ExecutionError(f"{word} modifier can only be used with: {allowed} - not with {function}")


def _unwrap(node: syntax.Node) -> syntax.Node:
    while isinstance(node, syntax.Paren):
        node = node.expr
    return node


def _equal_labels(matchers: tuple[Matcher, ...]) -> Labels:
    """Return the labels that a selector fixes; one that is matched twice is none."""
    found: dict[bytes, bytes] = {}
    seen: set[bytes] = set()
    for matcher in matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.kind is MatchKind.EQUAL and matcher.name not in seen:
            found[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            found.pop(matcher.name, None)
    return Labels.from_mapping(found)


def _texts(arguments: list[PlanNode]) -> list[str]:
    return [argument.text for argument in arguments if isinstance(argument, Text)]


_CALLS: dict[str, Callable[[_Translation, syntax.Call, list[PlanNode]], PlanNode]] = {
    "absent": _Translation.absent,
    "absent_over_time": _Translation.absent,
    "histogram_fraction": _Translation.histogram_fraction,
    "histogram_quantile": _Translation.histogram_quantile,
    "histogram_quantiles": _Translation.histogram_quantiles,
    "label_join": lambda _, __, given: LabelJoin(
        given[0], _texts(given)[0], _texts(given)[1], tuple(_texts(given)[2:])
    ),
    "label_replace": lambda _, __, given: LabelReplace(given[0], *_texts(given)),
    "max_of": lambda _, __, given: ScalarOperation("max_of", *given),
    "min_of": lambda _, __, given: ScalarOperation("min_of", *given),
    "pi": lambda _, __, ___: Constant(3.141592653589793),
    "scalar": lambda _, __, given: ToScalar(given[0]),
    "sort": _Translation.sort,
    "sort_by_label": _Translation.sort_by_label,
    "sort_by_label_desc": _Translation.sort_by_label,
    "sort_desc": _Translation.sort,
    "start_timestamp": _Translation.start_timestamp,
    "time": lambda _, __, ___: Clock(),
    "timestamp": _Translation.timestamp,
    "vector": lambda _, __, given: ToVector(given[0]),
}
