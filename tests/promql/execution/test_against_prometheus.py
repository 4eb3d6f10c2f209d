"""The same queries over the same samples: the engine against the real Prometheus 2.42.

Samples never stand on a multiple of a second, and queries begin an hour after the first sample: there the left-open
windows and the order of the extrapolation rules of Prometheus 3 make no difference (facts of both: see
promontory/kernels/rates.py).
"""

from __future__ import annotations

import json
import math
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from promontory.errors import ExecutionError
from promontory.model.result import ScalarResult, VectorResult
from promontory.model.time_range import TimeGrid
from tests.parts import part_path, run_prometheus
from tests.promql.execution.database import Database, at, rows_of

BASE_MS = 1_700_000_000_000
SAMPLES = 500
GRID = TimeGrid(BASE_MS + 3_600_000, BASE_MS + 7_200_000, 300_000)
BOUNDS = ("0.1", "0.5", "1", "5", "+Inf")

WINDOWS = """
rate increase delta irate idelta resets changes deriv avg_over_time count_over_time last_over_time max_over_time
min_over_time present_over_time stddev_over_time stdvar_over_time sum_over_time
"""
MATHS = """
abs ceil floor exp sqrt ln log2 log10 sgn round sin cos tan atan sinh cosh tanh asinh deg rad -
minute hour day_of_week day_of_month day_of_year days_in_month month year timestamp
"""
AGGREGATIONS = "sum avg min max count group stddev stdvar"
OPERATORS = "+ - * / % ^ atan2 == != > < >= <="
# Prometheus 2 kept the name under atan2 with a scalar.
WITH_SCALAR = [op for op in OPERATORS.split() if op != "atan2"]

QUERIES = [
    *(f"{name}(requests_total[{span}])" for name in WINDOWS.split() for span in ("4m7s", "30m")),
    *(f"{name}(load)" for name in MATHS.split()),
    *(f"{op}{modifier} (load)" for op in AGGREGATIONS.split() for modifier in ("", " by (job)", " without (instance)")),
    *(f"load {op} on (job, instance) requests_total" for op in OPERATORS.split()),
    *(f"load {op} 1.5" for op in WITH_SCALAR),
    *(f"2 {op} load" for op in WITH_SCALAR),
    *(f"1.5 {op} 2" for op in "+ - * / % ^".split()),  # noqa: SIM905
    "load > bool 1", "2 <= bool load", "load == bool on (job, instance) requests_total",
    "requests_total", 'requests_total{job!="api"}', 'requests_total{instance=~"[01]"} offset 10m',
    "load offset -3m", "sum(load @ 1700004000.5)", "load @ start()", "rate(requests_total[5m] @ end())",
    "predict_linear(load[10m], 600)", "predict_linear(load[10m:1m] offset 1m, 60)",
    "quantile_over_time(0.3, load[10m])", "quantile(0.9, load)", "quantile by (job) (0.25, load)",
    "topk(2, load)", "bottomk by (job) (1, load)", "topk(scalar(count(load)) - 4, load)", "topk(0, load)",
    "sum by (job) (rate(requests_total[5m]))", "sum(rate(requests_total[5m])) by (missing)",
    "sum without (job, instance) (rate(requests_total[5m]))",
    "max_over_time(rate(requests_total[5m])[20m:1m])", "avg_over_time(load[7m:30s] offset 2m)",
    "sum_over_time(sum(load)[10m:])", "count_over_time(load[20m1s:3m] @ 1700004000)",
    "min_over_time((load > 1)[15m:1m])", "rate(requests_total[10m:45s])",
    "load * on (job) group_left (team) owner", "owner * on (job) group_right (team) load",
    "load / ignoring (instance) group_left sum without (instance) (load)",
    "sum by (job) (load) / on (job) owner", "sum by (job) (load) - sum by (job) (load offset 5m)",
    "load and on (job) owner{job='api'}", "load unless on (job) owner{job='api'}", "load or owner",
    "load > 1 or load < 0.2", "load and load > 1", "vector(1) or load", "load unless load",
    "histogram_quantile(0.9, rate(latency_bucket[5m]))",
    "histogram_quantile(0.5, sum by (le) (rate(latency_bucket[5m])))",
    "histogram_quantile(0.99, sum by (job, le) (latency_bucket))", "histogram_quantile(1.5, latency_bucket)",
    "histogram_quantile(scalar(owner{job='api'}) - 1, latency_bucket)",
    'label_replace(load, "zone", "$1-$2", "instance", "(.)(.?)")', 'label_replace(owner, "team", "", "team", ".*")',
    'label_replace(load, "x", "y", "instance", "nope")', 'label_join(load, "both", "/", "job", "instance", "nope")',
    "absent(nope{job='x', a=~'b'})", "absent(load)", "absent_over_time(nope{a='b'}[5m])", "absent(sum(nope))",
    "scalar(load)", "scalar(owner{job='api'})", "vector(time())", "time() - 5", "pi()", "-1 ^ 2",
    "vector(scalar(nope))",
    "clamp(load, 0.5, 1.5)", "clamp_min(load, 1)", "clamp_max(load, 1)", "round(load, 0.25)", "clamp(load, 2, 1)",
    "sgn(-load)", "hour()", "timestamp(load offset 1m)", "timestamp(load + 0)", "sum(timestamp(load))",
    "gappy", "rate(gappy[5m])", "changes(gappy[1h])", "sum by (kind) (odd)", "max by (kind) (odd)", "min(odd)",
    "avg by (kind) (odd)", "sort(odd)", "odd > 0", "odd == odd", "changes(odd[10m])", "max_over_time(odd[10m])",
    "resets(odd[30m])", "sum_over_time(odd[5m])", "count by (job, instance) ({__name__=~'load|owner'})",
    "sum({__name__=~'load|owner'}) by (__name__)", "avg(rate(requests_total[5m]) * 60) by (job) > 1",
    "(sum(load) > 3) + on () group_left () vector(1)", "stddev(rate(requests_total[5m])) / avg(load)",
    "count(load > 1) or vector(0)", "1 + 2 * 3 - 4 / 5", "sum(increase(requests_total[1h]))",
]  # fmt: skip
INSTANT_QUERIES = [
    "sort(load)", "sort_desc(load)", "topk(3, load)", "bottomk(4, load)", "topk by (job) (2, load)",
    "topk(5, rate(requests_total[5m])) > 0.1", "quantile(0.5, load)", "sum(load)",
]  # fmt: skip
FAILING = [
    "load * on (job) load", "load * on (job) group_left load", "sum by (job) (load) * on (job) load",
    "-{job='api'}", "rate({job='api'}[5m])", "label_replace(load, 'instance', 'x', 'instance', '.*')",
    "load * on (job) group_left (instance) owner",
]  # fmt: skip


