"""Two answers of the HTTP API and the first difference between them.

Numbers are equal within 1e-9 of the larger one; those of NOISY expressions also within 1e-9 of the largest number in
the row, because a difference of rounded sums keeps the rounding of its terms. Spreads and slopes are equal within 1e-6:
they are small differences of large numbers (of timestamps, say), added in the order of series, which Prometheus leaves
to a map in range queries, so that even two answers of 2.42 differ there. Powers as well: they multiply the rounding of
their base by the exponent. Equal numbers have to be written alike.
Rows of a range query are sorted by labels; the values of an instant query under sort and topk have to come in the same
order, rows of equal value in any.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

RELATIVE = 1e-9
LOOSE = 1e-6
ILL_CONDITIONED = frozenset(
    ["stddev", "stdvar", "stddev_over_time", "stdvar_over_time", "deriv", "predict_linear", "^"]
)
# Which series and which group an error names first depends on the order of aggregated series, which is not defined.
_NAMED = re.compile(r"\{[^{}]*\}")

Key = tuple[tuple[str, str], ...]
Points = list[tuple[float, str]]
"""Times in seconds and values as they are written."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and parsed body of an answer."""

    status: int
    body: dict[str, Any]

    @property
    def error(self) -> str:
        """The error's text, empty where there is none."""
        return str(self.body.get("error", "")) if self.body.get("status") != "success" else ""

    @property
    def is_empty(self) -> bool:
        """Whether it holds no value."""
        return bool(self.error) or not self.body["data"]["result"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs first, with the time in seconds where one is to blame; whether one answer is an error or both."""

    text: str
    time_s: int | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two numbers may be apart: relative to the larger one, and to the largest number of the row."""

    relative: float
    noise: float

    def is_close(self, value: float, expected: float, largest: float) -> bool:
        """Say whether two numbers are equal."""
        if math.isnan(value) or math.isnan(expected):
            return math.isnan(value) and math.isnan(expected)
        if value == 0 == expected:
            return math.copysign(1, value) == math.copysign(1, expected) or self.noise > 0
        return math.isclose(value, expected, rel_tol=self.relative, abs_tol=self.noise * largest)


def tolerance_of(uses: Iterable[str], *, is_noisy: bool) -> Tolerance:
    """Return the tolerance for a query that uses these words."""
    relative = LOOSE if ILL_CONDITIONED & set(uses) else RELATIVE
    return Tolerance(relative, relative if is_noisy else 0.0)


def compare(ours: Answer, theirs: Answer, tolerance: Tolerance, *, is_ordered: bool) -> Difference | None:
    """Return the first difference, None where the answers are equal."""
    if ours.error or theirs.error:
        return _compare_errors(ours, theirs)
    mine, other = ours.body["data"], theirs.body["data"]
    if mine["resultType"] != other["resultType"]:
        return Difference(f"{mine['resultType']} against {other['resultType']}")
    kind = mine["resultType"]
    if kind == "string":
        return None if mine == other else Difference(f"{mine['result']} against {other['result']}")
    if kind == "scalar":
        return _compare_points("scalar", _points([mine["result"]]), _points([other["result"]]), tolerance)
    if is_ordered and kind == "vector":
        found, wanted = (_points([row["value"] for row in one["result"]]) for one in (mine, other))
        if difference := _compare_points("in order", found, wanted, tolerance):
            return difference
    if kind == "matrix" and [row["metric"] for row in mine["result"]] != (
        wanted_rows := [row["metric"] for row in other["result"]]
    ):
        return Difference(f"rows {_short(mine['result'])} against {len(wanted_rows)}: {_short(other['result'])}")
    return _compare_rows(mine["result"], other["result"], tolerance)


def _compare_errors(ours: Answer, theirs: Answer) -> Difference | None:
    found, wanted = (
        f"{answer.status} {answer.body['errorType']}: {answer.error}" if answer.error else _short(answer.body["data"])
        for answer in (ours, theirs)
    )
    is_same = bool(ours.error) == bool(theirs.error) and stable_text(found) == stable_text(wanted)
    return None if is_same else Difference(f"{found} against {wanted}", is_error=True)


def stable_text(error: str) -> str:
    """Return an error without the series that it names; of a parse error only the kind: each version has its words."""
    if "parse error" in error:
        return error.partition(":")[0]
    return _NAMED.sub("{}", error)


def _compare_rows(mine: list[dict[str, Any]], other: list[dict[str, Any]], tolerance: Tolerance) -> Difference | None:
    found, wanted = _rows(mine), _rows(other)
    for key in sorted(found.keys() ^ wanted.keys()):
        time_s, value = (found.get(key) or wanted[key])[0]
        whose = "only ours" if key in found else "only theirs"
        return Difference(f"{whose}: {_label_text(key)} = {value} at {time_s}", int(time_s))
    for key, points in wanted.items():
        if difference := _compare_points(_label_text(key), found[key], points, tolerance):
            return difference
    return None


def _compare_points(name: str, found: Points, wanted: Points, tolerance: Tolerance) -> Difference | None:
    if [time for time, _ in found] != [time for time, _ in wanted]:
        odd = sorted({time for time, _ in found} ^ {time for time, _ in wanted})
        return Difference(
            f"{name}: {len(found)} points against {len(wanted)}, first at {odd[:1]}", int(odd[0]) if odd else None
        )
    largest = max([1.0, *(abs(float(text)) for _, text in wanted if math.isfinite(float(text)))])
    for (time, mine), (_, other) in zip(found, wanted, strict=True):
        value, expected = float(mine), float(other)
        is_written_otherwise = mine != other and value == expected != 0
        if is_written_otherwise or not tolerance.is_close(value, expected, largest):
            return Difference(f"{name}: {mine} against {other} at {time}", int(time))
    return None


def _rows(result: list[dict[str, Any]]) -> dict[Key, Points]:
    rows = {tuple(sorted(row["metric"].items())): _points(row.get("values") or [row["value"]]) for row in result}
    assert len(rows) == len(result), "a label set stands twice"
    return rows


def _points(values: list[list[Any]]) -> Points:
    return [(float(time), value) for time, value in values]


def _label_text(key: Key) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in key) + "}"


def _short(result: Any) -> str:
    text = str(result)
    return text if len(text) < 300 else text[:300] + "…"
