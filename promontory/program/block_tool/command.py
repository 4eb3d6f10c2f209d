"""`promontory block inspect|verify|dump`: tools for those who look after blocks."""

from __future__ import annotations

from promontory.program.block_tool.flags import BLOCK_FLAGS
from promontory.service.command import Command
from promontory.service.values import Values


def _run(values: Values) -> int:
    from promontory.program.block_tool.actions import run

    return run(values)


command = Command("block", "Inspect, verify or dump a block of a directory or a bucket.", BLOCK_FLAGS, _run)
