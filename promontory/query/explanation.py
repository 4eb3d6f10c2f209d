"""Explanation: what a query would do, and what it did where it was run.

    text ─ parse ─ plan ─► Explanation ─► with estimates (store/estimates.py) ─► with an Analysis (query/analysis.py)

Written out by query/explain_text.py for people and query/explain_json.py for programs.
"""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.selector import Selector
from promontory.promql.plan.nodes import Read
from promontory.promql.plan.outline import Place, outline_plan
from promontory.promql.plan.plan import Plan
from promontory.promql.plan.selects import selector_of
from promontory.query.analysis import Analysis
from promontory.store.estimates import SelectEstimate


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan, what a Store would be asked for each of its selects, in their order, and more where it is known."""

    plan: Plan
    selectors: tuple[Selector, ...]
    estimates: tuple[SelectEstimate, ...] = ()
    analysis: Analysis | None = None

    @property
    def text(self) -> str:
        """The query."""
        return self.plan.options.text.decode(errors="replace")

    @property
    def places(self) -> list[Place]:
        """The nodes of the plan, in the order in which an Analysis counts them."""
        return outline_plan(self.plan.root, self.plan.grid)

    def number_selects(self) -> list[int | None]:
        """Return for each place the number of the select that feeds it, None for all but Reads."""
        numbers = {select.selector: number for number, select in enumerate(self.plan.selects)}
        return [
            numbers[selector_of(place.node, place.grid)]
            if isinstance(place.node, Read) and not place.node.never
            else None
            for place in self.places
        ]
