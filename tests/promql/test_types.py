"""Types of expressions, and the signatures of functions."""

from __future__ import annotations

import pytest

from promontory.promql.functions import FUNCTIONS, UNBOUNDED
from promontory.promql.nodes import Binary, Cardinality, ValueType
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.types import value_type

TYPES = {
    "1": ValueType.SCALAR,
    "'a'": ValueType.STRING,
    "foo": ValueType.VECTOR,
    "foo[5m]": ValueType.MATRIX,
    "foo[5m:]": ValueType.MATRIX,
    "-(1 + time()) ^ 2 * pi()": ValueType.SCALAR,
    "-(1 + time() * foo)": ValueType.VECTOR,
    "1 + (2 + (3 + foo))": ValueType.VECTOR,
    "sum(foo)": ValueType.VECTOR,
    "scalar(foo)": ValueType.SCALAR,
    "rate(foo[5m])": ValueType.VECTOR,
    "(foo[5m])": ValueType.MATRIX,
    "1 < bool 2": ValueType.SCALAR,
}


@pytest.mark.parametrize(("query", "expected"), TYPES.items())
def test_an_expression_has_the_type_of_what_it_gives(query: str, expected: ValueType) -> None:
    assert value_type(parse_query(query)) is expected


def test_there_are_73_stable_functions_and_17_experimental_ones() -> None:
    assert [sum(function.experimental is kind for function in FUNCTIONS.values()) for kind in (False, True)] == [73, 17]


def test_signatures_say_what_is_optional_repeated_and_open_ended() -> None:
    assert FUNCTIONS["round"].variadic == 1
    assert FUNCTIONS["round"].argument_types == (ValueType.VECTOR, ValueType.SCALAR)
    assert FUNCTIONS["label_join"].variadic == UNBOUNDED
    assert FUNCTIONS["histogram_quantiles"].variadic == 9
    assert FUNCTIONS["time"].return_type is ValueType.SCALAR


@pytest.mark.parametrize(
    ("query", "cardinality"),
    [("a + b", Cardinality.ONE_TO_ONE), ("a and b", Cardinality.MANY_TO_MANY),
     ("a * on(x) group_left b", Cardinality.MANY_TO_ONE), ("a * on(x) group_right(y) b", Cardinality.ONE_TO_MANY)],
)  # fmt: skip
def test_matching_stands_only_between_vectors(query: str, cardinality: Cardinality) -> None:
    node = parse_query(query)
    assert isinstance(node, Binary)
    assert node.matching is not None
    assert node.matching.cardinality is cardinality


@pytest.mark.parametrize("query", ["1 + 2", "a + 1", "1 == bool 2", "1 + on() a", "time() * rate(x[1m])"])
def test_there_is_no_matching_where_a_side_is_scalar(query: str) -> None:
    node = parse_query(query)
    assert isinstance(node, Binary)
    assert node.matching is None


def test_the_second_argument_of_info_may_match_everything() -> None:
    parse_query("info(foo, {})", ParserOptions(ALL_FEATURES))
