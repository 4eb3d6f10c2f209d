"""What is printed reads back as the same tree, whatever the query; and no bytes do worse than a QueryError."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import ExecutionError, QueryError
from promontory.model.time_range import TimeGrid
from promontory.promql.functions import FUNCTIONS
from promontory.promql.nodes import Aggregation, Binary, Call, Node, VectorSelector, transform, walk
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan
from promontory.promql.prettier import pretty_print
from promontory.promql.printer import print_expr, print_matcher
from promontory.promql.syntax_json import write_syntax
from promontory.promql.tokens import AGGREGATORS
from promontory.testing.query_texts import QueryTexts, query_texts

OPTIONS = ParserOptions(ALL_FEATURES)
OPERATORS = {
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "</", ">/", "and", "or", "unless",
}  # fmt: skip


def shape(root: Node) -> str:
    """Return the tree without places in the text, matchers in one order."""

    def ordered(_: Node, node: Node) -> Node:
        if isinstance(node, VectorSelector):
            return replace(node, matchers=tuple(sorted(node.matchers, key=print_matcher)))
        return node

    return re.sub(r"Span\(start=-?\d+, end=-?\d+\)", "Span", repr(transform(root, ordered)))


@settings(max_examples=300, deadline=None)
@given(query_texts())
def test_a_printed_query_reads_back_as_the_same_tree(text: str) -> None:
    tree = parse_query(text, OPTIONS)
    for write in (print_expr, pretty_print):
        written = write(tree)
        read = parse_query(written, OPTIONS)
        assert shape(read) == shape(tree)
        assert write(read) == written


@settings(max_examples=100, deadline=None)
@given(query_texts())
def test_every_tree_is_json(text: str) -> None:
    json.loads(write_syntax(parse_query(text, OPTIONS)))


def test_the_whole_grammar_is_written() -> None:
    found: Counter[str] = Counter()
    for seed in range(2_000):
        for node in walk(parse_query(QueryTexts(Random(seed)).query(), OPTIONS)):
            found[type(node).__name__] += 1
            if isinstance(node, Call):
                found[node.function] += 1
            elif isinstance(node, Binary | Aggregation):
                found[node.op] += 1
    missing = [name for name in (*FUNCTIONS, *AGGREGATORS, *OPERATORS) if not found[name]]
    assert missing == []
    assert len([name for name in found if name[0].isupper()]) == 10


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a valid query with some of its bytes changed, moved, doubled, cut, or taken from another query."""
    random = draw(st.randoms(use_true_random=False))
    query = bytearray(QueryTexts(random).query().encode())
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(query) + 1)
        end = min(len(query), start + random.randint(0, 6))
        other = QueryTexts(random, depth=1).query().encode()
        query[start:end] = random.choice(
            [b"", bytes([random.randrange(256)]), bytes(query[start:end]) * 2, other, other[: random.randint(0, 9)],
             random.choice([b"(", b")", b"{", b"}", b"[", b"]", b'"', b"\\", b"@", b"offset", b"\xff", b"\0", b"#"])]
        )  # fmt: skip
    return bytes(query)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_no_bytes_do_worse_than_an_error(query: bytes) -> None:
    try:
        tree = parse_query(query, OPTIONS)
    except QueryError:
        return
    print_expr(tree)
    pretty_print(tree)
    write_syntax(tree)
    try:
        print_plan(make_plan(tree, TimeGrid(0, 600_000, 60_000), PlanOptions(text=query)))
    except (QueryError, ExecutionError):
        return


@pytest.mark.parametrize("query", [b"", b"\xff", b"\0", b"up\xff", b'"\xff"', b'{"\xff"="x"}', b"sum by ('\xff') (x)"])
def test_bytes_that_are_no_utf8_are_an_error(query: bytes) -> None:
    with pytest.raises(QueryError):
        parse_query(query)
