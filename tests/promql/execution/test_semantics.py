"""What Prometheus 3 does at the edges, worked by hand from its documentation."""

from __future__ import annotations

import math
import tracemalloc

import pytest

from promontory.errors import ExecutionError, LimitError
from promontory.model.result import SamplesResult
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import MAX_SAMPLES
from promontory.promql.plan.plan import PlanOptions
from tests.promql.execution.database import STALE, Database, Points, at, rows_of

MINUTE_MS = 60_000


def rising(*, count: int = 11, step_ms: int = 15_000) -> Points:
    return [(index * step_ms, float(index)) for index in range(count)]


def one(points: Points, name: str = "x_total") -> Database:
    return Database().add(name, {}, points)


def value_of(database: Database, query: str, time_ms: int) -> float | None:
    rows = database.rows(query, at(time_ms))
    return next(iter(rows.values()))[0] if rows else None


def test_a_window_is_open_on_the_left_and_closed_on_the_right() -> None:
    assert value_of(one(rising()), "count_over_time(x_total[1m])", MINUTE_MS) == 4
    assert value_of(one(rising()), "first_over_time(x_total[1m])", MINUTE_MS) == 1
    assert value_of(one(rising()), "last_over_time(x_total[1m])", MINUTE_MS) == 4


def test_a_sample_exactly_the_lookback_old_is_not_seen() -> None:
    database = one([(0, 1.0)])
    assert value_of(database, "x_total", 5 * MINUTE_MS - 1) == 1
    assert value_of(database, "x_total", 5 * MINUTE_MS) is None


def test_a_stale_marker_ends_a_series_though_older_samples_are_near() -> None:
    database = one([(0, 1.0), (15_000, STALE), (90_000, 2.0)])
    assert database.rows("x_total", TimeGrid(0, 90_000, 30_000)) == {'{__name__="x_total"}': [1.0, None, None, 2.0]}
    assert value_of(database, "count_over_time(x_total[2m])", 90_000) == 2


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_infinities_and_nan_are_values(value: float) -> None:
    assert value_of(one([(0, value)]), "x_total", 0) == pytest.approx(value, nan_ok=True)
    assert value_of(one([(0, value)]), "sum(x_total)", 0) == pytest.approx(value, nan_ok=True)


def test_a_rate_is_extrapolated_to_the_edges_where_they_are_near() -> None:
    # 15 .. 60 s: 3 in 45 s, 15 s to the left edge and 0 to the right: 3 * 60/45 over 60 s.
    assert value_of(one(rising()), "rate(x_total[1m])", MINUTE_MS) == pytest.approx(4 / 60)
    assert value_of(one(rising()), "increase(x_total[1m])", MINUTE_MS) == pytest.approx(4)


def test_the_zero_of_a_counter_is_looked_for_after_the_edge_was_moved() -> None:
    # The first sample is 75 s from the edge and the zero 10 s before it; half a gap is 7.5 s and so less.
    points = [(75_000 + index * 15_000, 10.0 + 15 * index) for index in range(4)]
    increase = 45.0 * (45 + 7.5 + 0) / 45
    assert value_of(one(points), "increase(x_total[2m])", 120_000) == pytest.approx(increase)


def test_a_reset_adds_the_value_before_it() -> None:
    points = [(15_000, 5.0), (30_000, 9.0), (45_000, 2.0), (60_000, 3.0)]
    assert value_of(one(points), "increase(x_total[1m])", MINUTE_MS) == pytest.approx(7.0 * 60 / 45)
    assert value_of(one(points), "resets(x_total[1m])", MINUTE_MS) == 1
    assert value_of(one(points), "irate(x_total[46s])", 45_000) == pytest.approx(2 / 15)


def test_sums_keep_what_plain_addition_loses() -> None:
    database = one([(15_000, 1.0), (30_000, 1e100), (45_000, 1.0), (60_000, -1e100)])
    assert value_of(database, "sum_over_time(x_total[1m])", MINUTE_MS) == 2
    groups = Database()
    for place, value in enumerate([1.0, 1e100, 1.0, -1e100]):
        groups.add("x", {"n": str(place)}, [(0, value)])
    assert value_of(groups, "sum(x)", 0) == 2


def test_a_mean_does_not_overflow() -> None:
    assert value_of(one([(15_000, 1.7e308), (30_000, 1.7e308)]), "avg_over_time(x_total[1m])", 30_000) == 1.7e308


