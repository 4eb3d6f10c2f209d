"""What info() reads: which info metrics, and when.

The label selector of the second argument names the info metrics by its matchers on `__name__`; alone, negative ones
choose among metrics that end in `_info`, and without any it is `target_info`. The time is that of the first selector
in the first argument: its @ and offset, and those of the subqueries around it up to the innermost @.

Source: Prometheus 3.14, promql/info.go.
"""

from __future__ import annotations

from collections.abc import Callable

from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher, MatchKind
from promontory.promql import nodes as syntax
from promontory.promql.plan.nodes import Timing

_TARGET_INFO = Matcher(MatchKind.EQUAL, METRIC_NAME, b"target_info")
_ANY_INFO = Matcher(MatchKind.REGEX, METRIC_NAME, b".+_info")
_POSITIVE = frozenset([MatchKind.EQUAL, MatchKind.REGEX])


def split_matchers(selector: syntax.VectorSelector | None) -> tuple[tuple[Matcher, ...], tuple[Matcher, ...]]:
    """Return the matchers that choose the info metrics, and those on data labels."""
    matchers = selector.matchers if selector is not None else ()
    names = tuple(matcher for matcher in matchers if matcher.name == METRIC_NAME)
    if not names:
        names = (_TARGET_INFO,)
    elif all(matcher.kind not in _POSITIVE for matcher in names):
        names = (_ANY_INFO, *names)
    return names, tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)


def reference_timing(root: syntax.Node, timing: Callable[[syntax.VectorSelector | syntax.Subquery], Timing]) -> Timing:
    """Return when info series are looked up for the series of `root`; `timing` gives that of one node."""
    waiting: list[tuple[syntax.Node, tuple[syntax.Subquery, ...]]] = [(root, ())]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, syntax.VectorSelector):
            found = timing(node)
            for subquery in reversed(around):
                if found.at_ms is None:
                    outer = timing(subquery)
                    found = Timing(found.offset_ms + outer.offset_ms, outer.at_ms)
            return found
        parts = syntax.children(node)
        if isinstance(node, syntax.Aggregation):
            parts = tuple(reversed(parts))  # Prometheus looks at the parameter last
        within = (*around, node) if isinstance(node, syntax.Subquery) else around
        waiting.extend((part, within) for part in reversed(parts))
    return Timing()
