"""The words of the grammar: every stable function, operator and aggregation of 2.42, and how noisy each is.

What 3.14 has and 2.42 has not (first_over_time, histogram_avg, …) is covered by scripts; holt_winters has gone.
"""

from __future__ import annotations

from typing import Final

from tests.differential.expression import Expression, Noise

_EXACT_MATHS = "abs ceil floor sgn clamp clamp_max clamp_min"
_SAME_MATHS = "sqrt round deg rad"
_NOISY_MATHS = "exp ln log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh"
MATHS: Final = {
    **dict.fromkeys(_EXACT_MATHS.split(), Noise.EXACT),
    **dict.fromkeys(_SAME_MATHS.split(), Noise.SAME),
    **dict.fromkeys(_NOISY_MATHS.split(), Noise.NOISY),
}
_DATES = "day_of_month day_of_week day_of_year days_in_month hour minute month year"
DATES: Final = tuple(_DATES.split())
_COUNTING = "count_over_time present_over_time changes resets"
_SAME_WINDOWS = "rate increase delta irate idelta quantile_over_time last_over_time max_over_time min_over_time"
_NOISY_WINDOWS = "avg_over_time stddev_over_time stdvar_over_time deriv predict_linear"
WINDOWS: Final = tuple(f"{_COUNTING} {_SAME_WINDOWS} {_NOISY_WINDOWS} sum_over_time".split())
_AGGREGATIONS = "sum avg min max count group stddev stdvar topk bottomk count_values quantile"
AGGREGATIONS: Final = tuple(_AGGREGATIONS.split())
ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")
SETS: Final = ("and", "or", "unless")
OPERATORS: Final = (*ARITHMETIC, *COMPARISONS, *SETS)
SINGLE: Final = (
    "label_replace", "label_join", "histogram_quantile", "absent", "absent_over_time", "timestamp", "sort",
    "sort_desc", "vector", "scalar", "time", "pi", "histogram_count", "histogram_sum", "histogram_fraction",
)  # fmt: skip
FUNCTIONS: Final = (*MATHS, *DATES, *WINDOWS, *SINGLE)
MODIFIERS: Final = (
    "by", "without", "no grouping", "bool", "on", "ignoring", "group_left", "group_right", "group labels", "offset",
    "offset -", "@", "@ start", "@ end", "subquery", "subquery default step", "=", "!=", "=~", "!~", "unary -",
    "unary +", "instant", "range", "invalid",
)  # fmt: skip

# sin, cos and tan of large numbers jump as well.
_JUMPING_MATHS = frozenset(["ceil", "floor", "sgn", "round", "sin", "cos", "tan"])
_JUMPING_WINDOWS = frozenset(["changes", "resets", "rate", "increase", "irate"])
_JUMPING_AGGREGATIONS = frozenset(["topk", "bottomk", "count_values"])
# Functions of numbers that jump: a rounding in the last digit makes another answer.
JUMPING: Final = (
    frozenset(["%", "^", "atan2", *COMPARISONS]) | _JUMPING_MATHS | _JUMPING_WINDOWS | _JUMPING_AGGREGATIONS
)


def limit_of(name: str) -> Noise:
    """Return how noisy the operand of a function or operator may be."""
    return Noise.SAME if name in JUMPING else Noise.NOISY


def noise_of_window(name: str, inner: Expression) -> Noise:
    """Return the noise of a function of a range."""
    if name in _COUNTING.split():
        return Noise.EXACT
    if name == "sum_over_time":
        return _sum_noise(inner)
    if name in _NOISY_WINDOWS.split():
        return Noise.NOISY
    return inner.noise if name.startswith(("min", "max", "last", "idelta")) else max(Noise.SAME, inner.noise)


def noise_of_aggregation(name: str, inner: Expression) -> Noise:
    """Return the noise of an aggregation."""
    if name in ("count", "group", "count_values"):
        return Noise.EXACT
    if name == "sum":
        return _sum_noise(inner)
    if name in ("avg", "stddev", "stdvar"):
        return Noise.NOISY
    return max(Noise.SAME, inner.noise) if name == "quantile" else inner.noise


def noise_of_operator(op: str, left: Expression, right: Expression, *, is_bool: bool = False) -> Noise:
    """Return the noise of a binary operation."""
    if is_bool:
        return Noise.EXACT
    if op in ("^", "atan2"):
        return Noise.NOISY
    both = max(left.noise, right.noise)
    return max(Noise.SAME, both) if op in ("*", "/", "%") else both


def _sum_noise(inner: Expression) -> Noise:
    return Noise.EXACT if inner.noise is Noise.EXACT else Noise.NOISY
