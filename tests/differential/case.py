"""A query and its times, made from a seed and a number."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.differential.expression import Expression
from tests.differential.grammar import Grammar
from tests.differential.selectors import FIRST_S, LAST_S


@dataclass(frozen=True, slots=True)
class Case:
    """A query on a grid of whole seconds; a step of 0 is an instant query at `start_s`."""

    query: Expression
    start_s: int
    end_s: int
    step_s: int

    @property
    def is_instant(self) -> bool:
        """Whether it is asked of /api/v1/query."""
        return self.step_s == 0

    def form(self) -> tuple[str, dict[str, str]]:
        """Return the path and the form of the request."""
        if self.is_instant:
            return "/api/v1/query", {"query": str(self.query), "time": str(self.start_s)}
        times = {"start": str(self.start_s), "end": str(self.end_s), "step": str(self.step_s)}
        return "/api/v1/query_range", {"query": str(self.query), **times}

    def __str__(self) -> str:
        grid = f"at {self.start_s}" if self.is_instant else f"from {self.start_s} to {self.end_s} step {self.step_s}"
        return f"{self.query}  ({grid})"


def make_case(seed: int, number: int) -> Case:
    """Return the case of that number: the same one for the same seed, whatever ran before."""
    rng = random.Random(f"{seed}:{number}")
    grammar = Grammar(rng)
    start_s = rng.randrange(FIRST_S, LAST_S, 5)
    if rng.random() < 0.5:
        return Case(grammar.make(is_instant=True), start_s, start_s, 0)
    step_s = rng.choice([5, 15, 30, 60, 60, 150, 300])
    end_s = min(LAST_S, start_s + step_s * rng.randrange(1, 25) + rng.choice([0, 0, 5]))
    return Case(grammar.make(is_instant=False), start_s, end_s, step_s)