def make_database() -> Database:
    rng = np.random.default_rng(7)
    database = Database()
    for job in ("api", "web"):
        for number in range(3):
            labels = {"job": job, "instance": str(number)}
            times = [BASE_MS + index * 15_000 + number * 4_111 + 217 for index in range(SAMPLES)]
            counter = np.cumsum(rng.integers(0, 20, SAMPLES)).astype(float)
            counter[300:] -= counter[300] - number
            counter[360 + number :] -= counter[360 + number]
            database.add("requests_total", labels, list(zip(times, counter.tolist(), strict=True)))
            load = np.round(rng.lognormal(0, 1, SAMPLES), 3).tolist()
            database.add("load", labels, list(zip(times, load, strict=True)))
            observed = np.cumsum(rng.multinomial(9, [0.2, 0.3, 0.3, 0.1, 0.1], SAMPLES), axis=0).cumsum(axis=1)
            for place, bound in enumerate(BOUNDS):
                points = list(zip(times, observed[:, place].astype(float).tolist(), strict=True))
                database.add("latency_bucket", {**labels, "le": bound}, points)
        times = [BASE_MS + index * 15_000 + 333 for index in range(SAMPLES)]
        database.add("owner", {"job": job, "team": f"team {job}"}, [(time, 2.0) for time in times])
    odd = {"a": [math.nan, 1.0, 2.0], "b": [math.inf, -1.0], "c": [-math.inf, 3.0, 3.0, 4.0], "d": [math.nan]}
    for kind, values in odd.items():
        points = [(BASE_MS + index * 15_000 + 1_501, values[index // 20 % len(values)]) for index in range(SAMPLES)]
        database.add("odd", {"kind": kind, "half": "xy"[kind in "ab"]}, points)
    gaps = [index for index in range(SAMPLES) if index % 100 < 60 and index % 7]
    database.add("gappy", {}, [(BASE_MS + index * 15_000 + 777, float(index)) for index in gaps])
    return database


def write_openmetrics(database: Database, path: Path) -> None:
    names = sorted({labels.to_text()["__name__"] for labels in database.series})
    with path.open("w") as out:
        for name in names:
            out.write(f"# TYPE {name} unknown\n")
            for labels, (times, values) in database.series.items():
                shown = labels.to_text()
                if shown.pop("__name__") != name:
                    continue
                pairs = ",".join(f'{key}="{value}"' for key, value in shown.items())
                for time, value in zip(times.tolist(), values.tolist(), strict=True):
                    text = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN" if math.isnan(value) else repr(value))
                    out.write(f"{name}{{{pairs}}} {text} {time / 1000:.3f}\n")
        out.write("# EOF\n")


@pytest.fixture(scope="module")
def database() -> Database:
    return make_database()


@pytest.fixture(scope="module")
def prometheus(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    write_openmetrics(database, folder / "metrics.txt")
    command = [part_path("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, folder / "metrics.txt", folder / "data"], check=True, capture_output=True)
    with run_prometheus(folder) as program:
        yield program.url


def ask(url: str, path: str, **parameters: str) -> dict[str, object]:
    body = urllib.parse.urlencode(parameters).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}", body, timeout=30) as response:
            return json.load(response)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)  # type: ignore[no-any-return]


def label_text(metric: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(metric.items())) + "}"


def range_rows(answer: dict[str, object], grid: TimeGrid) -> dict[str, list[float | None]]:
    """Return the matrix of an answer over the grid."""
    rows: dict[str, list[float | None]] = {}
    for series in answer["data"]["result"]:  # type: ignore[index]
        found = {round(float(time) * 1000): float(value) for time, value in series["values"]}
        rows[label_text(series["metric"])] = [found.get(int(time)) for time in grid.times_ms()]
    return rows


def assert_close(ours: dict[str, list[float | None]], theirs: dict[str, list[float | None]]) -> None:
    assert list(ours) == sorted(theirs) or set(ours) == set(theirs)
    for labels, expected in theirs.items():
        for place, (value, wanted) in enumerate(zip(ours[labels], expected, strict=True)):
            if value is None or wanted is None:
                assert value is wanted, (labels, place, value, wanted)
            else:
                assert value == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True), (labels, place)


@pytest.mark.parts
@pytest.mark.parametrize("query", QUERIES)
def test_a_range_query_gives_what_prometheus_gives(query: str, database: Database, prometheus: str) -> None:
    times = {"start": f"{GRID.start_ms / 1000}", "end": f"{GRID.end_ms / 1000}", "step": f"{GRID.step_ms / 1000}"}
    answer = ask(prometheus, "query_range", query=query, **times)
    assert answer["status"] == "success", answer
    assert_close(database.rows(query, GRID), range_rows(answer, GRID))


@pytest.mark.parts
@pytest.mark.parametrize("query", INSTANT_QUERIES)
def test_an_instant_query_keeps_the_order_of_prometheus(query: str, database: Database, prometheus: str) -> None:
    answer = ask(prometheus, "query", query=query, time=f"{GRID.start_ms / 1000}")
    theirs = {label_text(one["metric"]): float(one["value"][1]) for one in answer["data"]["result"]}  # type: ignore[index]
    ours = rows_of(database.answer(query, at(GRID.start_ms)))
    assert list(ours) == list(theirs)
    assert [values[0] for values in ours.values()] == pytest.approx(list(theirs.values()), rel=1e-9)


@pytest.mark.parts
@pytest.mark.parametrize("query", FAILING)
def test_what_prometheus_refuses_is_refused_in_its_words(query: str, database: Database, prometheus: str) -> None:
    answer = ask(prometheus, "query", query=query, time=f"{GRID.start_ms / 1000}")
    assert answer["status"] == "error", answer
    with pytest.raises(ExecutionError) as raised:
        database.answer(query, at(GRID.start_ms))
    # The series that a message names are sorted since Prometheus 3.
    assert sorted(str(raised.value)) == sorted(str(answer["error"]))


def test_batches_of_any_size_give_the_same_digits(database: Database) -> None:
    query = "sum by (job) (rate(requests_total[5m]) + 1e15)"
    one, two = (database.answer(query, GRID, batch_rows=size).value for size in (1, 100))
    assert isinstance(one, VectorResult)
    assert isinstance(two, VectorResult)
    assert one.steps.values.tobytes() == two.steps.values.tobytes()


def test_a_scalar_query_gives_a_scalar_at_each_time(database: Database) -> None:
    value = database.answer("time() * 2", GRID).value
    assert isinstance(value, ScalarResult)
    assert value.steps.values[0].tolist() == (GRID.times_ms() / 500).tolist()
