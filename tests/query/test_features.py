"""Features by Prometheus' names, and what the engine makes of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import InputError, QueryError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.query_options import QueryOptions
from promontory.model.result import QueryResult, VectorResult
from promontory.promql.parser import ALL_FEATURES
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.query.features import Features, read_features
from promontory.testing.memory_store import MemoryStore, make_series

OFF = {
    "mad_over_time(x[5m])": '1:1: parse error: function "mad_over_time" is not enabled',
    "limitk(1, x)": "1:1: parse error: limitk() is experimental and must be enabled with "
    "--enable-feature=promql-experimental-functions",
    "limit_ratio(1, x)": "1:1: parse error: limit_ratio() is experimental and must be enabled with "
    "--enable-feature=promql-experimental-functions",
    "rate(x[5m] anchored)": "1:6: parse error: anchored modifier is experimental and not enabled",
    "rate(x[5m] smoothed)": "1:6: parse error: smoothed modifier is experimental and not enabled",
    "x + fill(0) y": "1:1: parse error: binop fill modifiers are experimental and not enabled",
}


def test_names_come_from_several_flags_and_with_commas() -> None:
    features = read_features(["promql-delayed-name-removal, use-start-timestamps", "", "type-and-unit-labels"])
    assert features == Features(delayed_names=True, start_timestamps=True, type_and_unit=True)


def test_features_of_the_language_go_to_the_parser() -> None:
    assert read_features([",".join(ALL_FEATURES)]).parser.features == ALL_FEATURES


def test_what_prometheus_and_thanos_always_do_is_taken_without_effect() -> None:
    names = ("promql-duration-expr", "native-histograms", "promql-at-modifier", "promql-negative-offset")
    assert read_features([",".join(names)]) == Features(without_effect=names)


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match=r"flag --enable-feature: expected some of .*, found 'promql-everything'"):
        read_features(["promql-everything"])


async def ask(text: str, *flags: str) -> QueryResult:
    with ThreadPoolExecutor(1) as pool:
        engine = QueryEngine(
            MemoryStore([make_series({"__name__": "x"}, [0], [1.0])]), EngineSettings(features=read_features(flags))
        )
        return await engine.instant(text, 0, QueryOptions(), QueryContext(clock=SystemClock(), pool=pool))


@pytest.mark.parametrize(("text", "message"), OFF.items())
async def test_without_its_feature_a_query_is_refused_in_the_words_of_prometheus(text: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        await ask(text)
    assert str(raised.value) == message


async def test_the_name_stays_until_the_end_where_it_is_removed_late() -> None:
    query = 'label_replace(abs(x), "__name__", "${1}_done", "__name__", "(.*)")'
    assert await names_of(query) == [b"_done"]
    assert await names_of(query, "promql-delayed-name-removal") == [b"x_done"]


async def names_of(text: str, *flags: str) -> list[bytes]:
    result = await ask(text, *flags)
    assert isinstance(result.value, VectorResult)
    rows = result.value.steps.labels
    return [rows.labels(row).get(b"__name__") for row in range(len(rows))]
