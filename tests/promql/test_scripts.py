"""Every expression of Prometheus' behaviour scripts parses, or is expected to fail."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from promontory.errors import QueryError
from promontory.promql.parser import ALL_FEATURES, ParserOptions, parse_query
from promontory.promql.printer import print_expr

SCRIPTS = Path(__file__).resolve().parents[3] / "shared" / "promqltest"
EVALUATION = re.compile(
    r"eval(?P<old>_\w+)? (?:instant(?: at \S+)?|range from \S+ to \S+ step \S+)\s+(?P<expression>.+)"
)


def evaluations(script: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, expression and whether it may fail."""
    lines = [line.strip() for line in script.read_text().splitlines()]
    for place, line in enumerate(lines):
        if found := EVALUATION.match(line):
            block = lines[place + 1 : next((end for end in range(place + 1, len(lines)) if not lines[end]), None)]
            may_fail = found["old"] == "_fail" or any(line.startswith("expect fail") for line in block)
            yield place + 1, found["expression"], may_fail


def test_every_expression_of_the_behaviour_scripts_parses_and_prints() -> None:
    if not SCRIPTS.is_dir():
        pytest.skip(f"Prometheus' behaviour scripts are not beside this checkout ({SCRIPTS.parent.name}/promqltest)")
    count = 0
    options = ParserOptions(ALL_FEATURES)
    for script in sorted(SCRIPTS.glob("*.test")):
        for line, expression, may_fail in evaluations(script):
            count += 1
            with contextlib.suppress(QueryError) if may_fail else contextlib.nullcontext():
                text = print_expr(parse_query(expression, options))
                assert print_expr(parse_query(text, options)) == text, f"{script.name}:{line}"
    assert count > 1000
