"""Mistakes that both have to refuse."""

from __future__ import annotations

import random

from tests.differential.expression import Expression, vector

FIXED = (
    "{}", "load == on (job) bool load", '{job=~".*"}', "sum_over_time(load)", 'load{job="}', "load{job=~'('}",
    "sum by (job) (load) group_left load", "load @ foo", "load offset", "1 and 2", "load[5m] + 1",
    "rate(load[5m])[5m]", "load[0s]", "sum(load", "-'text'", "load * on (job) load", "owner * on () load",
    "load + on (job) group_left (instance) owner", "label_join(load, 'instance', '')", "bottomk(Inf, load)",
    '{__name__=~"load|limit"} * 2', "topk(1e30, load)", '{__name__=~"load|limit"} == bool 2', "load{job=}",
    "sum by job (load)", "1 +", "time(1)",
)  # fmt: skip


def make_invalid(rng: random.Random, inner: Expression, number: Expression) -> Expression:
    """Return a query with a mistake, around a vector or a scalar."""
    around: list[tuple[str | Expression, ...]] = [
        ("rate(", inner, ")"), ("sum(", number, ")"), ("abs(", number, ")"), ("nothing(", inner, ")"), ("(", inner),
        ("(", inner, ") and ", number), (inner, ")"), ("topk(", inner, ")"), (number, " > ", number),
        ("label_replace(", inner, ', "x", "$1", "job", "(")'), ("clamp(", inner, ", 1)"),
        ("histogram_quantile(", inner, ", 0.5)"),
    ]  # fmt: skip
    return vector(*rng.choice([*around, *((text,) for text in FIXED)]), uses=("invalid",))