def test_nan_gives_way_to_numbers_in_extremes_and_comes_first_in_quantiles() -> None:
    database = one([(15_000, math.nan), (30_000, 3.0), (45_000, 4.0)])
    assert value_of(database, "max_over_time(x_total[1m])", MINUTE_MS) == 4
    assert value_of(database, "min_over_time(x_total[1m])", MINUTE_MS) == 3
    assert value_of(database, "quantile_over_time(1, x_total[1m])", MINUTE_MS) == 4
    assert value_of(database, "quantile_over_time(0.5, x_total[1m])", MINUTE_MS) == 3


def test_a_constant_series_has_no_slope() -> None:
    flat = one([(15_000, 7.0), (30_000, 7.0), (45_000, 7.0)])
    assert value_of(flat, "deriv(x_total[1m])", MINUTE_MS) == 0
    assert value_of(flat, "predict_linear(x_total[1m], 3600)", MINUTE_MS) == 7
    assert value_of(one(rising()), "predict_linear(x_total[1m], 15)", MINUTE_MS) == pytest.approx(5)


def test_a_subquery_stands_on_multiples_of_its_step() -> None:
    database = one(rising(count=20))
    result = database.answer("x_total[1m:20s]", at(125_000))
    assert isinstance(result.value, SamplesResult)
    assert result.value.samples.timestamps_ms.tolist() == [80_000, 100_000, 120_000]


def test_at_start_and_end_are_those_of_the_query_in_subqueries_too() -> None:
    grid = TimeGrid(60_000, 120_000, 30_000)
    assert one(rising()).rows("max_over_time((x_total @ end())[1m:30s])", grid) == {"{}": [8.0, 8.0, 8.0]}
    assert one(rising()).rows("x_total @ start() + 0", grid) == {"{}": [4.0, 4.0, 4.0]}


def test_names_go_where_a_value_is_new_and_stay_where_it_is_chosen() -> None:
    database = one([(0, 3.0)])
    keeping = ["x_total", "x_total > 2", "x_total and x_total", "topk(1, x_total)", "last_over_time(x_total[1m])"]
    dropping = ["-x_total", "abs(x_total)", "x_total > bool 2", "x_total + 0", "max_over_time(x_total[1m])"]
    assert [list(database.rows(query, at(0))) for query in keeping] == [['{__name__="x_total"}']] * len(keeping)
    assert [list(database.rows(query, at(0))) for query in dropping] == [["{}"]] * len(dropping)


def two_names() -> Database:
    return Database().add("a", {"l": "1"}, [(0, 1.0)]).add("b", {"l": "1"}, [(600_000, 2.0)])


def test_series_that_lose_their_names_are_one_where_they_never_meet() -> None:
    grid = TimeGrid(0, 600_000, 600_000)
    assert two_names().rows("-{l='1'}", grid) == {'{l="1"}': [-1.0, -2.0]}


def test_series_that_lose_their_names_under_a_range_function_must_differ() -> None:
    with pytest.raises(ExecutionError, match="metrics with the same labelset"):
        two_names().rows("sum(max_over_time({l='1'}[1m]))", TimeGrid(0, 600_000, 600_000))


def test_series_with_type_labels_must_differ_without_them_too() -> None:
    database = Database().add("a", {"__type__": "x"}, [(0, 1.0)]).add("a", {"__type__": "y"}, [(0, 2.0)])
    with pytest.raises(ExecutionError, match="same labelset"):
        database.rows("sum(max_over_time(a[1m]))", at(0))


def test_delayed_names_go_when_the_answer_is_complete() -> None:
    result = two_names().answer(
        "abs(a) or abs(b)", TimeGrid(0, 600_000, 600_000), options=PlanOptions(delayed_names=True)
    )
    assert rows_of(result) == {'{l="1"}': [1.0, 2.0]}


def sides(one_side: list[Points]) -> Database:
    database = Database().add("many", {"job": "a", "n": "1"}, [(0, 1.0), (600_000, 1.0)])
    for place, points in enumerate(one_side):
        database.add("one", {"job": "a", "k": str(place)}, points)
    return database


def test_two_series_on_the_one_side_are_fine_while_they_do_not_meet() -> None:
    grid = TimeGrid(0, 600_000, 600_000)
    apart = sides([[(0, 5.0)], [(600_000, 6.0)]])
    assert apart.rows("many * on (job) group_left one", grid) == {'{job="a", n="1"}': [5.0, 6.0]}
    assert apart.rows("many * on (job) group_left (k) one", grid) == {
        '{job="a", k="0", n="1"}': [5.0, None], '{job="a", k="1", n="1"}': [None, 6.0]
    }  # fmt: skip


