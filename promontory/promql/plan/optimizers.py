"""The optimizers in the order in which they run: each takes a plan and returns one with the same answer."""

from __future__ import annotations

from promontory.promql.plan.ask_statistics import ask_statistics
from promontory.promql.plan.fold_constants import fold_constants
from promontory.promql.plan.nodes import Optimizer
from promontory.promql.plan.repeat_invariant import repeat_invariant

OPTIMIZERS: tuple[Optimizer, ...] = (fold_constants, ask_statistics, repeat_invariant)
