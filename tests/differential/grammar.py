"""Random queries that mean something: joins that match, windows that hold samples, labels that exist.

One random source makes one query. Times: evaluation, steps, offsets and @ are multiples of 5 s, samples never stand on
half a second, and the ranges of subqueries are no multiple of 5 s, so that no window edge meets a sample or a point.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from tests.differential.data import METRICS
from tests.differential.expression import Expression, Kind, Noise, closed, derive, option, vector
from tests.differential.invalid import make_invalid
from tests.differential.joins import join
from tests.differential.selectors import duration, make_missing, make_range, make_selector, make_when
from tests.differential.vocabulary import (
    AGGREGATIONS,
    COMPARISONS,
    DATES,
    MATHS,
    OPERATORS,
    SETS,
    WINDOWS,
    limit_of,
    noise_of_aggregation,
    noise_of_operator,
    noise_of_window,
)

LONGEST_REACH_S = 6300
TRIES = 25
ANY = Noise.NOISY
PLACE = frozenset({"job", "instance"})
NUMBERS = ("0", "1", "2", "-1", "0.5", "10", "100", "1e3", "0x1f", "-2.5", "3", "60", "8", "Inf", "-Inf")
BUCKETS = next(one for one in METRICS if "le" in one.labels)
REPLACEMENTS = (
    ("fresh", "$1-x", "(.).*"), ("fresh", "${1}y$2", "(.)(.*)"), ("fresh", "constant", ".*"), ("fresh", "$1", "(.*)"),
    ("", "$1", "(.*)"), ("", "z$1", "(.+)"), ("fresh", "$name", "(?P<name>.+)"), ("fresh", "x", "nope"),
    ("missing", "", ".*"), ("fresh", "$2$$", "(a|b)?(.*)"), ("", "", "x?"), ("fresh", "$1", "(.).(.)"),
)  # fmt: skip


class Grammar:
    """Expressions out of one random source. A maker takes the depth that is left."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._makers: dict[str, Callable[[int], Expression]] = {
            **{name: partial(self._maths, name) for name in MATHS},
            **{name: partial(self._date, name) for name in DATES},
            **{name: partial(self._window, name) for name in WINDOWS},
            **{name: partial(self._aggregation, name) for name in AGGREGATIONS},
            **{name: partial(self._binary, name) for name in OPERATORS},
            "label_replace": self._label_replace, "label_join": self._label_join, "absent": self._absent,
            "absent_over_time": self._absent_over_time, "histogram_quantile": self._histogram_quantile,
            "timestamp": self._timestamp, "unary": self._unary, "native": self._native, "vector": self._vector_of,
            "sort": partial(self._sort, "sort"), "sort_desc": partial(self._sort, "sort_desc"),
        }  # fmt: skip
        self._names = list(self._makers)
        heavy = {**dict.fromkeys((*OPERATORS, *AGGREGATIONS), 3), "histogram_quantile": 4, "unary": 3, "native": 3}
        self._weights = [heavy.get(name, 1) for name in self._names]

    def make(self, *, is_instant: bool) -> Expression:
        """Return a whole query: nearly always a vector, some scalars, strings, range vectors and mistakes."""
        roll = self.rng.random()
        if roll < 0.02:
            return self.scalar(2)
        if roll < 0.03 and is_instant:
            return self._string() if self.rng.random() < 0.3 else self.matrix(1)
        if roll < 0.045:
            return make_invalid(self.rng, self.vector(1), self.scalar(1))
        if roll < 0.1 and is_instant:
            return self._sort(self.rng.choice(["sort", "sort_desc"]), 2)
        return self.vector(self.rng.choice([1, 2, 2, 3]))

    def vector(self, depth: int, limit: Noise = ANY, *, is_whole: bool = False) -> Expression:
        """Return a vector with at most so much noise, without gaps where that is asked."""
        for _ in range(TRIES):
            if depth <= 0:
                made = make_selector(self.rng)
            else:
                made = self._makers[self.rng.choices(self._names, self._weights)[0]](depth)
            if made.noise <= limit and made.reach_s <= LONGEST_REACH_S and (made.is_whole or not is_whole):
                return made
        return vector("load", labels=PLACE, key=PLACE, has_name=True)

    def matrix(self, depth: int, limit: Noise = ANY, *, is_whole: bool = False) -> Expression:
        """Return a range selector or a subquery, without gaps (or a counter far from zero) where that is asked."""
        inner, when = self.vector(depth - 1, limit, is_whole=is_whole), make_when(self.rng)
        # What follows from ties of topk at any of the times of a subquery cannot be recognised: see known.py.
        if self.rng.random() < 0.7 or {"topk", "bottomk"} & set(inner.all_uses()):
            return make_range(self.rng, is_whole=is_whole)
        span_s = self.rng.choice([303, 423, 601, 904, 1202])
        step = self.rng.choice(["15s", "30s", "45s", "1m", "", "2m", "100s"])
        reach_s = inner.reach_s + span_s + 120 + when.reach_s
        use = "subquery" if step else "subquery default step"
        body = ("(", inner, ")", f"[{duration(span_s)}:{step}]", when)
        return derive(inner, *body, kind=Kind.MATRIX, uses=(use,), reach_s=reach_s)

    def scalar(self, depth: int) -> Expression:
        """Return a number, a clock, a scalar() or an operation of them."""
        roll = self.rng.random()
        if depth <= 0 or roll < 0.5:
            return self._number()
        if roll < 0.6:
            return Expression(Kind.SCALAR, ("time()",), ("time",))
        if roll < 0.68:
            return Expression(Kind.SCALAR, ("pi()",), ("pi",), Noise.SAME)
        if roll < 0.85:
            inner = self.vector(depth - 1)
            if self.rng.random() < 0.8:
                name = self.rng.choice(["max", "min", "count"])
                noise = noise_of_aggregation(name, inner)
                inner = derive(inner, name, "(", inner, ")", uses=(name,), noise=noise)
            return Expression(Kind.SCALAR, ("scalar(", inner, ")"), ("scalar",), inner.noise, reach_s=inner.reach_s)
        op = self.rng.choice(["+", "-", "*", "/", "%", "^", "== bool", "> bool", "<= bool"])
        left, right = self.scalar(0), self.scalar(depth - 1)
        if right.noise > limit_of(op.split()[0]):
            right = self._number()
        noise = noise_of_operator(op, left, right, is_bool="bool" in op)
        return Expression(
            Kind.SCALAR, ("(", left, f" {op} ", right, ")"), tuple(op.split()), noise, reach_s=right.reach_s
        )

    def _maths(self, name: str, depth: int) -> Expression:
        inner = self.vector(depth - 1, limit_of(name))
        more: str | Expression = ""
        if name == "round":
            more = self.rng.choice(["", ", 0.5", ", 4", ", 0.1", ", 10"])
        elif name == "clamp":
            more = self.rng.choice([", 0, 1", ", -5, 100", ", 1, 1e6", ", 2, 1", ", 0.5, Inf"])
        elif name.startswith("clamp"):
            more = f", {self._number()}"
        noise = max(MATHS[name], inner.noise)
        return derive(inner, name, "(", inner, more, ")", uses=(name,), has_name=False, noise=noise)

    def _date(self, name: str, depth: int) -> Expression:
        if self.rng.random() < 0.3:
            return vector(name, "()", uses=(name,))
        inner = self.vector(depth - 1, Noise.SAME) if self.rng.random() < 0.5 else self._timestamp(1)
        return derive(inner, name, "(", inner, ")", uses=(name,), has_name=False, noise=Noise.EXACT)

    def _timestamp(self, depth: int) -> Expression:
        inner = self.vector(self.rng.choice([0, 0, depth - 1]))
        return derive(inner, "timestamp(", inner, ")", uses=("timestamp",), has_name=False, noise=Noise.SAME)

    def _window(self, name: str, depth: int) -> Expression:
        inner = self.matrix(depth, limit_of(name), is_whole=name in ("rate", "increase"))
        before, after = "", ""
        if name == "quantile_over_time":
            before = self.rng.choice(["0.5, ", "0.9, ", "0, ", "1, ", "0.25, ", "-1, ", "2, "])
        elif name == "predict_linear":
            after = self.rng.choice([", 600", ", 3600", ", -60", ", 0"])
        has_name = inner.has_name and name == "last_over_time"
        noise = noise_of_window(name, inner)
        return derive(inner, name, "(", before, inner, after, ")", uses=(name,), noise=noise, has_name=has_name)

    def _aggregation(self, name: str, depth: int) -> Expression:
        inner = self.vector(depth - 1, limit_of(name))
        labels, grouping = self._grouping(inner)
        keeps, parameter, noise = name in ("topk", "bottomk"), "", noise_of_aggregation(name, inner)
        if keeps:
            parameter = self.rng.choice(["1", "2", "3", "5", "0", "2.9", "-1", "1e3"]) + ", "
        elif name == "quantile":
            parameter = self.rng.choice(["0.5", "0.9", "0.25", "0", "1", "-1", "1.5"]) + ", "
        elif name == "count_values":
            parameter, labels = '"zvalue", ', labels | {"zvalue"}
        body = ("(", parameter, inner, ")")
        parts = (name, grouping, " ", *body) if self.rng.random() < 0.6 else (name, *body, grouping)
        if keeps:
            return derive(inner, *parts, uses=(name,), is_whole=False, is_ordered=True)
        return derive(inner, *parts, uses=(name,), labels=labels, key=labels, has_name=False, noise=noise)

    def _grouping(self, inner: Expression) -> tuple[frozenset[str], Expression]:
        """Return the labels that are left, and the modifier."""
        names = sorted(inner.labels)
        chosen = self.rng.sample(names, self.rng.randrange(len(names) + 1))
        kind = self.rng.choice(["", "by", "by", "without"])
        if not kind:
            return frozenset(), option("", "no grouping")
        listed = chosen + (["missing"] if self.rng.random() < 0.1 else [])
        left = frozenset(chosen) if kind == "by" else inner.labels - frozenset(chosen)
        return left, option(f" {kind} ({', '.join(listed)})", kind)

    def _binary(self, op: str, depth: int) -> Expression:
        left = self._operand(op, depth, limit_of(op))
        if op in SETS or self.rng.random() < 0.5:
            # The difference of two rounded sums may be nothing but their rounding.
            limit = Noise.SAME if op in ("+", "-") and left.noise is Noise.NOISY else limit_of(op)
            is_same = left.noise <= limit and self.rng.random() < 0.15
            return join(self.rng, left, op, left if is_same else self._operand(op, depth, limit))
        number = self.scalar(1)
        number = number if number.noise <= limit_of(op) else self._number()
        is_bool = op in COMPARISONS and self.rng.random() < 0.4
        is_filter = op in COMPARISONS and not is_bool
        middle = f" {op}{' bool' if is_bool else ''} "
        operands = (closed(left), closed(number)) if self.rng.random() < 0.7 else (closed(number), closed(left))
        return derive(
            left, "(", *operands[0], middle, *operands[1], ")", uses=(op, "bool") if is_bool else (op,),
            noise=noise_of_operator(op, left, number, is_bool=is_bool), has_name=left.has_name and is_filter,
            is_whole=left.is_whole and not is_filter, reach_s=max(left.reach_s, number.reach_s),
        )  # fmt: skip

    def _operand(self, op: str, depth: int, limit: Noise) -> Expression:
        inner = self.vector(depth - 1, limit)
        if op == "atan2" and inner.has_name:  # 2.42 kept the name there: see known.py
            return derive(inner, "abs(", inner, ")", uses=("abs",), has_name=False)
        return inner

    def _label_replace(self, depth: int) -> Expression:
        inner = self.vector(depth - 1)
        source = self.rng.choice([*sorted(inner.labels), "missing"])
        target, replacement, pattern = self.rng.choice(REPLACEMENTS)
        text = f', "{target or source}", "{replacement}", "{source}", "{pattern}")'
        labels = inner.labels | {target or source}
        return derive(inner, "label_replace(", inner, text, uses=("label_replace",), labels=labels)

    def _label_join(self, depth: int) -> Expression:
        inner = self.vector(depth - 1)
        names = [*sorted(inner.labels), "missing"]
        sources = "".join(f', "{name}"' for name in self.rng.sample(names, self.rng.randrange(1, len(names) + 1)))
        text = f', "both", "{self.rng.choice(["", "-", "::", "é"])}"{sources})'
        return derive(inner, "label_join(", inner, text, uses=("label_join",), labels=inner.labels | {"both"})

    def _histogram_quantile(self, depth: int) -> Expression:
        labels = PLACE | {"le"}
        inner = make_selector(self.rng, BUCKETS)
        if self.rng.random() < 0.7:
            name, span = self.rng.choice(["rate", "increase", "delta"]), self.rng.choice(["2m", "5m", "20m37s"])
            inner = derive(inner, f"{name}(latency_bucket[{span}]", make_when(self.rng), ")", uses=(name,),
                           labels=labels, key=labels, has_name=False, noise=Noise.SAME)  # fmt: skip
        if self.rng.random() < 0.6:
            by = self.rng.choice([{"le"}, {"job", "le"}, {"instance", "le"}])
            noise = noise_of_aggregation("sum", inner)
            inner = derive(inner, f"sum by ({', '.join(sorted(by))}) (", inner, ")", uses=("sum", "by"), noise=noise,
                           labels=frozenset(by), has_name=False)  # fmt: skip
        if self.rng.random() < 0.1:
            inner = self.vector(depth - 1, Noise.SAME)
        quantile, left = self.rng.choice(["0.5", "0.9", "0.99", "0.123", "0", "1", "-1", "1.5"]), inner.labels - {"le"}
        return derive(inner, f"histogram_quantile({quantile}, ", inner, ")", uses=("histogram_quantile",), labels=left,
                      key=left, has_name=False, noise=max(inner.noise, Noise.SAME))  # fmt: skip

    def _absent(self, depth: int) -> Expression:
        roll = self.rng.random()
        inner = make_missing(self.rng) if roll < 0.7 else self.vector(0 if roll < 0.85 else depth - 1)
        return vector("absent(", inner, ")", uses=("absent",), reach_s=inner.reach_s)

    def _absent_over_time(self, depth: int) -> Expression:
        name = self.rng.choice([metric.name for metric in METRICS])
        inner = make_missing(self.rng) if self.rng.random() < 0.8 else vector(name, reach_s=300)
        return vector("absent_over_time(", inner, "[4m])", uses=("absent_over_time",), reach_s=inner.reach_s)

    def _unary(self, depth: int) -> Expression:
        inner, sign = self.vector(depth - 1), self.rng.choice(["-", "-", "+"])
        has_name = inner.has_name and sign == "+"
        return derive(inner, "(", sign, *closed(inner), ")", uses=(f"unary {sign}",), has_name=has_name)

    def _native(self, depth: int) -> Expression:
        """Return a function of native histograms: floats have none of them."""
        name = self.rng.choice(["histogram_count", "histogram_sum", "histogram_fraction"])
        text = f"{name}({'0, 1, ' if name == 'histogram_fraction' else ''}"
        inner = make_selector(self.rng, self.rng.choice([one for one in METRICS if one is not BUCKETS]))
        right = self.vector(0)
        reach_s = max(inner.reach_s, right.reach_s)
        return derive(right, "(", text, inner, ") or ", right, ")", uses=(name, "or"), is_whole=False, reach_s=reach_s)

    def _sort(self, name: str, depth: int) -> Expression:
        inner = self.vector(depth - 1, Noise.SAME)
        return derive(inner, name, "(", inner, ")", uses=(name,), is_ordered=True)

    def _vector_of(self, depth: int) -> Expression:
        inner = self.scalar(depth)
        return vector("vector(", inner, ")", uses=("vector",), noise=inner.noise, reach_s=inner.reach_s)

    def _number(self) -> Expression:
        return Expression(Kind.SCALAR, (self.rng.choice(NUMBERS),))

    def _string(self) -> Expression:
        return Expression(Kind.STRING, (self.rng.choice(['"a\\tb"', "'é'", "`raw\\n`", '""']),))