def test_two_series_on_the_one_side_at_one_time_are_named() -> None:
    with pytest.raises(ExecutionError) as raised:
        sides([[(0, 5.0)], [(0, 6.0)]]).rows("many * on (job) group_left one", at(0))
    assert str(raised.value) == (
        'found duplicate series for the match group {job="a"} on the right hand-side of the operation:'
        ' [{__name__="one", job="a", k="0"}, {__name__="one", job="a", k="1"}];many-to-many matching not allowed:'
        " matching labels must be unique on one side"
    )


def test_nothing_is_refused_where_one_side_is_empty() -> None:
    assert sides([[(0, 5.0)], [(0, 6.0)]]).rows("nope * on (job) group_left one", at(0)) == {}


def test_the_left_side_of_one_to_one_must_be_unique() -> None:
    database = sides([[(0, 5.0)]]).add("many", {"job": "a", "n": "2"}, [(0, 2.0)])
    with pytest.raises(ExecutionError, match=r"many-to-one matching must be explicit \(group_left/group_right\)"):
        database.rows("many > on (job) one", at(0))


def test_topk_prefers_numbers_and_evicts_as_a_heap_does() -> None:
    database = Database()
    for name, value in {"a": math.nan, "b": 1.0, "c": 1.0, "d": 2.0}.items():
        database.add("x", {"n": name}, [(0, value)])
    assert [row[-3] for row in database.rows("topk(2, x)", at(0))] == ["d", "b"]
    assert [row[-3] for row in database.rows("bottomk(3, x)", at(0))][:2] == ["b", "c"]
    with pytest.raises(ExecutionError, match="Parameter value is NaN"):
        database.rows("topk(NaN, nope)", at(0))
    with pytest.raises(ExecutionError, match=r"^Scalar value 1e\+20 overflows int64$"):
        database.rows("topk(1e20, x)", at(0))


def test_annotations_name_the_place_once() -> None:
    result = Database().add("load", {}, rising()).answer("rate(load[1m]) + rate(load[1m])", at(MINUTE_MS))
    assert result.annotations.infos == (
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "load" (1:23)',
    )
    warned = Database().add("x", {}, [(0, 1.0)]).answer("quantile(2, x)", at(0))
    assert warned.annotations.warnings == ("PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)",)


def test_histograms_out_of_order_are_mended_and_named() -> None:
    database = Database()
    for bound, count in {"1": 5.0, "2": 4.0, "+Inf": 10.0, "x": 1.0}.items():
        database.add("b", {"le": bound}, [(0, count)])
    result = database.answer("histogram_quantile(0.25, b)", at(0))
    assert rows_of(result) == {"{}": [0.5]}
    assert result.annotations.warnings == (
        'PromQL warning: bucket label "le" is missing or has a malformed value of "x" (1:26)',
    )
    assert result.annotations.infos == (
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see"
        " https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), from buckets 2 to 2,"
        " with a max diff of 1, over 1 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z (1:26)",
    )


def test_label_replace_expands_as_go_does() -> None:
    database = Database().add("x", {"src": "ab\ncd"}, [(0, 1.0)])
    query = 'label_replace(x, "dst", "$1|${1}x|$1x|$$|$two", "src", "(..).(?P<two>.*)")'
    assert list(database.rows(query, at(0))) == ['{__name__="x", dst="ab|abx||$|cd", src="ab\ncd"}']
    with pytest.raises(ExecutionError, match=r"^invalid regular expression in label_replace\(\): \($"):
        database.rows('label_replace(x, "a", "", "b", "(")', at(0))
    with pytest.raises(ExecutionError, match=r"^invalid destination label name in label_replace\(\): $"):
        database.rows('label_replace(x, "", "", "b", "c")', at(0))


def test_more_samples_than_allowed_are_refused_and_released_ones_do_not_count() -> None:
    database = Database()
    for number in range(10):
        database.add("x", {"n": str(number)}, rising())
    grid = TimeGrid(0, 90_000, 10_000)
    with pytest.raises(LimitError, match="query processing would load too many samples into memory"):
        database.answer("x", grid, max_samples=99)
    assert len(rows_of(database.answer("sum(x)", grid, max_samples=20))) == 1
    assert MAX_SAMPLES == 50_000_000


def test_an_empty_answer_is_an_empty_vector() -> None:
    for query in ("nope", "sum(nope)", "topk(1, nope)", "quantile(0.5, nope)", "nope / nope", "sort(nope)",
                  "histogram_quantile(0.5, nope)", "label_join(nope, 'a', '', 'b')", "sum_over_time(nope[5m:1m])",
                  "nope or nope", "scalar(nope) > bool nope"):  # fmt: skip
        assert Database().rows(query, TimeGrid(1_000, 61_000, 7_000)) == {}


