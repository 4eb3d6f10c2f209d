"""The nodes of a plan: what is computed, with offsets, @ and names of things resolved.

Four kinds of value flow between them: vectors (one value a series and time), scalars (one a time), range vectors
(raw samples) and text. Each class says which it gives. The times are the grid's of the query, or, inside a
Subquery, that one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from promontory.model.labels import Labels
from promontory.model.matcher import Matcher
from promontory.model.selector import Projection, Selector
from promontory.model.time_range import TimeGrid
from promontory.promql.nodes import Matching
from promontory.promql.plan.position import NOWHERE, Position


@dataclass(frozen=True, slots=True)
class Timing:
    """When a selector looks: `offset_ms` before each evaluation time, or before `at_ms` at all of them."""

    offset_ms: int = 0
    at_ms: int | None = None

    def apply(self, grid: TimeGrid) -> TimeGrid:
        """Return the times at which to look for each time of the grid; one for all where @ is set."""
        if self.at_ms is not None:
            return TimeGrid(self.at_ms - self.offset_ms, self.at_ms - self.offset_ms, 0)
        return TimeGrid(grid.start_ms - self.offset_ms, grid.end_ms - self.offset_ms, grid.step_ms)


@dataclass(frozen=True, slots=True)
class Hints:
    """What stands above a selector: the function or aggregation next to it, the grouping, and the window's range."""

    function: str = ""
    grouping: tuple[bytes, ...] = ()
    by: bool = False
    range_ms: int = 0


class Extension(Enum):
    """What a selector makes of samples beyond the edges of its window; the value is its keyword."""

    NONE = ""
    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


@dataclass(frozen=True, slots=True)
class Read:
    """A range vector: the samples of a selector in (time - range_ms, time].

    `before_ms` and `after_ms` say how far an extended selector reads beyond that on both sides. With `statistics`
    nothing of a histogram is asked for but its count, its sum and whether it was reset (plan/ask_statistics.py).
    `projection` says which labels matter. What `fed` selects is read instead of what the read alone needs, and of
    these series those that `filters` match are taken (plan/merge_selects.py). With `never` nothing can match.
    """

    matchers: tuple[Matcher, ...]
    range_ms: int
    timing: Timing = Timing()
    hints: Hints = Hints()
    extension: Extension = Extension.NONE
    before_ms: int = 0
    after_ms: int = 0
    statistics: bool = False
    projection: Projection | None = None
    fed: Selector | None = None
    filters: tuple[Matcher, ...] = ()
    never: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A scalar that is the same at all times."""

    value: float


@dataclass(frozen=True, slots=True)
class Clock:
    """A scalar: the evaluation time in seconds."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    text: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A vector: the newest sample of each series within `read.range_ms`, or a time of its.

    `times` gives its timestamp and `starts` the time at which its counter began, both in seconds. `position` is where
    a smoothed selector stands in the query.
    """

    read: Read
    times: bool = False
    starts: bool = False
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Resample:
    """A range vector: the values of `vector` at the multiples of `step_ms` in (time - range_ms, time]."""

    vector: PlanNode
    range_ms: int
    step_ms: int
    timing: Timing = Timing()

    def grid(self, outer: TimeGrid) -> TimeGrid:
        """Return the times at which the inner expression is evaluated; none where the last is before the first."""
        ends = self.timing.apply(outer)
        last_ms = ends.start_ms + max(ends.count - 1, 0) * ends.step_ms
        before_ms = ends.start_ms - self.range_ms
        first_ms = (before_ms // self.step_ms + 1) * self.step_ms
        return TimeGrid(first_ms, max(last_ms, first_ms - 1), self.step_ms)


@dataclass(frozen=True, slots=True)
class Extend:
    """A range vector: the samples of an extended selector, with a value at each edge of the window."""

    read: Read


@dataclass(frozen=True, slots=True)
class Window:
    """A vector: a function over the range vector `source`; `position` is where the source stands in the query.

    `second` is the other scalar of a function that has two.
    """

    function: str
    source: Read | Resample
    parameter: PlanNode | None = None
    position: Position = NOWHERE
    second: PlanNode | None = None


@dataclass(frozen=True, slots=True)
class Elementwise:
    """A vector: a function of each value; `parameters` are scalars."""

    function: str
    vector: PlanNode
    parameters: tuple[PlanNode, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalarOperation:
    """A scalar: an operator between two scalars."""

    op: str
    left: PlanNode
    right: PlanNode


@dataclass(frozen=True, slots=True)
class VectorScalar:
    """A vector: an operator between a vector and a scalar; `swapped` when the scalar stands on the left."""

    op: str
    vector: PlanNode
    scalar: PlanNode
    swapped: bool = False
    return_bool: bool = False
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Join:
    """A vector: an operator between matching series of two vectors."""

    op: str
    left: PlanNode
    right: PlanNode
    matching: Matching
    return_bool: bool = False
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class SetOperation:
    """A vector: `and`, `or`, `unless`."""

    op: str
    left: PlanNode
    right: PlanNode
    matching: Matching


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A vector: groups of series folded into one each, or (topk, bottomk) some of each group.

    `position` is that of the parameter where there is one; `histograms_position` is named by what is said of
    histograms.
    """

    op: str
    vector: PlanNode
    grouping: tuple[bytes, ...] = ()
    without: bool = False
    parameter: PlanNode | None = None
    position: Position = NOWHERE
    histograms_position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class ToVector:
    """A vector of one series without labels: vector()."""

    scalar: PlanNode


