"""The runner of behaviour scripts passes what is right, and each kind of wrong expectation fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promontory.promql.parser import parse_query
from promontory.promql.printer import print_expr
from promontory.testing.promqltest.command_line import main, run_file
from promontory.testing.promqltest.run_at import fix_time

LOADED = """
load 1m
  requests_total{job="a"} 0+60x10
  requests_total{job="b"} 0+120x10
  gauge{job="a"} 1 _ 3 stale 5
  latency 1x10
  latency{kind="native"} {{schema:0 count:4 sum:5 buckets:[1 2 1]}}+{{count:4 sum:5 buckets:[1 2 1]}}x10
  up_to{le="1"} 1x10
  up_to{le="2"} 3x10
  up_to{le="+Inf"} 4x10
"""

INFORMED = (
    'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "latency" (1:6)'
)
WARNED = "expect warn msg: PromQL warning: quantile value should be between 0 and 1, got -1 (1:10)"
HISTOGRAM = "{{schema:0 count:8 sum:10 counter_reset_hint:not_reset buckets:[2 4 2 0]}}"

GOOD = {
    "a vector": """
eval instant at 10m requests_total
  {__name__="requests_total", job="b"} 1200
  requests_total{job="a"} 600
""",
    "an order": """
eval instant at 10m sort_desc(requests_total)
  expect ordered
  requests_total{job="b"} 1200
  requests_total{job="a"} 600
""",
    "a scalar": """
eval instant at 5m time() + 1
  301
""",
    "a string": """
eval instant at 5m "a\\"b"
  expect string "a\\"b"
""",
    "a range vector": """
eval instant at 4m gauge[5m]
  expect range vector from 0 to 4m step 1m
  gauge{job="a"} 1 _ 3 _ 5
""",
    "a grid": """
eval range from 0 to 4m step 2m gauge
  gauge{job="a"} 1 3 5
""",
    "nothing": """
eval instant at 3m gauge
""",
    "an error": """