def test_a_long_chain_is_evaluated() -> None:
    assert value_of(one([(0, 1.0)]), " + ".join(["x_total"] * 1_000), 0) == 1_000


@pytest.mark.parametrize(
    "query", ["topk(1, vector(1))", "bottomk(1, x_total)", "quantile(1, vector(1))", "sort(x_total)"]
)
def test_a_subquery_between_two_multiples_of_its_step_is_empty(query: str) -> None:
    assert one(rising()).rows(f"max_over_time({query}[1s:1m])", at(90_000)) == {}


def test_a_range_query_of_one_step_is_ordered_by_labels() -> None:
    database = Database().add("x", {"p": "a"}, [(0, 1.0)]).add("x", {"p": "b"}, [(0, 2.0)])
    by_value = ['{__name__="x", p="b"}', '{__name__="x", p="a"}']
    for query in ("topk(2, x)", "sort_desc(x)"):
        assert list(database.rows(query, at(0))) == by_value
        assert list(database.rows(query, TimeGrid(0, 0, MINUTE_MS))) == by_value[::-1]


@pytest.mark.parametrize(
    ("query", "time_ms"),
    [
        ("x_total offset 1d", -(2**63) + 1),
        ("x_total offset -1d", 2**63 - 2),
        ("x_total[1m]", -(2**63)),
        ("x_total @ -9223372036854774 offset 1d", 0),
        ("max_over_time(vector(1)[5m:1m])", -(2**63)),
        ("max_over_time(x_total[5m:1m])", -(2**63) + 6 * MINUTE_MS),
    ],
)
def test_times_that_int64_cannot_hold_are_refused(query: str, time_ms: int) -> None:
    with pytest.raises(ExecutionError, match="beyond what int64 can hold"):
        one(rising()).answer(query, at(time_ms))


def test_pairs_are_counted_before_they_are_made() -> None:
    # At the second time x is gone, so the many rows of y are refused by nothing but their number.
    database = Database()
    for number in range(2_000):
        database.add("x", {"p": str(number)}, [(0, 1.0)])
        database.add("y", {"p": str(number)}, [(300_000 if number else 0, 1.0)])
    grid = TimeGrid(0, 300_000, 300_000)
    database.answer("x * on (p) group_left y", grid)  # compiles what is not in the cache yet
    tracemalloc.start()
    with pytest.raises(LimitError, match="too many samples"):
        database.answer("x * on () group_left y", grid, max_samples=5_000_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 32 << 20


def test_mended_histograms_are_named_in_any_year() -> None:
    far_ms = 10**15
    database = Database().add("h", {"le": "1"}, [(far_ms, 5.0)]).add("h", {"le": "+Inf"}, [(far_ms, 4.0)])
    (info,) = database.answer("histogram_quantile(0.5, h)", at(far_ms)).annotations.infos
    assert "from 33658-09-27T01:46:40Z to 33658-09-27T01:46:40Z" in info


@pytest.mark.parametrize(
    "vector",
    [
        "x_total",
        "rate(x_total[1m])",
        "x_total @ 0",
        "vector(1)",
        "vector(time())",
        "absent(nope)",
        "vector(scalar(nope))",
    ],
)
def test_more_times_than_samples_are_allowed_are_refused_before_anything_is_made(vector: str) -> None:
    tracemalloc.start()
    with pytest.raises(LimitError, match="query processing would load too many samples into memory"):
        one(rising()).answer(f"max_over_time(({vector})[100y:1s])", at(60_000))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 256 << 20


def test_many_series_over_many_times_are_evaluated_in_parts() -> None:
    database = Database()
    for number in range(500):
        database.add("x", {"n": str(number)}, [(0, float(number))])
    grid = TimeGrid(0, 10_999, 1)
    assert database.rows("sum(x)", grid, batch_rows=500) == {"{}": [499 * 250.0] * 11_000}
    found = list(database.rows("x", grid, batch_rows=500).items())
    assert len(found) == 500
    assert all(values == [float(labels.split('"')[3])] * 11_000 for labels, values in found[::99])


@pytest.mark.parametrize("call", ["sum(%s)", "avg(%s)", "max(%s)", "topk(1, %s)", "quantile(1, %s)"])
def test_the_evaluation_time_of_one_series_can_be_aggregated(call: str) -> None:
    query = call % "timestamp(x_total + 0)"
    assert one(rising()).rows(query, TimeGrid(0, 30_000, 15_000)) == {"{}": [0.0, 15.0, 30.0]}
