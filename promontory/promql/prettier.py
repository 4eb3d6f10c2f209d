"""The prettier: nodes to query text over several lines, as Prometheus' format_query lays it out.

      sum by (job, mode) (
        rate(node_cpu_seconds_total{job="node",mode!="idle"}[5m])
      )
    / on (job) group_left ()
      sum by (job) (rate(node_cpu_seconds_total[5m]))

A node whose text on one line is longer than 100 bytes is split: its parts stand one level deeper, a binary operator
on a line of its own. Levels grow with a chain of operators too, so its text grows with the square of its length; it
is bounded. Source: Prometheus' documentation, "HTTP API", "Formatting query expressions", and its behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from promontory.errors import LimitError
from promontory.promql.nodes import Aggregation, Binary, Call, Node, Paren, Subquery, Unary
from promontory.promql.printer import (
    ExpressionText,
    aggregation_head,
    binary_operator,
    expression_parts,
    left_parts,
    subquery_tail,
)

MAX_LINE_BYTES = 100
MAX_TEXT_CHARACTERS = 16 << 20
_INDENT = "  "


class _Placed(NamedTuple):
    """A node that is due, its level, and whether its first line is indented."""

    node: Node
    level: int
    indented: bool = True


class _Line(NamedTuple):
    """Text that begins a line of its own; indented when it is written, as a deep tree has many of them waiting."""

    text: str
    level: int


_Due = _Placed | _Line | Node | str


def pretty_print(root: Node) -> str:
    """Return the text of a query, over several lines where it is long. Raises LimitError where it has no end."""
    lengths = _line_lengths(root)
    text = ExpressionText()
    waiting: list[_Due] = [_Placed(root, 0)]
    while waiting:
        due = waiting.pop()
        if isinstance(due, str):
            text.write(due)
        elif isinstance(due, _Line):
            text.write("\n" + _INDENT * due.level + due.text)
        elif isinstance(due, _Placed):
            is_long = lengths[id(due.node)] > MAX_LINE_BYTES
            waiting.extend(reversed(_split(due) if is_long else _on_one_line(due)))
        else:
            waiting.extend(reversed(expression_parts(due)))
        if text.characters > MAX_TEXT_CHARACTERS:
            raise LimitError(f"the formatted query is longer than the limit of {MAX_TEXT_CHARACTERS} characters")
    return text.whole()


def _line_lengths(root: Node) -> dict[int, int]:
    """Return the bytes of each node's text on one line, by id."""
    lengths: dict[int, int] = {}
    waiting: list[tuple[Node, Sequence[Node | str] | None]] = [(root, None)]
    while waiting:
        node, parts = waiting.pop()
        if parts is not None:
            sizes = [len(part.encode()) if isinstance(part, str) else lengths[id(part)] for part in parts]
            lengths[id(node)] = sum(sizes)
            continue
        parts = expression_parts(node)
        within = [part for part in parts if not isinstance(part, str)]
        if within:
            waiting.append((node, parts))
            waiting.extend([(part, None) for part in within])
        else:
            lengths[id(node)] = sum([len(part.encode()) for part in parts if isinstance(part, str)])
    return lengths


def _on_one_line(due: _Placed) -> Sequence[_Due]:
    # Prometheus does not indent a subquery that fits.
    if due.indented and not isinstance(due.node, Subquery):
        return (_INDENT * due.level, due.node)
    return (due.node,)


def _split(due: _Placed) -> Sequence[_Due]:
    node, level = due.node, due.level
    first = _INDENT * level if due.indented else ""
    match node:
        case Binary():
            operator = _Line(f"{binary_operator(node)}\n", level)
            return (*_left(node, level + 1, indented=due.indented), operator, _Placed(node.rhs, level + 1))
        case Paren():
            return (f"{first}(\n", _Placed(node.expr, level + 1), _Line(")", level))
        case Call():
            return (f"{first}{node.function}(\n", *_lines(node.args, level + 1), _Line(")", level))
        case Aggregation():
            inside = (node.expr,) if node.param is None else (node.param, node.expr)
            return (f"{first}{aggregation_head(node)}(\n", *_lines(inside, level + 1), _Line(")", level))
        case Subquery():
            return (_Placed(node.expr, level, due.indented), *subquery_tail(node))
        case Unary():
            return (f"{first}{node.op}", _Placed(node.expr, level, indented=False))
        case _:
            return (first, node)


def _left(node: Binary, level: int, *, indented: bool) -> Sequence[_Due]:
    parts = left_parts(node)
    if isinstance(parts[0], str):
        return (_INDENT * level if indented else "", *parts)
    return (_Placed(node.lhs, level, indented),)


def _lines(nodes: Sequence[Node], level: int) -> list[_Due]:
    lines: list[_Due] = []
    for node in nodes:
        lines += [_Placed(node, level), ",\n"]
    return lines[:-1]
