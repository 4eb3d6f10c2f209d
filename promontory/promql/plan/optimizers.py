"""The optimizers in the order in which they run: each takes a plan and returns one with the same answer."""

from __future__ import annotations

from promontory.promql.plan.ask_statistics import ASK_STATISTICS
from promontory.promql.plan.fold_constants import FOLD_CONSTANTS
from promontory.promql.plan.merge_selects import MERGE_SELECTS
from promontory.promql.plan.optimizer import Optimizer
from promontory.promql.plan.project_labels import PROJECT_LABELS
from promontory.promql.plan.propagate_matchers import PROPAGATE_MATCHERS
from promontory.promql.plan.repeat_invariant import REPEAT_INVARIANT
from promontory.promql.plan.share_subtrees import SHARE_SUBTREES
from promontory.promql.plan.sort_matchers import SORT_MATCHERS

OPTIMIZERS: tuple[Optimizer, ...] = (
    FOLD_CONSTANTS,
    PROPAGATE_MATCHERS,
    SORT_MATCHERS,
    ASK_STATISTICS,
    PROJECT_LABELS,
    REPEAT_INVARIANT,
    MERGE_SELECTS,
    SHARE_SUBTREES,  # last: below it a plan is no tree any more
)
