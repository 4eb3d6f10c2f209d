import json
import math

import numpy as np
import pytest

from promontory.api.encoder import PIECE_SAMPLES, encode_result
from promontory.api.numbers import format_scalar
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.result import QueryResult, SamplesResult, ScalarResult, StringResult, VectorResult
from promontory.model.samples import Samples
from promontory.model.steps import Steps
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeGrid


def label_rows(*rows: dict[str, str]) -> LabelRows:
    return LabelRows.from_labels([Labels.from_mapping(row) for row in rows], SymbolTable())


def steps(labels: LabelRows, values: np.ndarray, **other: np.ndarray) -> Steps:
    rest = {"present": np.ones(values.shape, bool), "drop_name": np.zeros(len(values), bool), **other}
    return Steps(labels, values, **rest)


def test_a_matrix_holds_what_the_steps_hold() -> None:
    random = np.random.default_rng(3)
    values = np.round(random.uniform(-1e6, 1e6, (30, 50)), 2)
    values[::3] = random.normal(size=values[::3].shape)
    present = random.uniform(size=values.shape) > 0.2
    present[7] = False
    labels = [{"__name__": "up", "instance": f"host-{row}:9100"} for row in range(30)]
    grid = TimeGrid(1_795_225_000_000, 1_795_225_000_000 + 49 * 15_500, 15_500)
    result = QueryResult(VectorResult(grid, steps(label_rows(*labels), values, present=present)))
    found = json.loads(encode_result(result, is_range=True).whole())
    times = grid.times_ms()
    expected = [
        {
            "metric": labels[row],
            "values": [
                [times[step] / 1000, format_scalar(float(values[row, step]))] for step in np.flatnonzero(present[row])
            ],
        }
        for row in range(30)
        if row != 7
    ]
    assert found == {"resultType": "matrix", "result": expected}


def test_the_bytes_of_a_vector_are_prometheus() -> None:
    labels = label_rows({"__name__": "up", "job": 'a"b\\\n'}, {"job": "x"})
    value = VectorResult(TimeGrid(1500, 1500, 0), steps(labels, np.array([[1.0], [math.nan]])))
    assert encode_result(QueryResult(value), is_range=False).whole() == (
        b'{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b\\\\\\n"},"value":[1.500,"1"]},'
        b'{"metric":{"job":"x"},"value":[1.500,"NaN"]}]}'
    )


def test_the_name_is_dropped_where_asked_and_order_kept() -> None:
    labels = label_rows({"__name__": "a", "x": "1"}, {"__name__": "b"}, {"__name__": "c"})
    value = VectorResult(
        TimeGrid(0, 0, 0),
        steps(labels, np.array([[1.0], [2], [3]]), drop_name=np.array([True, False, True]), order=np.array([2, 0, 1])),
    )
    found = json.loads(encode_result(QueryResult(value), is_range=False).whole())
    assert [row["metric"] for row in found["result"]] == [{}, {"x": "1"}, {"__name__": "b"}]


def test_invalid_utf8_becomes_the_replacement_character() -> None:
    labels = LabelRows.from_labels([Labels(((b"caf\xc3\xa9", b"\xff<"),))], SymbolTable())
    value = VectorResult(TimeGrid(0, 0, 0), steps(labels, np.ones((1, 1))))
    found = json.loads(encode_result(QueryResult(value), is_range=False).whole())
    assert found["result"][0]["metric"] == {"café": "\ufffd<"}


def test_a_range_vector_keeps_its_raw_times() -> None:
    samples = Samples(
        label_rows({"a": "1"}, {"a": "2"}), np.array([0, 2, 3]), np.array([1001, 2000, -5]), np.array([1.0, 0.5, 1e300])
    )
    assert encode_result(QueryResult(SamplesResult(TimeGrid(0, 0, 0), samples)), is_range=False).whole() == (
        b'{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[1.001,"1"],[2,"0.5"]]},'
        b'{"metric":{"a":"2"},"values":[[-0.005,"1e+300"]]}]}'
    )


