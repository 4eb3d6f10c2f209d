"""Random queries that say the same things again: what optimizers of plans look for.

Parts are few and drawn again and again, so that whole subtrees, selects and windows come twice in a query; the data
hold gaps, resets, gauges under functions for counters, native histograms among floats, and series that join twice.
"""

from __future__ import annotations

from random import Random
from typing import TypeVar

T = TypeVar("T")

DATA = """
load 1m
    a_total{x="1",y="1"} 0+6x20
    a_total{x="1",y="2"} 0+3x9 1+4x10
    a_total{x="2",y="1"} 5 _ _ 9 11 stale _ 3+2x14
    a_total{x="2",y="3"} 1 2 {{count:2 sum:2 buckets:[2]}} {{count:4 sum:4 buckets:[4]}} 7+1x16
    b{x="1",y="1"} 1+1x20
    b{x="1",y="2"} 20-1x20
    b{x="3",y="2"} NaN Inf -Inf 4+1x17
    c{x="1"} 2x20
    c{x="2"} 0 _ 1 _ 1x16
    h{x="1"} {{count:2 sum:2 buckets:[2]}}+{{count:2 sum:2 buckets:[2]}}x20
    h{x="2"} {{count:4 sum:4 buckets:[4]}} {{count:1 sum:1 buckets:[1]}} {{count:3 sum:3 buckets:[3]}}x18
    h{x="3"} {{count:8 sum:8 buckets:[8] counter_reset_hint:gauge}}x20
    t{__type__="counter",x="1"} 0+2x20
    t{x="1",y="1"} 0+1x20
    l_bucket{x="1",le="1"} 0+1x20
    l_bucket{x="1",le="+Inf"} 0+2x20
    l_bucket{x="2",le="bad"} 0+2x20
"""
_FILTERS = (
    "", "", "", '{x="1"}', '{x="1",y="2"}', '{x!="1"}', '{x=~"1|2"}', '{y=""}', '{__type__="counter"}', '{x="1",x="2"}',
    '{le!=""}',
)  # fmt: skip
_NAMES = ("a_total", "a_total", "b", "c", "h", "l_bucket", "t", '{__name__=~"a_total|b"}')
_WINDOWS = (
    "rate", "rate", "increase", "delta", "max_over_time", "sum_over_time", "last_over_time", "changes", "irate",
    "count_over_time", "avg_over_time", "present_over_time", "absent_over_time", "deriv",
    "quantile_over_time(scalar(c),",
)  # fmt: skip
_MATCHINGS = ("", "", "on(x)", "ignoring(y)", "on(x) group_left", "ignoring(y) group_right", "on(x,y)", "on()")
_GROUPINGS = ("", " by (x)", " by (x)", " without (y)", " by (le)")
_FOLDS = ("sum", "sum", "count", "avg", "max", "group", "stddev", "topk(1,", "quantile(2,", 'count_values("v",')


class RepeatingQueries:
    """Writes vectors; each part has a chance to be one that was written before."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._parts: list[str] = []

    def vector(self, depth: int) -> str:
        """Return a vector, nesting at most so deep."""
        if self._parts and self._random.random() < 0.35:
            return self._choose(tuple(self._parts))
        makers = (self._lookup, self._window) if depth <= 0 else (self._fold, self._pair, self._share, self._map)
        text = self._choose(makers)(depth)
        self._parts.append(text)
        return text

    def _selector(self) -> str:
        name, filters = self._choose(_NAMES), self._choose(_FILTERS)
        return f"{name[:-1]},{filters[1:]}" if filters and name.startswith("{") else name + filters

    def _lookup(self, _: int) -> str:
        return self._selector() + self._choose(("", "", "", " offset 1m", " @ 600"))

    def _window(self, depth: int) -> str:
        function, span = self._function(), self._choose(("3m", "3m", "5m"))
        if self._random.random() < 0.15:
            return f"{function}({self.vector(depth - 1)})[{span}:1m])"
        return f"{function}{self._selector()}[{span}]{self._choose(('', '', '', ' offset 1m', ' @ end()'))})"

    def _function(self) -> str:
        function = self._choose(_WINDOWS)
        return function if "(" in function else function + "("

    def _fold(self, depth: int) -> str:
        op = self._choose(_FOLDS)
        return f"{op if '(' in op else op + '('}{self.vector(depth - 1)}){self._choose(_GROUPINGS)}"

    def _share(self, _: int) -> str:
        """Return what some series of a metric make of what all make."""
        op, function, name = self._choose(_FOLDS[:4]), self._function(), self._choose(_NAMES[:-1])
        parts = [f"{function}{name}{self._choose(_FILTERS)}[3m])" for _ in range(2)]
        return f"({' / '.join(f'{op}{self._choose(_GROUPINGS)} ({part})' for part in parts)})"

    def _pair(self, depth: int) -> str:
        op, matching = self._choose(("/", "/", "-", ">", "==", "and", "or", "unless")), self._choose(_MATCHINGS)
        if op in ("and", "or", "unless"):
            matching = matching.partition(" ")[0]
        return f"({self.vector(depth - 1)} {op} {matching} {self.vector(depth - 1)})"

    def _map(self, depth: int) -> str:
        inner = self.vector(depth - 1)
        return self._choose((
            f"abs({inner})", f"-{inner}", f"({inner} * 2)", f"({inner} > 1)", f"clamp_min({inner}, scalar({inner}))",
            f"histogram_quantile(0.5, {inner})", f"histogram_count({inner})", f"absent({inner})", f"sort({inner})",
            f'label_replace({inner}, "z", "$1", "x", "(.*)")', f"timestamp({inner})", f"vector(scalar({inner}))",
        ))  # fmt: skip

    def _choose(self, options: tuple[T, ...]) -> T:
        return options[self._random.randrange(len(options))]
