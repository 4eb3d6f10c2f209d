"""`promontory promql explain`: a query's plan, what it would read, and what it does."""

from __future__ import annotations

from promontory.program.promql_tool.flags import PROMQL_FLAGS
from promontory.service.command import Command
from promontory.service.values import Values


def _run(values: Values) -> int:
    from promontory.program.promql_tool.explain import run

    return run(values)


command = Command("promql", "Explain how a query is computed and what it reads.", PROMQL_FLAGS, _run)
