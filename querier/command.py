"""`promontory query`: PromQL over StoreAPI endpoints."""

from __future__ import annotations

from promontory.service.command import Command
from promontory.service.values import Values
from querier.flags import QUERY_FLAG_SET


def run(values: Values) -> int:
    """Serve until SIGTERM."""
    from promontory.service.lifecycle import run_service
    from querier.service import build

    return run_service("query", values, build)


command = Command("query", "Answer PromQL from StoreAPI endpoints, replicas de-duplicated.", QUERY_FLAG_SET, run)
