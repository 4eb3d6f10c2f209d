"""The nodes of a parsed query. Every node knows its span: byte offsets [start, end) in the query text.

A chain of 5,000 operators is a tree 5,000 deep, so code that walks a tree does not recurse over it: `children`,
`walk` and `transform` are made for loops. Everything else nests at most 100 deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from promontory.model.matcher import Matcher


class ValueType(Enum):
    """The type of an expression; the value is Prometheus' word for it."""

    SCALAR = "scalar"
    VECTOR = "instant vector"
    MATRIX = "range vector"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Span:
    """Byte offsets [start, end) of a node in the query text."""

    start: int
    end: int


class Anchor(Enum):
    """`@ start()` and `@ end()`."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number; `is_duration` when it was written as one (`5m`)."""

    value: float
    span: Span
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string, unquoted. Bytes that are not UTF-8 stand as surrogate escapes: `.encode(errors="surrogateescape")`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class DurationExpr:
    """A duration that is worked out: `5m * 2`, `-step()`, `min_of(1h, range())`.

    `op` is one of + - * / % ^ step range min_of max_of; a unary sign has no `lhs`, step() and range() neither side.
    `wrapped` when it stood in parentheses. A plain duration in parentheses is a wrapped unary plus.
    """

    op: str
    span: Span
    lhs: Duration | None = None
    rhs: Duration | None = None
    wrapped: bool = False


Duration = NumberLiteral | DurationExpr


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """`name{matchers} offset … @ …`. `matchers` include the one on `__name__`; `name` is "" where only in braces.

    `offset_expr` is the offset where it was written as an expression; until `resolve_durations`, `offset_ms` is then 0.
    """

    name: str
    matchers: tuple[Matcher, ...]
    span: Span
    offset_ms: int = 0
    at_ms: int | None = None
    anchor: Anchor | None = None
    offset_expr: DurationExpr | None = None
    anchored: bool = False
    smoothed: bool = False


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """`selector[range]`; offset, @, anchored and smoothed stand on the inner selector.

    `range_expr` is the range where it was written as an expression; until `resolve_durations`, `range_ms` is then 0.
    """

    selector: VectorSelector
    range_ms: int
    span: Span
    range_expr: DurationExpr | None = None


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step]`; step 0 is the default evaluation interval. Expressions as at the selectors."""

    expr: Node
    range_ms: int
    step_ms: int
    span: Span
    offset_ms: int = 0
    at_ms: int | None = None
    anchor: Anchor | None = None
    range_expr: DurationExpr | None = None
    step_expr: DurationExpr | None = None
    offset_expr: DurationExpr | None = None


@dataclass(frozen=True, slots=True)
class Unary:
    """`+expr` or `-expr`."""

    op: str
    expr: Node
    span: Span


class Cardinality(Enum):
    """How sides of a vector operation match; the value is Prometheus' word."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class Matching:
    """`on (labels)` when `on`, else `ignoring (labels)`; `include` are the labels of group_left/group_right.

    `fill_left` and `fill_right` stand in for a series that is missing on that side; None where it is not filled.
    """

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    on: bool = False
    labels: tuple[bytes, ...] = ()
    include: tuple[bytes, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """`lhs op rhs`; `matching` only when both sides are instant vectors."""

    op: str
    lhs: Node
    rhs: Node
    span: Span
    matching: Matching | None = None
    return_bool: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    function: str
    args: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`op by/without (grouping) (param, expr)`."""

    op: str
    expr: Node
    span: Span
    param: Node | None = None
    grouping: tuple[bytes, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Paren:
    """`(expr)`."""

    expr: Node
    span: Span


Node = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Unary
    | Binary
    | Call
    | Aggregation
    | Paren
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the expressions directly inside a node, in the order in which they stand."""
    match node:
        case Binary():
            return (node.lhs, node.rhs)
        case Call():
            return node.args
        case Aggregation():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case Unary() | Paren() | Subquery():
            return (node.expr,)
        case MatrixSelector():
            return (node.selector,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, parents first, left to right."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(children(current)))


def transform(root: Node, change: Callable[[Node, Node], Node]) -> Node:
    """Return the tree rebuilt from below; `change(before, after)` gets each node as it was and with its new parts."""
    done: list[Node] = []
    waiting = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        parts = children(node)
        if parts and not ready:
            waiting.append((node, True))
            waiting.extend((part, False) for part in reversed(parts))
            continue
        fresh = tuple(done[len(done) - len(parts) :])
        del done[len(done) - len(parts) :]
        is_same = all(old is new for old, new in zip(parts, fresh, strict=True))
        done.append(change(node, node if is_same else with_children(node, fresh)))
    return done.pop()


def with_children(node: Node, parts: tuple[Node, ...]) -> Node:
    """Return the node with other expressions inside it, in the order of `children`."""
    match node:
        case Binary():
            return replace(node, lhs=parts[0], rhs=parts[1])
        case Call():
            return replace(node, args=parts)
        case Aggregation():
            return replace(node, param=None if node.param is None else parts[0], expr=parts[-1])
        case Unary() | Paren() | Subquery():
            return replace(node, expr=parts[0])
        case MatrixSelector():
            assert isinstance(parts[0], VectorSelector), "a range is of a selector"
            return replace(node, selector=parts[0])
        case _:
            return node