eval instant at 5m requests_total + ignoring(job) requests_total
  expect fail regex: found duplicate series for the match group \\{.*many-to-many matching not allowed
""",
    "a text of an error": """
eval instant at 5m label_replace(requests_total, "job", "x", "job", ".*")
  expect fail msg: vector cannot contain metrics with the same labelset
""",
    "an info": f"""
eval instant at 10m rate(latency{{kind=""}}[5m])
  expect no_warn
  expect info msg: {INFORMED}
  {{}} 0
""",
    "a warning": """
eval instant at 5m quantile(2, requests_total)
  expect warn regex: quantile value should be between 0 and 1, got 2 \\(1:10\\)
  expect no_info
  {} Inf
""",
    "a text of a warning": f"""
eval instant at 5m quantile(-1, requests_total)
  {WARNED}
  {{}} -Inf
""",
    "a histogram": f"""
eval instant at 1m latency{{kind="native"}}
  latency{{kind="native"}} {HISTOGRAM}
""",
    "the old forms": """
eval_ordered instant at 10m sort(requests_total)
  requests_total{job="a"} 600
  requests_total{job="b"} 1200

eval_warn instant at 5m quantile(2, requests_total)
  {} +Inf

eval_fail instant at 5m requests_total + ignoring(job) requests_total
  expected_fail_regexp found duplicate series
""",
}  # fmt: skip

BAD = {
    "a wrong value": ("a vector", "1200", "1200.01", "1200.01"),
    "a wrong label": ("a vector", 'job="a"', 'job="c"', "unexpected series"),
    "a missing row": ("a vector", 'requests_total{job="a"} 600\n', "\n", "unexpected series"),
    "an extra row": ("a vector", "600\n", '600\n  requests_total{job="c"} 1\n', "expected series"),
    "a row where there is none": ("nothing", "gauge\n", 'gauge\n  gauge{job="a"} 3\n', "expected series"),
    "a scalar for a vector": ("a scalar", "301", "{} 301", "expected a vector"),
    "a vector for a scalar": ("a vector", 'requests_total{job="a"} 600\n', "600\n", "expected scalar"),
    "a wrong scalar": ("a scalar", "301", "302", "expected 302"),
    "a wrong string": ("a string", 'string "a', 'string "b', "expected string"),
    "a wrong order": ("an order", "sort_desc", "sort", "expected the order"),
    "a wrong time in a range vector": ("a range vector", "1 _ 3 _ 5", "1 3 _ _ 5", "expected {"),
    "a wrong step of a grid": ("a grid", "1 3 5", "1 3 _", "expected {"),
    "points beyond a grid": ("a grid", "1 3 5", "1 3 5 7", "beyond the end"),
    "a stale marker": ("a vector", "1200", "stale", "expected {"),
    "a zero that is only small": ("an info", "{} 0", "{} 1e-300", "expected {"),
    "a wrong error": ("a text of an error", "same labelset", "same labels", "expected an error"),
    "an error that is missing": ("an error", "ignoring(job)", "ignoring(nothing)", "expected an error"),
    "an error that is unexpected": ("an error", "  expect fail", "  expect info", "error: found duplicate series"),
    "an info that is missing": ("an info", "rate(", "delta(", "found []"),
    "an info that is unexpected": ("a warning", "quantile(2,", "quantile(2, rate(latency[5m]) or", "info"),
    "a wrong info": ("an info", "metric might", "metrics might", "expected info annotation"),
    "a wrong place of an info": ("an info", "(1:6)", "(1:7)", "expected info annotation"),
    "a second info": ("an info", "{} 0", "expect info regex: other\n  {} 0", "expected info annotation"),
    "an info for a warning": ("a warning", "expect warn", "expect no_warn\n  expect info", "cannot be used together"),
    "a warning for an info": ("a text of a warning", "expect warn", "expect info", "expected info annotation"),
    "a warning that is unexpected": ("a text of a warning", WARNED, "expect no_warn", "expected no warn"),
    "a wrong count of a histogram": ("a histogram", "count:8", "count:9", "expected {"),
    "a wrong bucket of a histogram": ("a histogram", "[2 4 2 0]", "[2 4 2 1]", "expected {"),
    "shifted buckets of a histogram": ("a histogram", "buckets:", "offset:1 buckets:", "expected {"),
    "a wrong reset hint": ("a histogram", "hint:not_reset", "hint:unknown", "expected {"),
    "a float for a histogram": ("a histogram", HISTOGRAM, "8", "expected {"),
    "a histogram for a float": ("a vector", "1200", "{{count:1200}}", "expected {"),
    "what does not parse": ("a vector", "requests_total\n", "requests_total{\n", "error: 1:16: parse error"),
    "what is no expectation": ("an info", "expect no_warn", "expect nothing", "invalid expect statement"),
    "what is no command": ("nothing", "eval instant", "evaluate", "invalid evaluation command"),
}  # fmt: skip


def problems(script: str, tmp_path: Path) -> list[str | None]:
    path = tmp_path / "one.test"
    path.write_text(LOADED + script)
    return [outcome.problem for outcome in run_file(path)]


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_passes(name: str, tmp_path: Path) -> None:
    assert set(problems(GOOD[name], tmp_path)) == {None}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_fails(name: str, tmp_path: Path) -> None:
    good, old, new, expected = BAD[name]
    assert old in GOOD[good]
    (problem,) = problems(GOOD[good].replace(old, new, 1), tmp_path)
    assert problem is not None
    assert expected in problem


def test_a_query_must_give_the_same_at_other_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "\neval instant at 5m vector(time())\n  {} 300\n"
    assert problems(script, tmp_path) == [None]
    monkeypatch.setattr("promontory.testing.promqltest.run_at.ASKS_TIME", frozenset())
    (problem,) = problems(script, tmp_path)
    assert problem is not None
    assert problem.startswith("as vector(time()) at -3000s: expected {}")


def test_a_query_must_give_the_same_as_a_range_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "\neval instant at 5m vector(step())\n  {} 0\n"
    assert problems(script, tmp_path) == [None]
    monkeypatch.setattr("promontory.testing.promqltest.evaluation._DEPENDS_ON_GRID", re.compile("never"))
    (problem,) = problems(script, tmp_path)
    assert problem is not None
    assert problem.startswith("as a range query: expected {}")


@pytest.mark.parametrize(
    ("query", "fixed"),
    [
        ("x", "x @ 300.000"),
        ("x @ end() + y offset 1m", "x @ 300.000 + y @ 300.000 offset 1m"),
        ("rate(x[5m] @ 7)", "rate(x[5m] @ 7.000)"),
        ("max_over_time(timestamp(x)[5m:])", "max_over_time(timestamp(x)[5m:] @ 300.000)"),
        ("max_over_time(x[5m:] @ start())", "max_over_time(x[5m:] @ 300.000)"),
        ("timestamp(x)", None),
        ("1 + 2", "1 + 2"),
    ],
)
def test_whatever_names_no_time_is_given_one(query: str, fixed: str | None) -> None:
    found = fix_time(parse_query(query), 300_000)
    assert (found and print_expr(found)) == fixed


def test_loads_add_up_until_they_are_cleared(tmp_path: Path) -> None:
    script = """
load 10m
  requests_total{job="c"} _ 7

eval instant at 10m sum(requests_total)
  {} 1807

clear
eval instant at 10m sum(requests_total)
"""
    assert problems(script, tmp_path) == [None, None]


def test_a_sample_that_contradicts_one_that_is_there_is_a_failure_of_the_load(tmp_path: Path) -> None:
    (problem,) = problems('\nload 1m\n  requests_total{job="a"} 0 61\n', tmp_path)
    assert problem is not None
    assert "found two" in problem


def test_classic_histograms_are_loaded_as_native_ones_too(tmp_path: Path) -> None:
    script = """
load_with_nhcb 1m
  size_bucket{le="1", kind="x"} 1 2
  size_bucket{le="2.5", kind="x"} 4 8
  size_bucket{le="+Inf", kind="x"} 5 10
  size_sum{kind="x"} 7 14
  size_count{kind="x"} 5 10

eval instant at 1m size
  size{kind="x"} {{schema:-53 count:10 sum:14 custom_values:[1 2.5] buckets:[2 6 2]}}

eval instant at 1m size_sum
  size_sum{kind="x"} 14
"""
    assert problems(script, tmp_path) == [None, None]


def test_the_runner_counts_lists_and_exits_with_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.test"
    path.write_text(LOADED + GOOD["a vector"] + GOOD["nothing"])
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == "2 passed, 0 failed\n"
    path.write_text(LOADED + GOOD["a vector"].replace("600", "601") + GOOD["nothing"])
    assert main([str(path)]) == 1
    *found, total = capsys.readouterr().out.splitlines()
    assert found[0] == f"{path}:{LOADED.count(chr(10)) + 2}: requests_total"
    assert total == "1 passed, 1 failed"
    assert main(["--list-failed", str(path)]) == 1
    assert capsys.readouterr().out == f"{path}:{LOADED.count(chr(10)) + 2}\n1 passed, 1 failed\n"


def test_a_file_that_is_not_there_is_an_error_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "none.test")])
    assert f"found no file {tmp_path / 'none.test'}" in capsys.readouterr().err


def test_start_times_stand_relative_to_their_samples(tmp_path: Path) -> None:
    script = """
load 1m
  began{a="b c"}@st _ -30s -45s+5sx1 0s
  began{a="b c"} 1 2 3 4 5

eval range from 0 to 4m step 1m start_timestamp(began)
  {a="b c"} 0 30 75 140 240
"""
    assert problems(script, tmp_path) == [None]


def test_an_error_of_the_engine_is_a_failure_of_its_evaluation_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by no one")

    monkeypatch.setattr("promontory.testing.promqltest.evaluation.compare_answer", broken)
    found = problems(GOOD["a vector"] + GOOD["nothing"], tmp_path)
    assert len(found) == 2
    assert all(problem is not None and problem.startswith("ZeroDivisionError: by no one (") for problem in found)
