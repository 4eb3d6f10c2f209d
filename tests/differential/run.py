"""A run: cases asked of both servers by some threads, differences shrunk, all of it counted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.differential.answers import Answer, Difference, compare, tolerance_of
from tests.differential.case import Case, make_case
from tests.differential.expression import Noise
from tests.differential.known import find_known
from tests.differential.servers import Endpoint
from tests.differential.shrink import shrink
from tests.differential.vocabulary import AGGREGATIONS, FUNCTIONS, MODIFIERS, OPERATORS

WORDS = {"functions": FUNCTIONS, "operators": OPERATORS, "aggregations": AGGREGATIONS, "modifiers": MODIFIERS}
WORKERS = 4
MOST_REPORTED = 20
# What a run is meant to be; a shorter one than the full one may use a word seldom by chance.
FULL_RUN = 20_000
LEAST_USES = 50
LEAST_FILLED = 0.7
MOST_EXCUSED = 0.02


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that no row of the table explains."""

    seed: int
    number: int
    case: Case
    small: Case
    difference: Difference

    def __str__(self) -> str:
        return (
            f"DIFFERS: {self.small}\n  ours against theirs: {self.difference.text}\n  was: {self.case}\n"
            f"  again: .venv/bin/python -m tests.differential --seed {self.seed} --case {self.number}"
        )


@dataclass(slots=True)
class Summary:
    """What a run has seen."""

    queries: int = 0
    filled: int = 0
    errors: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def report(self) -> str:
        """Return the first findings, those that shrank to the same query once."""
        different = {str(one.small.query): one for one in reversed(self.findings)}
        return "\n".join(str(one) for one in list(different.values())[:MOST_REPORTED])

    @property
    def filled_share(self) -> float:
        """The share of answers that hold a value."""
        return self.filled / max(self.queries, 1)

    @property
    def excused_share(self) -> float:
        """The share of answers that a known difference excuses."""
        return self.excused.total() / max(self.queries, 1)

    def misses(self) -> list[str]:
        """Return what the run was meant to be and is not: rich in values, low in excuses, and broad."""
        least = LEAST_USES if self.queries >= FULL_RUN else 0
        found = [f"{name} was used {count} times" for name, count in map(self.fewest, WORDS) if count < least]
        if self.filled_share < LEAST_FILLED:
            found.append(f"{self.filled_share:.1%} of the answers hold values")
        if self.excused_share > MOST_EXCUSED:
            found.append(f"{self.excused_share:.1%} of the answers are excused")
        return found

    def fewest(self, kind: str) -> tuple[str, int]:
        """Return the word of a kind that was used least, and how often."""
        return min(((name, self.uses[name]) for name in WORDS[kind]), key=lambda pair: pair[1])

    def __str__(self) -> str:
        lines = [
            f"{self.queries} queries, {self.filled_share:.1%} with values, {self.errors} errors on both sides",
            f"excused: {self.excused_share:.2%} {dict(self.excused)}",
            *(f"{kind}: {len(words)}, fewest uses: {self.fewest(kind)}" for kind, words in WORDS.items()),
            f"differences: {len(self.findings)}",
            *(f"too little: {miss}" for miss in self.misses()),
        ]
        return "\n".join(lines)


class Comparison:
    """Ours and theirs."""

    def __init__(self, ours: Endpoint, theirs: Endpoint) -> None:
        self.ours = ours
        self.theirs = theirs

    def differ(self, case: Case) -> Difference | None:
        """Return the difference of the answers to a case."""
        return self.answer(case)[2]

    def answer(self, case: Case) -> tuple[Answer, Answer, Difference | None]:
        """Return both answers and their difference; ours has to answer the same when it is asked again.

        What is asked a second time goes another way where it is small: query/small_queries.py.
        """
        ours, again, theirs = self.ours.ask(case), self.ours.ask(case), self.theirs.ask(case)
        if again != ours:
            return again, ours, Difference(f"{again.body} when asked again, {ours.body} at first")
        query = case.query
        tolerance = tolerance_of(query.all_uses(), is_noisy=query.noise is Noise.NOISY)
        return ours, theirs, compare(ours, theirs, tolerance, is_ordered=query.is_ordered and case.is_instant)

    def run(self, seed: int, numbers: range) -> Summary:
        """Ask all cases of a seed."""
        summary = Summary()
        with ThreadPoolExecutor(WORKERS) as pool:
            for case, theirs, outcome in pool.map(lambda number: self._run_one(seed, number), numbers):
                summary.queries += 1
                summary.filled += not theirs.is_empty
                summary.errors += bool(theirs.error)
                summary.uses.update(set(case.query.all_uses()) | {"instant" if case.is_instant else "range"})
                if isinstance(outcome, Finding):
                    summary.findings.append(outcome)
                elif outcome:
                    summary.excused[outcome] += 1
        return summary

    def _run_one(self, seed: int, number: int) -> tuple[Case, Answer, Finding | str | None]:
        case = make_case(seed, number)
        _, theirs, difference = self.answer(case)
        if difference is None:
            return case, theirs, None
        small, difference = shrink(case, difference, self.differ)
        known = find_known(small, *self.answer(small)[:2])
        finding = Finding(seed, number, case, small, difference)
        return case, theirs, known.name if known is not None else finding
