"""Histograms that mean harm: every function, aggregation and operator answers or refuses, and reads nothing foreign."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.promql.functions import FUNCTIONS
from promontory.promql.nodes import ValueType
from tests.fuzz.plain_kernels import plain_kernels
from tests.promql.hostile_histograms import hostile_queries, run_hostile

MANY = 20_000


def test_the_queries_are_of_every_function_that_takes_a_vector() -> None:
    queries = list(hostile_queries())
    for name, function in FUNCTIONS.items():
        if {ValueType.VECTOR, ValueType.MATRIX} & set(function.argument_types):
            assert any(query.startswith(f"{name}(") for query in queries), name


@pytest.mark.parametrize("wide", [30, MANY])
def test_every_query_over_hostile_histograms_is_answered_or_refused(wide: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        ended = list(run_hostile(pool, wide=wide))
    refused = [line for line in ended if not line[0].isdigit()]
    assert len(ended) > 400
    assert len(refused) < len(ended) / 20
    assert all(line.startswith(("ExecutionError", "LimitError")) for line in refused), refused


def test_plain_kernels_read_no_index_that_is_not_there() -> None:
    with ThreadPoolExecutor(1) as pool, plain_kernels():
        assert len(list(run_hostile(pool, wide=12, every=5))) > 80
