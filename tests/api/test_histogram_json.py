"""Native histograms in answers: their bytes are those of Prometheus' marshal.go."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from promontory.api.encoder import encode_result
from promontory.kernels import histogram_json
from promontory.model.histograms import HistogramCells, cells_of
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.result import QueryResult, SamplesResult, VectorResult
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeGrid
from promontory.testing.histogram_values import HistogramValue, histograms_of

BOTH_SIDES = HistogramValue(
    schema=0, count=42, sum=34593.34, zero_count=3, zero_threshold=0.25,
    positive={-1: 12, 0: 21, 2: 6}, negative={-1: 1, 1: 2.5},
)  # fmt: skip
BOTH_SIDES_TEXT = (
    '{"count":"42","sum":"34593.34","buckets":[[1,"-2","-1","2.5"],[1,"-0.5","-0.25","1"],[3,"-0.25","0.25","3"],'
    '[0,"0.25","0.5","12"],[0,"0.5","1","21"],[0,"2","4","6"]]}'
)
EXAMPLES = {
    "both sides": (BOTH_SIDES, BOTH_SIDES_TEXT),
    "no buckets": (HistogramValue(count=0, sum=math.nan), '{"count":"0","sum":"NaN"}'),
    "only the zero bucket": (
        HistogramValue(schema=3, count=2, sum=-0.0, zero_count=2, zero_threshold=1e-128),
        '{"count":"2","sum":"-0","buckets":[[3,"-1e-128","1e-128","2"]]}',
    ),
    "custom bounds": (
        HistogramValue(schema=-53, count=9, sum=7, custom_values=(1.0, 2.5), positive={0: 2, 1: 3, 2: 4}),
        '{"count":"9","sum":"7","buckets":[[3,"-Inf","1","2"],[0,"1","2.5","3"],[0,"2.5","+Inf","4"]]}',
    ),
    "a fine schema": (
        HistogramValue(schema=1, count=1, sum=1, positive={1: 0.5}, negative={2: 0.5}),
        '{"count":"1","sum":"1","buckets":[[1,"-2","-1.414213562373095","0.5"],[0,"1","1.414213562373095","0.5"]]}',
    ),
    "a bucket cut by the zero bucket": (
        HistogramValue(schema=0, count=5, sum=1, zero_count=1, zero_threshold=0.75, positive={0: 2}, negative={0: 2}),
        '{"count":"5","sum":"1","buckets":[[1,"-1","-0.75","2"],[3,"-0.75","0.75","1"],[0,"0.75","1","2"]]}',
    ),
    "infinite observations": (
        HistogramValue(schema=0, count=3, sum=math.inf, positive={1024: 2, 1025: 1}),
        '{"count":"3","sum":"+Inf","buckets":[[0,"8.98846567431158e+307","1.7976931348623157e+308","2"],'
        '[0,"1.7976931348623157e+308","+Inf","1"]]}',
    ),
}  # fmt: skip


def vector(values: list[HistogramValue | float | None], rows: int = 1) -> Steps:
    """Return steps of so many rows, the values in reading order."""
    symbols = SymbolTable()
    labels = LabelRows.from_labels([Labels.from_mapping({"a": str(row)}) for row in range(rows)], symbols)
    held = np.array([isinstance(value, HistogramValue) for value in values]).reshape(rows, -1)
    table = histograms_of([value for value in values if isinstance(value, HistogramValue)], symbols)
    numbers = [value if isinstance(value, float) else math.nan for value in values]
    return Steps(
        labels,
        np.array(numbers).reshape(rows, -1),
        np.array([value is not None for value in values]).reshape(rows, -1),
        np.zeros(rows, np.bool_),
        histograms=cells_of(held, table),
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_histogram_is_written_as_prometheus_writes_it(name: str) -> None:
    value, text = EXAMPLES[name]
    answer = QueryResult(VectorResult(TimeGrid(1500, 1500, 0), vector([value])))
    assert encode_result(answer, is_range=False).whole().decode() == (
        f'{{"resultType":"vector","result":[{{"metric":{{"a":"0"}},"histogram":[1.500,{text}]}}]}}'
    )


def test_a_row_shows_floats_then_histograms_and_leaves_out_what_it_has_none_of() -> None:
    few = HistogramValue(count=1, sum=2)
    steps = vector([1.0, few, None, 4.5, None, None, 3.0, None, None, BOTH_SIDES, few, None], rows=4)
    small = '{"count":"1","sum":"2"}'
    answer = encode_result(QueryResult(VectorResult(TimeGrid(0, 2000, 1000), steps)), is_range=True).whole().decode()
    assert answer == (
        '{"resultType":"matrix","result":['
        f'{{"metric":{{"a":"0"}},"values":[[0,"1"]],"histograms":[[1,{small}]]}},'
        '{"metric":{"a":"1"},"values":[[0,"4.5"]]},'
        '{"metric":{"a":"2"},"values":[[0,"3"]]},'
        f'{{"metric":{{"a":"3"}},"histograms":[[0,{BOTH_SIDES_TEXT}],[1,{small}]]}}]}}'
    )


def test_a_vector_holds_floats_and_histograms_in_its_order() -> None:
    steps = vector([1.0, BOTH_SIDES, 2.0], rows=3)
    ordered = Steps(
        steps.labels, steps.values, steps.present, steps.drop_name, np.array([2, 1, 0]), steps.histograms
    )  # fmt: skip
    answer = encode_result(QueryResult(VectorResult(TimeGrid(0, 0, 0), ordered)), is_range=False)
    assert answer.whole().decode() == (
        '{"resultType":"vector","result":[{"metric":{"a":"2"},"value":[0,"2"]},'
        f'{{"metric":{{"a":"1"}},"histogram":[0,{BOTH_SIDES_TEXT}]}},'
        '{"metric":{"a":"0"},"value":[0,"1"]}]}'
    )


def test_a_range_vector_holds_the_samples_as_they_are() -> None:
    symbols = SymbolTable()
    table = histograms_of([BOTH_SIDES], symbols)
    samples = Samples(
        LabelRows.from_labels([Labels(), Labels.from_mapping({"a": "b"})], symbols),
        np.array([0, 1, 4]),
        np.array([5, 1000, 2000, 2500]),
        np.array([7.0, 1.0, math.nan, 2.0]),
        HistogramCells(np.array([-1, -1, 0, 0], np.int32), table),
    )
    answer = encode_result(QueryResult(SamplesResult(TimeGrid(3000, 3000, 0), samples)), is_range=False)
    assert answer.whole().decode() == (
        '{"resultType":"matrix","result":[{"metric":{},"values":[[0.005,"7"]]},'
        f'{{"metric":{{"a":"b"}},"values":[[1,"1"]],"histograms":[[2,{BOTH_SIDES_TEXT}],[2.500,{BOTH_SIDES_TEXT}]]}}]}}'
    )


def test_long_answers_are_pieces_by_their_buckets() -> None:
    wide = HistogramValue(schema=8, count=1, sum=1, positive={index: 1.0 / (index + 1) for index in range(900)})
    steps = vector([wide] * 160, rows=160)
    answer = encode_result(QueryResult(VectorResult(TimeGrid(0, 0, 0), steps)), is_range=False)
    assert len(answer.body.pieces) == 3
    found = json.loads(answer.whole())["result"]
    assert [row["metric"]["a"] for row in found] == [str(row) for row in range(160)]
    assert all(row["histogram"] == found[0]["histogram"] for row in found)
    assert [float(bucket[3]) for bucket in found[0]["histogram"][1]["buckets"]] == list(wide.positive.values())


def test_the_kernels_write_what_their_plain_python_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = vector([value for value, _ in EXAMPLES.values()] + [1.0], rows=4)
    compiled = encode_result(QueryResult(VectorResult(TimeGrid(0, 1, 1), steps)), is_range=True).whole()
    for name in ("lay_out_histograms", "write_mixed_rows"):
        monkeypatch.setattr(f"promontory.api.mixed_rows.{name}", getattr(histogram_json, name).py_func)
    with np.errstate(over="ignore"):
        plain = encode_result(QueryResult(VectorResult(TimeGrid(0, 1, 1), steps)), is_range=True).whole()
    assert plain == compiled
