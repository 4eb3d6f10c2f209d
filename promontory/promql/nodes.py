"""The nodes of a parsed query. Every node knows its span: byte offsets [start, end) in the query text."""

from __future__ import annotations

from dataclasses import dataclass
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
    """A string, unquoted."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """`name{matchers} offset … @ …`. `matchers` include the one on `__name__`; `name` is "" where only in braces."""

    name: str
    matchers: tuple[Matcher, ...]
    span: Span
    offset_ms: int = 0
    at_ms: int | None = None
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """`selector[range]`; offset and @ stand on the inner selector."""

    selector: VectorSelector
    range_ms: int
    span: Span


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step]`; step 0 is the default evaluation interval."""

    expr: Node
    range_ms: int
    step_ms: int
    span: Span
    offset_ms: int = 0
    at_ms: int | None = None
    anchor: Anchor | None = None


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
    """`on (labels)` when `on`, else `ignoring (labels)`; `include` are the labels of group_left/group_right."""

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    on: bool = False
    labels: tuple[bytes, ...] = ()
    include: tuple[bytes, ...] = ()


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
