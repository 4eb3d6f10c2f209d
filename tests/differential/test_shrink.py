"""A difference shrinks to the part that differs, at one time."""

from __future__ import annotations

from tests.differential.answers import Difference
from tests.differential.case import Case, make_case
from tests.differential.expression import smaller, vector
from tests.differential.shrink import shrink


def test_a_difference_in_one_function_shrinks_to_that_function_at_one_time() -> None:
    cases = (make_case(1, number) for number in range(10_000))
    case = next(one for one in cases if "deriv(" in str(one.query) and len(str(one.query)) > 90 and not one.is_instant)

    def differ(candidate: Case) -> Difference | None:
        return Difference("differs", case.end_s) if "deriv(" in str(candidate.query) else None

    small, _ = shrink(case, Difference("differs", case.end_s), differ)
    assert small.is_instant
    assert str(small.query).count("(") <= 2
    assert len(str(small.query)) < 40


def test_smaller_expressions_are_parts_and_lose_modifiers() -> None:
    inner = vector("load")
    found = [str(one) for one in smaller(vector("abs(", vector("-", inner), ")"))]
    assert found == ["-load", "load", "load", "abs(load)", "abs(load)"]