@pytest.mark.parametrize(
    ("is_range", "body"),
    [
        (False, b'{"resultType":"scalar","result":[4,"0.0000001"]}'),
        (True, b'{"resultType":"matrix","result":[{"metric":{},"values":[[4,"1e-07"]]}]}'),
    ],
)
def test_a_scalar_is_a_matrix_in_a_range_query(is_range: bool, body: bytes) -> None:
    value = ScalarResult(TimeGrid(4000, 4000, 0), steps(label_rows({}), np.array([[1e-7]])))
    assert encode_result(QueryResult(value), is_range=is_range).whole() == body


def test_a_string_is_itself() -> None:
    value = StringResult(TimeGrid(1500, 1500, 0), "a<b>")
    assert encode_result(QueryResult(value), is_range=False).whole() == b'{"resultType":"string","result":[1.5,"a<b>"]}'


def test_bytes_that_are_no_utf8_are_replaced_in_a_string() -> None:
    value = StringResult(TimeGrid(4000, 4000, 0), "\udcff")
    body = '{"resultType":"string","result":[4,"\ufffd"]}'.encode()
    assert encode_result(QueryResult(value), is_range=False).whole() == body


@pytest.mark.parametrize("is_range", [False, True])
def test_nothing_is_an_empty_list(is_range: bool) -> None:
    for value in (np.empty((0, 1)), np.ones((1, 1))):
        labels = label_rows(*({} for _ in value))
        nothing = VectorResult(TimeGrid(0, 0, 0), steps(labels, value, present=np.zeros(value.shape, bool)))
        found = json.loads(encode_result(QueryResult(nothing), is_range=is_range).whole())
        assert found["result"] == []


@pytest.mark.parametrize(("limit", "count"), [(0, 3), (2, 2), (3, 3), (5, 3)])
def test_a_limit_cuts_series_and_says_so(limit: int, count: int) -> None:
    labels = label_rows({"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": "4"})
    present = np.array([[True], [False], [True], [True]])
    value = VectorResult(TimeGrid(0, 0, 0), steps(labels, np.ones((4, 1)), present=present))
    encoded = encode_result(QueryResult(value), is_range=False, limit=limit)
    assert len(json.loads(encoded.whole())["result"]) == count
    assert encoded.is_truncated == (count < 3)


def test_large_answers_come_in_pieces() -> None:
    count = PIECE_SAMPLES // 1000 + 5
    labels = label_rows(*({"i": str(row)} for row in range(count)))
    grid = TimeGrid(0, 999_000, 1000)
    encoded = encode_result(
        QueryResult(VectorResult(grid, steps(labels, np.arange(count * 1000.0).reshape(count, 1000)))), is_range=True
    )
    assert len(encoded.body.pieces) == 2
    found = json.loads(encoded.whole())["result"]
    assert len(found) == count
    assert found[-1]["values"][-1] == [999, str(count * 1000 - 1)]


@pytest.mark.parametrize("is_range", [False, True])
def test_pieces_know_their_length_where_it_is_cheap(monkeypatch: pytest.MonkeyPatch, is_range: bool) -> None:
    monkeypatch.setattr("promontory.api.encoder.PIECE_SAMPLES", 3)
    values = np.array([[1.0, 2.25], [3.0, 0.0], [-5.0, 7.0], [1 / 3, 1.0], [0.0, 0.0]])[:, : 1 + is_range]
    present = np.ones(values.shape, bool)
    present[[1, 4]] = False
    labels = label_rows(*({"i": "é" * row} for row in range(5)))
    grid = TimeGrid(1500, 2000, 500) if is_range else TimeGrid(1500, 1500, 0)
    result = QueryResult(VectorResult(grid, steps(labels, values, present=present)))
    sizes = [
        (piece.measure(), len(piece.make()))
        for piece in encode_result(result, is_range=is_range).body.pieces
        if piece.measure is not None
    ]
    assert len(sizes) > 1
    assert [measured for measured, _ in sizes[:-1]] == [size for _, size in sizes[:-1]]
    assert sizes[-1][0] == -1
