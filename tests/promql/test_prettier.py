"""The prettier: Prometheus' layout, and text that reads back as the same tree."""

from __future__ import annotations

import pytest

from promontory.errors import LimitError
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.prettier import MAX_LINE_BYTES, pretty_print
from promontory.promql.printer import print_expr

OPTIONS = ParserOptions(ALL_FEATURES)
NAME = "a" * 60
LAID_OUT = {
    "an operator on a line of its own, both sides deeper": (
        f"{NAME}1 +on(x)group_left(y) {NAME}2",
        f"  {NAME}1\n+ on (x) group_left (y)\n  {NAME}2",
    ),
    "an aggregation with its grouping and parameter": (
        f"topk by (x) (5, {NAME}1 + {NAME}2)",
        f"topk by (x) (\n  5,\n    {NAME}1\n  +\n    {NAME}2\n)",
    ),
    "each argument of a call": (
        f'label_join(rate({NAME}1[5m]), "{NAME}", "b")',
        f'label_join(\n  rate({NAME}1[5m]),\n  "{NAME}",\n  "b"\n)',
    ),
    "a sign stays beside its operand": (f"-({NAME}1 + {NAME}2)", f"-(\n    {NAME}1\n  +\n    {NAME}2\n)"),
    "a subquery that does not fit": (
        f"max_over_time(({NAME}1 > {NAME}2)[1h:1m] @ end() offset 5m)",
        f"max_over_time(\n  (\n      {NAME}1\n    >\n      {NAME}2\n  )[1h:1m] @ end() offset 5m\n)",
    ),
    "a subquery that fits is not indented": (
        f"quantile_over_time(scalar({NAME}1), {NAME}2[1h:])",
        f"quantile_over_time(\n  scalar({NAME}1),\n{NAME}2[1h:]\n)",
    ),
    "a selector is never split": (f'{NAME}{{a="{NAME}"}}', f'{NAME}{{a="{NAME}"}}'),
    "an offset that an operator would belong to": (
        f"x offset (5m) @ 1 + {NAME}{NAME}",
        f"  x offset (5m) @ 1.000\n+\n  {NAME}{NAME}",
    ),
}


@pytest.mark.parametrize(("query", "expected"), LAID_OUT.values(), ids=LAID_OUT.keys())
def test_a_long_query_is_laid_out_as_prometheus_does(query: str, expected: str) -> None:
    assert pretty_print(parse_query(query, OPTIONS)) == expected
    assert pretty_print(parse_query(expected, OPTIONS)) == expected


def test_a_line_is_as_long_as_its_bytes() -> None:
    name = "é" * ((MAX_LINE_BYTES - len('abs({__name__=""})')) // 2)
    fitting = parse_query(f'abs({{"{name}"}})')
    assert pretty_print(fitting) == print_expr(fitting)
    longer = parse_query(f'abs({{"{name}é"}})')
    assert pretty_print(longer) == f'abs(\n  {{__name__="{name}é"}}\n)'


def test_a_text_without_end_is_refused_before_it_is_written() -> None:
    with pytest.raises(LimitError, match="longer than the limit"):
        pretty_print(parse_query("+".join(["1"] * 5_000)))
