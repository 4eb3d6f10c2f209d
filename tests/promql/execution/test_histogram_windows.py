"""Functions of windows that hold native histograms."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.histograms import ResetHint, cells_of
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.time_range import TimeGrid
from promontory.promql.execution import histogram_lists, histogram_windows
from promontory.promql.execution.run import Run
from promontory.promql.execution.windows import KERNELS, WindowStage
from promontory.promql.plan.nodes import Timing
from promontory.promql.plan.position import Position
from promontory.testing.histogram_values import HistogramValue, histogram_at, histograms_of

Value = float | HistogramValue
Points = Sequence[tuple[int, Value]]
GAUGE = ResetHint.GAUGE


@pytest.fixture
def run() -> Iterator[Run]:
    with ThreadPoolExecutor(1) as pool:
        yield Run(QueryContext(clock=SystemClock(), pool=pool))


def samples_of(run: Run, rows: Sequence[Points]) -> Samples:
    points = [point for row in rows for point in row]
    held = np.array([isinstance(value, HistogramValue) for _, value in points], np.bool_)
    table = histograms_of([value for _, value in points if isinstance(value, HistogramValue)], run.symbols)
    labels = [Labels.from_mapping({"__name__": "h", "row": f"{place:03}"}) for place in range(len(rows))]
    return Samples(
        LabelRows.from_labels(labels, run.symbols),
        np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64),
        np.array([time for time, _ in points], np.int64),
        np.array([math.nan if isinstance(value, HistogramValue) else value for _, value in points]),
        cells_of(held, table),
    )


def evaluate(
    run: Run, function: str, rows: Sequence[Points], grid: TimeGrid, range_ms: int
) -> list[list[Value | None]]:  # fmt: skip
    stage = WindowStage(run, function, grid, Timing(0, None), range_ms, np.empty(0), Position("1:1"))
    steps = stage.apply(samples_of(run, rows))
    assert isinstance(steps, Steps)
    return [[value_at(steps, row, step) for step in range(grid.count)] for row in range(len(rows))]


def value_at(steps: Steps, row: int, step: int) -> Value | None:
    if not steps.present[row, step]:
        return None
    if steps.histograms is not None and steps.histograms.index[row, step] >= 0:
        return histogram_at(steps.histograms.table, int(steps.histograms.index[row, step]))
    return float(steps.values[row, step])


def last(run: Run, function: str, points: Points) -> Value | None:
    """Evaluate one window over all points, which are of the last minute."""
    return evaluate(run, function, [points], TimeGrid(60_000, 60_000, 0), 60_000)[0][0]


def told(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    noted = run.annotations()
    return noted.warnings, noted.infos


def counter(count: float, hint: ResetHint = ResetHint.UNKNOWN) -> HistogramValue:
    return HistogramValue(count=count, sum=count, positive={1: count}, hint=hint)


def custom(count: float, *bounds: float, hint: ResetHint = ResetHint.UNKNOWN) -> HistogramValue:
    return HistogramValue(
        schema=-53, count=count, sum=count, positive={0: count}, custom_values=bounds, hint=hint
    )  # fmt: skip


THREE = [(20_000, counter(1)), (40_000, counter(5)), (60_000, counter(9))]


def test_an_increase_of_histograms_grows_to_the_edges_and_is_a_gauge(run: Run) -> None:
    # 8 in 40 s. To the left, the counter was zero 5 s before the first sample.
    assert last(run, "increase", THREE) == counter(9, GAUGE)
    assert told(run) == ((), ())


def test_a_rate_is_the_increase_a_second(run: Run) -> None:
    assert last(run, "rate", THREE) == counter(9 / 60, GAUGE)


def test_a_reset_adds_what_was_before_it(run: Run) -> None:
    points = [(20_000, counter(8)), (40_000, counter(12)), (60_000, counter(3))]
    assert last(run, "increase", points) == counter(7 * 1.5, GAUGE)
    assert last(run, "resets", points) == 1


def test_the_buckets_before_a_first_reset_do_not_matter(run: Run) -> None:
    points = [(20_000, custom(50, 1.0)), (40_000, counter(2)), (60_000, counter(6))]
    assert last(run, "increase", points) == counter(6 * 1.5, GAUGE)
    assert told(run) == ((), ())


def test_a_rate_of_exponential_and_custom_histograms_is_nothing_and_warns(run: Run) -> None:
    points = [(20_000, counter(1)), (40_000, custom(5, 1.0)), (60_000, counter(9))]
    assert last(run, "rate", points) is None
    assert told(run)[0] == (
        'PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for metric'
        ' name "h" (1:1)',
    )  # fmt: skip


@pytest.mark.parametrize("function", ["rate", "increase", "irate"])
def test_counter_functions_warn_of_gauges(run: Run, function: str) -> None:
    points = [(20_000, counter(1, GAUGE)), (40_000, counter(5, GAUGE))]
    assert last(run, function, points) is not None
    assert told(run)[0] == ('PromQL warning: this native histogram metric is not a counter: "h" (1:1)',)


@pytest.mark.parametrize("function", ["delta", "idelta"])
def test_gauge_functions_warn_of_counters(run: Run, function: str) -> None:
    assert last(run, function, [(20_000, counter(1)), (40_000, counter(5, GAUGE))]) is not None
    assert told(run)[0] == ('PromQL warning: this native histogram metric is not a gauge: "h" (1:1)',)


@pytest.mark.parametrize("function", ["rate", "increase", "delta", "irate", "idelta", "sum_over_time", "avg_over_time"])
def test_functions_that_need_one_kind_warn_of_two(run: Run, function: str) -> None:
    assert last(run, function, [(20_000, counter(1)), (40_000, 5.0)]) is None
    assert told(run)[0] == ('PromQL warning: encountered a mix of histograms and floats for metric name "h" (1:1)',)


@pytest.mark.parametrize(("function", "value"), [("irate", counter(0.2, GAUGE)), ("idelta", counter(4, GAUGE))])
def test_the_last_two_samples_are_subtracted(run: Run, function: str, value: HistogramValue) -> None:
    assert last(run, function, [(10_000, 4.0), *THREE]) == value


def test_after_a_reset_irate_is_of_the_last_sample_alone(run: Run) -> None:
    assert last(run, "irate", [(20_000, counter(9)), (40_000, counter(2))]) == counter(0.1, GAUGE)


@pytest.mark.parametrize("function", ["rate", "idelta"])
def test_custom_bounds_that_differ_are_reconciled_and_noted(run: Run, function: str) -> None:
    found = last(run, function, [(20_000, custom(1, 1.0, 2.0, hint=GAUGE)), (40_000, custom(5, 2.0, hint=GAUGE))])
    assert isinstance(found, HistogramValue)
    assert found.custom_values == (2.0,)
    assert told(run)[1] == ("PromQL info: mismatched custom buckets were reconciled during subtraction (1:1)",)


def test_custom_bounds_before_a_reset_are_reconciled_by_addition(run: Run) -> None:
    points = [(10_000, custom(1, 2.0)), (20_000, custom(7, 1.0, 2.0)), (40_000, custom(5, 2.0))]
    found = last(run, "increase", points)
    assert isinstance(found, HistogramValue)
    assert found.custom_values == (2.0,)
    assert told(run)[1] == ("PromQL info: mismatched custom buckets were reconciled during addition (1:1)",)


def test_sums_and_means_of_histograms(run: Run) -> None:
    assert last(run, "sum_over_time", THREE) == counter(15)
    assert last(run, "avg_over_time", THREE) == counter(5)


def test_a_sum_of_reset_and_not_reset_warns(run: Run) -> None:
    points = [(20_000, counter(1, ResetHint.RESET)), (40_000, counter(2, ResetHint.NOT_RESET))]
    assert last(run, "sum_over_time", points) == counter(3)
    assert told(run)[0] == ("PromQL warning: conflicting counter resets during histogram aggregation (1:1)",)


def test_changes_and_resets_count_the_turns_between_floats_and_histograms(run: Run) -> None:
    points: Points = [
        (10_000, 1.0), (20_000, counter(1)), (30_000, counter(1)), (40_000, counter(2)), (50_000, counter(1)),
        (55_000, math.nan), (60_000, math.nan),
    ]  # fmt: skip
    assert last(run, "changes", points) == 4
    assert last(run, "resets", points) == 3


@pytest.mark.parametrize(
    ("function", "value"), [("count_over_time", 4.0), ("present_over_time", 1.0), ("ts_of_last_over_time", 60.0)]
)
def test_some_functions_do_not_care_what_a_sample_is(run: Run, function: str, value: float) -> None:
    assert last(run, function, [(10_000, 4.0), *THREE]) == value
    assert told(run) == ((), ())


def test_the_first_and_the_last_sample_are_shown_as_they_are(run: Run) -> None:
    assert last(run, "first_over_time", [(10_000, 4.0), *THREE]) == 4.0
    assert last(run, "last_over_time", [(10_000, 4.0), *THREE]) == counter(9)
    assert last(run, "first_over_time", THREE) == counter(1)


@pytest.mark.parametrize("function", ["max_over_time", "stddev_over_time", "deriv", "mad_over_time"])
def test_functions_of_floats_ignore_histograms_and_say_so(run: Run, function: str) -> None:
    floats: Points = [(10_000, 4.0), (15_000, 6.0)]
    alone = last(run, function, floats)
    assert told(run) == ((), ())
    assert last(run, function, [*floats, *THREE]) == alone is not None
    assert told(run)[1] == (
        'PromQL info: ignored histograms in a range containing both floats and histograms for metric name "h" (1:1)',
    )


def test_functions_of_floats_say_nothing_of_histograms_alone(run: Run) -> None:
    assert last(run, "max_over_time", THREE) is None
    assert told(run) == ((), ())


def test_float_values_of_rates_are_noted_only_where_they_stand(run: Run) -> None:
    assert last(run, "rate", [(10_000, 4.0), *THREE]) is None
    assert last(run, "rate", THREE) is not None
    assert told(run)[1] == ()


def make_rows(rng: random.Random) -> list[list[tuple[int, Value]]]:
    hints = list(ResetHint)
    rows = []
    for _ in range(7):
        points: list[tuple[int, Value]] = []
        total = 0.0
        kind = rng.choice(["float", "histogram", "both"])
        for time in sorted(rng.sample(range(0, 300_000, 5_000), rng.randrange(20))):
            total = 0.0 if rng.random() < 0.1 else total + rng.randrange(5)
            if kind == "float" or (kind == "both" and rng.random() < 0.2):
                points.append((time, total))
            elif rng.random() < 0.1:
                points.append((time, custom(total, *rng.choice([(1.0, 2.0), (2.0,), (1.0, 3.0)]))))
            else:
                points.append((time, replace(counter(total, rng.choice(hints)), schema=rng.randrange(3))))
        rows.append(points)
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_answers_do_not_depend_on_how_windows_are_cut_into_blocks(
    run: Run, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    rng = random.Random(seed)
    rows = make_rows(rng)
    grid = TimeGrid(20_000, 310_000, 10_000)
    functions = sorted(set(KERNELS) - {"predict_linear", "quantile_over_time", "double_exponential_smoothing"})
    whole = {function: evaluate(run, function, rows, grid, 47_000) for function in functions}
    monkeypatch.setattr(histogram_windows, "BLOCK_WINDOWS", 40)
    monkeypatch.setattr(histogram_lists, "BLOCK_MEMBERS", 5)
    for function in functions:
        single = [
            [evaluate(run, function, [row], TimeGrid(time, time, 0), 47_000)[0][0] for time in grid.times_ms().tolist()]
            for row in rows
        ]
        assert repr(evaluate(run, function, rows, grid, 47_000)) == repr(whole[function]) == repr(single)
