"""A difference made small: fewer times first, then less of the query, while the answers still differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.differential.answers import Difference
from tests.differential.case import Case
from tests.differential.expression import smaller

MOST_ATTEMPTS = 400

Differ = Callable[[Case], Difference | None]


def shrink(case: Case, difference: Difference, differ: Differ) -> tuple[Case, Difference]:
    """Return the smallest case found that differs in the same manner (by an error or by a value), and how."""
    attempts = 0
    is_smaller = True
    while is_smaller and attempts < MOST_ATTEMPTS:
        is_smaller = False
        for candidate in _candidates(case, difference):
            attempts += 1
            found = differ(candidate)
            if found is not None and found.is_error == difference.is_error:
                case, difference, is_smaller = candidate, found, True
                break
            if attempts >= MOST_ATTEMPTS:
                break
    return case, difference


def _candidates(case: Case, difference: Difference) -> Iterator[Case]:
    if not case.is_instant:
        for time_s in {case.start_s, difference.time_s or case.start_s, case.end_s}:
            yield replace(case, start_s=time_s, end_s=time_s, step_s=0)
            if (time_s, time_s) != (case.start_s, case.end_s):
                yield replace(case, start_s=time_s, end_s=time_s)
    seen = {str(case.query)}
    for query in smaller(case.query):
        if (text := str(query)) not in seen and len(text) <= len(str(case.query)):
            seen.add(text)
            yield replace(case, query=query)
