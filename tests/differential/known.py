"""Where Prometheus 2.42 differs from 3.14 by design: the one table of it.

A row is *avoided* by the data and the grammar (they say how) or *recognised* on a shrunk difference, which is then
excused and counted. tests/scripts/since_2_42.test shows for each, below its name, what 3.14 does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.answers import Answer
from tests.differential.case import Case

Recognise = Callable[[Case, Answer, Answer], bool]


@dataclass(frozen=True, slots=True)
class Known:
    """A difference: how it is avoided, or what recognises it."""

    name: str
    reason: str
    avoided: str = ""
    recognise: Recognise | None = None


def find_known(case: Case, ours: Answer, theirs: Answer) -> Known | None:
    """Return the row that explains a shrunk difference."""
    return next((row for row in KNOWN if row.recognise is not None and row.recognise(case, ours, theirs)), None)


def _is_std_of_infinity(case: Case, ours: Answer, theirs: Answer) -> bool:
    if ours.error or theirs.error or not re.search(r"\bstd(dev|var)\b", str(case.query)):
        return False
    pairs = zip(_values(ours), _values(theirs), strict=False)
    return any(math.isnan(mine) and other == 0 for mine, other in pairs)


def _is_tie(case: Case, ours: Answer, theirs: Answer) -> bool:
    if ours.error or theirs.error or not re.search(r"\b(topk|bottomk)\b", str(case.query)):
        return False
    mine, other = _values(ours), _values(theirs)
    return len(mine) == len(other) and _numbers(mine) == _numbers(other)


def _is_overflow(case: Case, ours: Answer, theirs: Answer) -> bool:
    words = r"\b((stddev|stdvar|sum|avg)_over_time|deriv|predict_linear)\b"
    if ours.error or theirs.error or not re.search(words, str(case.query)):
        return False
    pairs = zip(_values(ours), _values(theirs), strict=False)
    return any(math.isinf(mine) and math.isnan(other) for mine, other in pairs)


def _is_name_under_atan2(case: Case, ours: Answer, theirs: Answer) -> bool:
    if ours.error or theirs.error or " atan2 " not in str(case.query):
        return False
    rows, others = ([row["metric"] for row in answer.body["data"]["result"]] for answer in (ours, theirs))
    return any("__name__" in row for row in others) and rows == [
        {name: value for name, value in row.items() if name != "__name__"} for row in others
    ]


def _is_predicted_at(case: Case, ours: Answer, theirs: Answer) -> bool:
    return not (ours.error or theirs.error) and bool(re.search(r"\bpredict_linear\(.*@", str(case.query)))


def _is_at_in_moved_subquery(case: Case, ours: Answer, theirs: Answer) -> bool:
    return not (ours.error or theirs.error) and bool(re.search(r"@.*:\w*\] ?(offset -|@)", str(case.query)))


def _is_timestamp_at_offset(case: Case, ours: Answer, theirs: Answer) -> bool:
    return not theirs.error and bool(
        re.search(r"\btimestamp\([^()]*(offset [^()]*@|@ (start|end|\d)[^)]*\)? offset)", str(case.query))
    )


def _is_behind_filter(case: Case, ours: Answer, theirs: Answer) -> bool:
    return not theirs.error and ours.error.startswith("multiple matches for labels: many-to-one")


def _is_zero_under(words: str) -> Recognise:
    """Return what recognises answers that differ in the sign of zeros alone, in queries with one of the words."""

    def recognise(case: Case, ours: Answer, theirs: Answer) -> bool:
        if ours.error or theirs.error or not re.search(rf"\b({words})\b", str(case.query)):
            return False
        mine, other = _values(ours), _values(theirs)
        return 0.0 in mine and len(mine) == len(other) and all(map(_is_same, mine, other))

    return recognise


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _numbers(values: list[float]) -> list[float]:
    return sorted(value for value in values if not math.isnan(value))


def _values(answer: Answer) -> list[float]:
    rows = answer.body["data"]["result"]
    return [float(value) for row in rows for _, value in (row.get("values") or [row["value"]])]


KNOWN: tuple[Known, ...] = (
    Known(
        "left-open windows", "2.42 closes windows and the lookback at the left",
        avoided="no sample stands on half a second, no point of a subquery on the edge of its window",
    ),
    Known(
        "extrapolation to zero", "2.42 limits rate() at zero before it looks at the 1.1 threshold",
        avoided="rate and increase see no gaps, or counters far above what they grow by",
    ),
    Known(
        "plain sums", "2.42 adds without compensation",
        avoided="values are multiples of 1/8; what rounds is compared with slack and never asked of what jumps",
    ),
    Known(
        "overflow of compensated sums",
        "2.42 forgets to forget the lost digits of windows that overflow: Inf - Inf is NaN",
        recognise=_is_overflow,
    ),
    Known(
        "sum of -0",
        "2.42 begins with the first value, 3.14 adds the digits that were lost, which are 0",
        recognise=_is_zero_under("sum"),
    ),
    Known(
        "zeros in any order",
        "which of 0 and -0 comes first is not defined: Go's sort is not stable, series of a range come in any order",
        recognise=_is_zero_under("quantile|quantile_over_time|min|max"),
    ),
    Known(
        "duplicates behind a filter",
        "2.42 looks for a second match only where a comparison keeps the first",
        recognise=_is_behind_filter,
    ),
    Known("dots and newlines", "`.` matches a newline since 3.0", avoided="no label holds a newline"),
    Known(
        "series in errors", "2.42 names series of a many-to-many error unsorted",
        avoided="errors are compared without the series that they name",
    ),
    Known("native histograms", "2.42 has other ones", avoided="all samples are floats"),
    Known(
        "names under atan2", "2.42 keeps names under atan2, as comparisons do",
        avoided="atan2 gets vectors without names",
        recognise=_is_name_under_atan2,
    ),
    Known(
        "labels of count_values",
        "from the second step on, 2.42 groups without the last label where that sorts after the new one",
        avoided="the new label sorts after all others",
    ),
    Known(
        "spread of infinity", "stddev and stdvar of one infinite sample are 0 in 2.42 and NaN since 3.0",
        recognise=_is_std_of_infinity,
    ),
    Known(
        "ties of topk", "of equal values (and of NaN) topk and bottomk of 2.42 may keep a later one than 3.14's heap",
        recognise=_is_tie,
    ),
    Known(
        "prediction under @", "2.42 moves the window of predict_linear() on from step to step although @ fixes it",
        recognise=_is_predicted_at,
    ),
    Known(
        "@ in a moved subquery",
        "where a moved subquery begins at the very time of the query, Prometheus (3.14 too, by its source) reads a "
        "selector with @ as much off; we keep to what is documented: @ is the time, whatever stands around it",
        recognise=_is_at_in_moved_subquery,
    ),
    Known(
        "timestamp under @ and offset", "2.42 finds nothing for timestamp() of a selector with both",
        recognise=_is_timestamp_at_offset,
    ),
)  # fmt: skip
