"""One evaluation of a script with all its re-runs. None when it passes, else what was expected and what found.

    the query as it stands ─► the same as a range query around its time
    the query with `@` its time, at five other times ─► each of them as a range query

A query that asks for its range, step, start or end is another one as a range query, and is not asked as one.
Source: Prometheus 3.14, promql/promqltest/test.go.
"""

from __future__ import annotations

import re
import traceback

from promontory.errors import PromontoryError
from promontory.model.result import QueryResult
from promontory.model.time_range import TimeGrid
from promontory.promql.printer import print_expr
from promontory.testing.promqltest.answers import Rows, read_answer, vector_at
from promontory.testing.promqltest.comparison import compare_annotations, compare_answer, compare_failure
from promontory.testing.promqltest.database import Database
from promontory.testing.promqltest.queries import Query
from promontory.testing.promqltest.run_at import fix_time, other_times_ms
from promontory.testing.promqltest.script import Evaluation, Kind

AROUND_MS = 60_000
# The query itself is fed in small batches, so that they meet in sinks; its re-runs all at once.
FEW_ROWS, ALL_ROWS = 2, 1 << 30
_DEPENDS_ON_GRID = re.compile(r"(start|end|range|step)\(\)")


def run_evaluation(evaluation: Evaluation, database: Database) -> str | None:
    """Run an evaluation. Any error of ours that is not an answer is a failure of this evaluation alone."""
    try:
        return _run(evaluation, database)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({place.filename.rpartition('promontory/')[2]}:{place.lineno})"


def _run(evaluation: Evaluation, database: Database) -> str | None:
    expected = next(iter(evaluation.of(Kind.FAIL)), None)
    try:
        query = Query.parse(evaluation.query)
    except PromontoryError as error:
        return f"error: {error}" if expected is None else compare_failure(expected, str(error))
    problem = _check(evaluation, query, evaluation.grid, database, batch_rows=FEW_ROWS)
    if problem is not None or evaluation.is_range:
        return problem
    fixed = fix_time(query.node, evaluation.grid.start_ms)
    if fixed is None:
        return None
    query = Query.parse(print_expr(fixed))
    for time_ms in other_times_ms(evaluation.grid.start_ms):
        problem = _check(evaluation, query, TimeGrid(time_ms, time_ms, 0), database, batch_rows=ALL_ROWS)
        if problem is not None:
            return f"as {query.text} at {time_ms / 1000:g}s: {problem}"
    return None


def _check(
    evaluation: Evaluation, query: Query, grid: TimeGrid, database: Database, *, batch_rows: int
) -> str | None:  # fmt: skip
    """Ask a query, and where it is an instant one ask it as a range query too."""
    expected = next(iter(evaluation.of(Kind.FAIL)), None)
    try:
        result = query.answer(database, grid, batch_rows=batch_rows)
    except PromontoryError as error:
        return f"error: {error}" if expected is None else compare_failure(expected, str(error))
    if expected is not None:
        return f"expected an error with {expected}, found none"
    problem = compare_annotations(evaluation, result.annotations) or compare_answer(evaluation, read_answer(result))
    if problem is not None or evaluation.is_range or evaluation.points or evaluation.text is not None:
        return problem
    if _DEPENDS_ON_GRID.search(query.text):
        return None
    problem = _check_around(evaluation, query, result, database)
    return problem and f"as a range query: {problem}"


def _check_around(evaluation: Evaluation, query: Query, result: QueryResult, database: Database) -> str | None:
    """Ask an instant query at its time, a minute before and a minute after, and compare what is in the middle."""
    time_ms = result.value.grid.start_ms
    around = TimeGrid(time_ms - AROUND_MS, time_ms + AROUND_MS, AROUND_MS)
    answer = read_answer(query.answer(database, around, batch_rows=ALL_ROWS))
    if evaluation.of(Kind.ORDERED):
        return None
    assert isinstance(answer, Rows)
    labels = [row.labels for row in answer.rows]
    if labels != sorted(labels):
        return "expected a matrix sorted by labels"
    vector = vector_at(answer, time_ms)
    if isinstance(read_answer(result), float):
        return compare_answer(evaluation, vector.rows[0].points[0].number)
    return compare_answer(evaluation, vector)
