"""The printer: Prometheus' text, and text that reads back as the same tree."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.model.matcher import Matcher, MatchKind
from promontory.promql.nodes import (
    Aggregation,
    Anchor,
    Binary,
    Call,
    Cardinality,
    DurationExpr,
    Matching,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.printer import print_expr, print_matcher
from promontory.promql.types import value_type

OPTIONS = ParserOptions(ALL_FEATURES)
PRINTED = {
    "sum(x) by (a,'b c') ": 'sum by (a, "b c") (x)',
    "sum by () (x)": "sum(x)",
    "sum without () (x)": "sum without () (x)",
    "TOPK(5,x)": "topk(5, x)",
    "a+ignoring()b": "a + b",
    "a+on()b": "a + on () b",
    "a*ON(x)GROUP_LEFT b": "a * on (x) group_left () b",
    "a + fill(1e6) b": "a + fill (1e+06) b",
    "a + fill_right(5m) fill_left(-0.00001) b": "a + fill_left (-1e-05) fill_right (300) b",
    "a > bool on(x) b": "a > bool on (x) b",
    "{'met.ric',b=~`x\\.`,a!='y'}": '{__name__="met.ric",a!="y",b=~"x\\\\."}',
    "foo{'a b'='é\\x01\"'}": 'foo{"a b"="é\\x01\\""}',
    "foo offset -90s @ 1.2345": "foo @ 1.235 offset -1m30s",
    "foo[300] offset 1h @ end() anchored": "foo[5m] anchored @ end() offset 1h",
    "foo[1h:] @ -1": "foo[1h:] @ -1.000",
    "foo[2*5m:step()] offset -(3s)": "foo[2 * 5m:step()] offset -(3s)",
    "x offset (5m) @ 1 + 3": "x offset (5m) @ 1.000 + 3",
    "x offset (5m) @ 1 > 3": "x @ 1.000 offset (5m) > 3",
    "1e3 + 0x1f + 1e-7 + 1h30m + Inf": "1000 + 31 + 0.0000001 + 1h30m + +Inf",
    "Inf ^ x": "Inf ^ x",
    "-1 ^ 2": "-1 ^ 2",
    "1e22": "10000000000000000000000",
    "info(x, {})": "info(x, {})",
}


@pytest.mark.parametrize(("query", "expected"), PRINTED.items())
def test_a_query_is_printed_as_prometheus_prints_it(query: str, expected: str) -> None:
    assert print_expr(parse_query(query, OPTIONS)) == expected
    assert print_expr(parse_query(expected, OPTIONS)) == expected


def test_a_negative_base_that_was_worked_out_keeps_its_sign() -> None:
    base = NumberLiteral(-2.0, Span(0, 0))
    assert print_expr(Binary("^", base, NumberLiteral(2.0, Span(0, 0)), Span(0, 0))) == "(-2) ^ 2"


NOWHERE = Span(0, 0)
names = st.sampled_from(["foo", "a:b", "sum", "by", "offset", "step", "up"])
labels = st.sampled_from([b"job", b"le", b"by", b"a b", "é".encode()])
label_lists = st.lists(labels, max_size=2).map(tuple)
texts = st.text(max_size=6).filter(lambda text: "\ufffd" not in text)
milliseconds = st.integers(1, 10**12)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: NumberLiteral(value, NOWHERE)),
    milliseconds.map(lambda ms: NumberLiteral(ms // 1000 + ms % 1000 / 1000, NOWHERE, is_duration=True)),
)
equal_kinds = st.sampled_from([MatchKind.EQUAL, MatchKind.NOT_EQUAL])
matchers = st.builds(Matcher, equal_kinds, labels, texts.map(str.encode))


@st.composite
def durations(draw: st.DrawFn, depth: int = 2) -> NumberLiteral | DurationExpr:
    kind = draw(st.integers(0, 5 if depth else 1))
    if kind == 0:
        ms = draw(milliseconds)
        return NumberLiteral(ms // 1000 + ms % 1000 / 1000, NOWHERE, is_duration=True)
    if kind == 1:
        return DurationExpr(draw(st.sampled_from(["step", "range"])), NOWHERE)
    if kind == 2:
        return DurationExpr(
            draw(st.sampled_from(["min_of", "max_of"])), NOWHERE, draw(durations(0)), draw(durations(0))
        )
    inner = draw(durations(depth - 1))
    if isinstance(inner, NumberLiteral):
        return DurationExpr("+", NOWHERE, rhs=inner, wrapped=True)
    if kind == 3 and inner.wrapped:
        return DurationExpr("-", NOWHERE, rhs=inner)
    return DurationExpr("*", NOWHERE, DurationExpr("step", NOWHERE), DurationExpr("range", NOWHERE), wrapped=True)


expressions = durations().filter(lambda node: isinstance(node, DurationExpr))
offsets = durations().filter(lambda node: isinstance(node, DurationExpr) and node.op in ("step", "range", "max_of"))
timings = st.fixed_dictionaries(
    {},
    optional={
        "offset_ms": st.integers(-(10**12), 10**12),
        "at_ms": st.integers(-(10**13), 10**13),
        "anchor": st.sampled_from(Anchor),
        "offset_expr": offsets,
    },
).map(
    lambda given: {
        key: value
        for key, value in given.items()
        if not (key == "anchor" and "at_ms" in given) and not (key == "offset_ms" and "offset_expr" in given)
    }
)


@st.composite
def selectors(draw: st.DrawFn, *, timed: bool = True) -> VectorSelector:
    name = draw(names)
    shown = sorted(draw(st.lists(matchers, max_size=2)), key=print_matcher)
    extended = draw(st.sampled_from([{}, {"anchored": True}, {"smoothed": True}])) if timed else {}
    return VectorSelector(
        name,
        (*shown, Matcher(MatchKind.EQUAL, b"__name__", name.encode())),
        NOWHERE,
        **(draw(timings) if timed else {}),
        **extended,
    )


@st.composite
def ranges(draw: st.DrawFn, vectors: st.SearchStrategy[Node]) -> Node:
    spans = {"range_expr": draw(expressions)} if draw(st.booleans()) else {}
    range_ms = 0 if spans else draw(milliseconds)
    if draw(st.booleans()):
        return MatrixSelector(draw(selectors()), range_ms, NOWHERE, **spans)
    if "range_expr" in spans:
        spans, range_ms = {}, 60_000
    inner = draw(vectors.filter(lambda node: isinstance(node, Call | Aggregation | Paren)) | selectors())
    return Subquery(inner, range_ms, draw(st.just(0) | milliseconds), NOWHERE, **spans, **draw(timings))


@st.composite
def binaries(draw: st.DrawFn, parts: st.SearchStrategy[Node]) -> Node:
    """Return an operation whose sides stand in parentheses, so that precedence changes nothing."""
    lhs, rhs = (Paren(draw(parts), NOWHERE) for _ in range(2))
    between_vectors = value_type(lhs) is ValueType.VECTOR and value_type(rhs) is ValueType.VECTOR
    op = draw(st.sampled_from(["+", "/", "^", "atan2", "</", *(["==", "<", "and", "or"] if between_vectors else [])]))
    if not between_vectors:
        return Binary(op, lhs, rhs, NOWHERE)
    on = draw(st.booleans())
    matching = Matching(on=on, labels=draw(label_lists))
    if op in ("and", "or"):
        return Binary(op, lhs, rhs, NOWHERE, Matching(Cardinality.MANY_TO_MANY, on, matching.labels))
    if draw(st.booleans()):
        cardinality = draw(st.sampled_from([Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY]))
        matching = Matching(cardinality, on, matching.labels, () if on else draw(label_lists))
    return Binary(op, lhs, rhs, NOWHERE, matching, return_bool=op in ("==", "<") and draw(st.booleans()))


def larger(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    vectors = parts.filter(lambda node: value_type(node) is ValueType.VECTOR)
    unsigned = parts.filter(lambda node: not isinstance(node, NumberLiteral))
    groupings = st.fixed_dictionaries({"grouping": label_lists, "without": st.booleans()})
    scalars = parts.filter(lambda node: value_type(node) is ValueType.SCALAR) | numbers
    return st.one_of(
        st.builds(Paren, parts, st.just(NOWHERE)),
        st.builds(Unary, st.sampled_from("+-"), unsigned.map(lambda node: Paren(node, NOWHERE)), st.just(NOWHERE)),
        binaries(parts),
        st.builds(lambda part: Call("rate", (part,), NOWHERE), ranges(vectors)),
        st.builds(lambda part, text: Call("label_join", (part, text, text, text), NOWHERE), vectors,
                  st.builds(StringLiteral, texts, st.just(NOWHERE))),
        st.builds(lambda part, more: Aggregation("sum", part, NOWHERE, None, **more), vectors, groupings),
        st.builds(lambda part, scalar, more: Aggregation("topk", part, NOWHERE, scalar, **more), vectors, scalars,
                  groupings),
    )  # fmt: skip


trees = st.recursive(st.one_of(selectors(), numbers), larger, max_leaves=6)


def without_spans(node: Node) -> str:
    return re.sub(r"Span\(start=-?\d+, end=-?\d+\)", "Span", repr(node))


@settings(max_examples=150, deadline=None)
@given(trees)
def test_a_printed_tree_reads_back_as_itself(tree: Node) -> None:
    text = print_expr(tree)
    read = parse_query(text, OPTIONS)
    assert without_spans(read) == without_spans(tree)
    assert print_expr(read) == text