@dataclass(frozen=True, slots=True)
class ToScalar:
    """A scalar: the only element's value, or NaN: scalar()."""

    vector: PlanNode


@dataclass(frozen=True, slots=True)
class LabelReplace:
    """A vector: label_replace()."""

    vector: PlanNode
    target: str
    replacement: str
    source: str
    pattern: str


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """A vector: label_join()."""

    vector: PlanNode
    target: str
    separator: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """A vector: 1 with `labels` at the times at which `vector` is empty."""

    vector: PlanNode
    labels: Labels


@dataclass(frozen=True, slots=True)
class HistogramQuantile:
    """A vector: the quantiles `parameters` of each histogram; several are told apart by `label`.

    `position` is that of the vector, `quantile_positions` are those of the parameters.
    """

    vector: PlanNode
    parameters: tuple[PlanNode, ...]
    label: str | None = None
    position: Position = NOWHERE
    quantile_positions: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True)
class HistogramFraction:
    """A vector: the part of each histogram's observations between two values; the position is the vector's."""

    vector: PlanNode
    parameters: tuple[PlanNode, PlanNode]
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Sort:
    """A vector in order of its values, which an instant query keeps."""

    vector: PlanNode
    descending: bool = False
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class SortByLabel:
    """A vector in the natural order of label values, which an instant query keeps."""

    vector: PlanNode
    labels: tuple[str, ...]
    descending: bool = False
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class InfoTimes:
    """A vector: when the newest sample of each info series was, in seconds."""

    read: Read


@dataclass(frozen=True, slots=True)
class Info:
    """A vector: the series of `vector` with the labels of matching info series, whose times `info` gives.

    `names` choose the info metrics; `data` are the other matchers, whose labels alone are taken where there are any.
    """

    vector: PlanNode
    info: PlanNode
    names: tuple[Matcher, ...]
    data: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """What `body` is at the first time, at all times."""

    body: PlanNode


@dataclass(frozen=True, slots=True)
class Common:
    """What stands at several places and is computed once; `number` tells it from others."""

    body: PlanNode
    number: int


@dataclass(frozen=True, slots=True)
class Subset:
    """A vector: `own`, which computes the same as `broad` of fewer series, those that the filters of its Read match.

    It is what `broad` gave for these, but where that noted something: then `own` is computed.
    """

    broad: Common
    own: Lookup | Window


PlanNode = (
    Read
    | Constant
    | Clock
    | Text
    | Lookup
    | Resample
    | Extend
    | Window
    | Elementwise
    | ScalarOperation
    | VectorScalar
    | Join
    | SetOperation
    | Aggregate
    | ToVector
    | ToScalar
    | LabelReplace
    | LabelJoin
    | Absent
    | HistogramQuantile
    | HistogramFraction
    | Sort
    | SortByLabel
    | InfoTimes
    | Info
    | Repeat
    | Common
    | Subset
)
