"""Nodes of a plan as text, one a line, what it needs indented below it:

aggregate sum by (job)
  window rate 5m
    read http_requests_total[5m]
"""

from __future__ import annotations

from collections.abc import Iterable

from promontory.model.durations import format_duration
from promontory.model.matcher import Matcher
from promontory.model.time_range import TimeGrid
from promontory.promql.plan.nodes import (
    Absent,
    Aggregate,
    Common,
    Constant,
    Elementwise,
    Extension,
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
    Subset,
    Text,
    Timing,
    VectorScalar,
    Window,
)
from promontory.promql.plan.outline import Place, outline_plan

DEEPEST_INDENT = 100
ANY_TIME = TimeGrid(0, 0, 0)
_PLAIN = {
    "Clock": "time",
    "Extend": "extend",
    "ToVector": "to vector",
    "ToScalar": "to scalar",
    "HistogramFraction": "histogram fraction",
    "HistogramQuantile": "histogram quantile",
    "Info": "info",
    "InfoTimes": "info times",
    "Repeat": "repeat",
}


def print_node(root: PlanNode) -> str:
    """Return the tree below a node."""
    return "\n".join(write_place(place) for place in outline_plan(root, ANY_TIME) if not place.implied)


def write_place(place: Place) -> str:
    """Return the line of a node where it stands."""
    return _indent(place.level) + describe_node(place.node) + " again" * place.again


def _indent(level: int) -> str:
    """Return the space before a node; far down a chain of operators its level stands there instead."""
    return "  " * level if level <= DEEPEST_INDENT else "  " * DEEPEST_INDENT + f"({level}) "


def describe_node(node: PlanNode) -> str:
    """Return the line of one node."""
    match node:
        case Constant():
            return f"{node.value:g}"
        case Text():
            return f'"{node.text}"'
        case Read():
            return _describe_read(node)
        case Lookup():
            return "lookup times" if node.times else "lookup starts" if node.starts else "lookup"
        case Resample():
            return f"resample [{format_duration(node.range_ms)}:{format_duration(node.step_ms)}]{_timing(node.timing)}"
        case Window() | Elementwise():
            return f"{'window' if isinstance(node, Window) else 'map'} {node.function}"
        case ScalarOperation():
            return f"scalar {node.op}"
        case VectorScalar():
            return f"with scalar {node.op}{' bool' * node.return_bool}{' swapped' * node.swapped}"
        case Join() | SetOperation():
            matching = node.matching
            names = _names(matching.labels)
            include = f" including {_names(matching.include)}" if matching.include else ""
            on = "on" if matching.on else "ignoring"
            return f"{node.op} {on} {names} {matching.cardinality.value}{include}"
        case Aggregate():
            return f"aggregate {node.op} {'without' if node.without else 'by'} {_names(node.grouping)}"
        case LabelReplace() | LabelJoin():
            return f"set label {node.target}"
        case Common():
            return f"common {node.number}"
        case Subset():
            return f"subset of common {node.broad.number}"
        case Absent():
            return f"absent {node.labels}"
        case Sort():
            return "sort descending" if node.descending else "sort"
        case SortByLabel():
            return f"sort by label{' descending' * node.descending} ({', '.join(node.labels)})"
        case _:
            return _PLAIN[type(node).__name__]


def _describe_read(node: Read) -> str:
    words = [f"read {{{_matchers(node.matchers)}}}[{format_duration(node.range_ms)}]"]
    if node.extension is not Extension.NONE:
        words.append(f" {node.extension.value}")
    words.append(_timing(node.timing))
    words.append(" statistics" * node.statistics)
    if node.filters:
        words.append(f" from all with {{{_matchers([found for found in node.matchers if found not in node.filters])}}}")
    words.append(" nothing" * node.never)
    return "".join(words)


def _matchers(matchers: Iterable[Matcher]) -> str:
    return ",".join(str(matcher) for matcher in matchers)


def _names(names: tuple[bytes, ...]) -> str:
    return "(" + ", ".join(name.decode(errors="replace") for name in names) + ")"


def _timing(timing: Timing) -> str:
    at = "" if timing.at_ms is None else f" @ {timing.at_ms / 1000:.3f}"
    return at + (f" offset {timing.offset_ms}ms" if timing.offset_ms else "")
