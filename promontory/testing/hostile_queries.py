"""Queries that mean harm: as long, deep, wide or dense as the limits let through, and beyond them.

Each is made for a size, so that what it costs can be asked at two sizes: time and memory grow with the size alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from promontory.errors import LimitError, PromontoryError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.time_range import TimeGrid
from promontory.promql.execution.execution import Execution
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.plan.plan import PlanOptions, make_plan
from promontory.promql.plan.printer import print_plan
from promontory.promql.prettier import pretty_print
from promontory.promql.printer import print_expr
from promontory.promql.syntax_json import write_syntax

LARGEST = 65_000
_OPTIONS = ParserOptions(ALL_FEATURES)
_GRID = TimeGrid(1_600_000_000_000, 1_600_000_600_000, 60_000)


def _filled(text: str, size: int, *, join: str = "") -> str:
    """Return the text over and over, up to `size` bytes."""
    return join.join([text] * (size // (len(text) + len(join))))


# By name: what makes the query of about so many bytes.
HOSTILE: dict[str, Callable[[int], str]] = {
    "parentheses": lambda size: "(" * (size // 2) + "1" + ")" * (size // 2),
    "opening parentheses": lambda size: "(" * size,
    "a chain of selectors": lambda size: _filled("a", size, join=" + "),
    "a chain of different selectors": lambda size: " + ".join(f'a{{b="{place}"}}' for place in range(size // 14)),
    "a chain of numbers": lambda size: _filled("1", size, join="+"),
    "a chain of comparisons": lambda size: _filled("a", size, join=" > bool "),
    "a chain of set operators": lambda size: _filled("a", size, join=" or "),
    "a chain with matching": lambda size: _filled("a", size, join=" * on (a, b) group_left (c) "),
    "a chain of scalars": lambda size: _filled("time()", size, join=" % "),
    "a tower of powers": lambda size: _filled("a", size, join="^"),
    "signs": lambda size: "-" * (size - 1) + "a",
    "nested calls": lambda size: "abs(" * (size // 5) + "a" + ")" * (size // 5),
    "calls as deep as is allowed": lambda size: _filled("abs(" * 99 + "a" + ")" * 99, size, join="+"),
    "subqueries as deep as is allowed": lambda size: "max_over_time(" * 99 + "a" + "[5m:])" * 99,
    "subqueries of subqueries": lambda size: "a" + "[5m:1s]" * (size // 7),
    "subqueries that read everything": lambda size: "max_over_time(" * 9 + "a" + "[1y:1ms])" * 9,
    "aggregations as deep as is allowed": lambda size: "sum(" * 99 + "a" + ")" * 99,
    "aggregations by parameters": lambda size: "topk(scalar(" * 49 + "a" + "),a)" * 49,
    "a duration of terms": lambda size: "a[" + _filled("5m", size, join="+") + "]",
    "a duration of parentheses": lambda size: "a[" + "(" * (size // 2) + "5m" + ")" * (size // 2) + "]",
    "a duration of signs": lambda size: "a offset " + "-" * size + "5m",
    "a duration of minima": lambda size: "a[" + "min_of(1," * (size // 11) + "5m" + ")" * (size // 11) + "]",
    "labels of a grouping": lambda size: f"sum by ({_filled('a', size, join=',')}) (x)",
    "labels of a matching": lambda size: f"x + on ({_filled('a', size, join=',')}) y",
    "labels of a matching and of its group": lambda size: (
        f"x + on ({_filled('a', size // 2, join=',')}) group_left ({_filled('b', size // 2, join=',')}) y"
    ),
    "matchers": lambda size: "x{" + _filled('a="b"', size, join=",") + "}",
    "matchers that exclude": lambda size: "x{" + _filled('a!~"b"', size, join=",") + "}",
    "arguments": lambda size: f"label_join(x, {_filled(chr(34) * 2, size, join=',')})",
    "arguments that are calls": lambda size: f"abs({_filled('abs(a)', size, join=',')})",
    "a long name": lambda size: "a" * size,
    "a long string": lambda size: '"' + "\\n" * (size // 2) + '"',
    "a string of four-byte escapes": lambda size: '"' + "\\U0001F600" * (size // 10) + '"',
    "an unterminated string": lambda size: '"' + "\\n" * (size // 2),
    "bytes that are no characters": lambda size: '"' + "\\xff" * (size // 4) + '"',
    "a number of digits": lambda size: "1" * size,
    "a fraction of digits": lambda size: "0." + "1" * size,
    "a hexadecimal number": lambda size: "0x" + "f" * size,
    "a number of underscores": lambda size: "1" + "_1" * (size // 2),
    "a duration of digits": lambda size: "a[" + "1" * size + "s]",
    "a duration of units": lambda size: "a[" + "1h1m" * (size // 4) + "]",
    "comments": lambda size: "#\n" * (size // 2) + "a",
    "spaces": lambda size: " " * size + "a",
    "lines before a mistake": lambda size: "\n" * size + "a b",
    "colons": lambda size: ":" * size,
    "operators without operands": lambda size: "+*" * (size // 2),
    "braces": lambda size: "{" * size,
    "brackets": lambda size: "a" + "[" * size,
    "offsets": lambda size: "a" + " offset 5m" * (size // 10),
    "times": lambda size: "a" + " @ 1" * (size // 4),
    "a regex of repeats": lambda size: 'a{b=~"' + "(a*)*" * (size // 5) + '"}',
    "a regex of counts": lambda size: 'a{b=~"((a{1,100}){1,100}){1,100}"}',
    "a regex as large as is allowed": lambda size: 'a{b=~"' + "(?:a?){1,999}" * (size // 13) + '"}',
    "a regex of nested groups": lambda size: 'a{b=~"' + "(" * (size // 2) + ")" * (size // 2) + '"}',
    "a regex of alternatives": lambda size: 'a{b=~"' + _filled("abc", size, join="|") + '"}',
    "a regex of classes": lambda size: 'a{b=~"' + "\\\\pL" * (size // 5) + '"}',
    "different regexes": lambda size: "a{" + ",".join(f'b=~"c{place}.*"' for place in range(size // 13)) + "}",
    "a regex of optional parts": lambda size: 'a{b=~"' + "(?:x{0,99})" * (size // 11) + '"}',
    "many regexes": lambda size: "a{" + _filled('b=~"(a?){1,500}"', size, join=",") + "}",
    "a regex of label_replace": lambda size: f'label_replace(a, "b", "$1", "c", "{"(?:x{0,99})" * (size // 11)}")',
    "label_replace in a row": lambda size: 'label_replace(' * 90 + "a" + ', "b", "$1", "c", "(.*)")' * 90,
}  # fmt: skip


def walk_whole_path(query: str, pool: Executor) -> Iterator[str]:
    """Do all that may be done with a query, on no data; yield the name of each step behind it, or the error."""
    try:
        tree = parse_query(query, _OPTIONS)
        yield "parse"
        print_expr(tree)
        yield "print"
        with suppress(LimitError):
            pretty_print(tree)
        yield "format"
        write_syntax(tree)
        yield "syntax"
        plan = make_plan(tree, _GRID, PlanOptions(text=query.encode()))
        yield "plan"
        print_plan(plan)
        yield "explain"
        execution = Execution(plan, QueryContext(clock=SystemClock(), pool=pool))
        yield "build"
        execution.finish()
        yield "run"
    except PromontoryError as error:
        yield f"{type(error).__name__}: {str(error)[:60]}"
