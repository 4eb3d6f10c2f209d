"""Start times count only where the feature is on; the rates themselves are in tests/scripts/start_times.test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from tests.promql.execution.database import rows_of

GRID = TimeGrid(120_000, 120_000, 0)


def answer(query: str, *, enabled: bool) -> dict[str, list[float | None]]:
    """Evaluate over one counter that rose from 10 at 1m to 20 at 2m, and began anew ten seconds before that."""
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        options = PlanOptions(text=query.encode(), start_timestamps=enabled)
        plan = make_plan(parse_query(query, ParserOptions(features=ALL_FEATURES)), GRID, options)
        execution = Execution(plan, context)
        samples = Samples(
            LabelRows.from_labels([Labels.from_mapping({"__name__": "c_total"})], context.symbols),
            np.array([0, 2]), np.array([60_000, 120_000]), np.array([10.0, 20.0]),
            start_ms=np.array([0, 110_000]),
        )  # fmt: skip
        execution.absorb(0, execution.prepare(0, samples))
        return rows_of(execution.finish())


@pytest.mark.parametrize(
    ("query", "on", "off"),
    [
        ("resets(c_total[2m])", 1, 0),
        ("increase(c_total[2m])", 30, 20),
        ("irate(c_total[2m])", 20 / 60, 10 / 60),
        ("resets(c_total[1m] anchored)", 1, 0),
        ("increase(c_total[1m] anchored)", 10, 10),
        ("start_timestamp(c_total)", 110, None),
    ],
)
def test_start_times_count_where_the_feature_is_on(query: str, on: float, off: float | None) -> None:
    assert answer(query, enabled=True) == {"{}": [pytest.approx(on)]}
    assert answer(query, enabled=False) == ({} if off is None else {"{}": [pytest.approx(off)]})
