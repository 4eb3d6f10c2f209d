"""`promontory bucket ls|inspect|…`: tools for those who look after a bucket, on the flags of `thanos tools bucket`."""

from __future__ import annotations

from promontory.program.bucket_tool.flags import (
    CLEANUP_FLAGS,
    INDEX_FLAGS,
    INSPECT_FLAGS,
    LS_FLAGS,
    MARK_FLAGS,
    RETENTION_FLAGS,
    UNMARK_FLAGS,
    VERIFY_FLAGS,
)
from promontory.service.command import Command, group_commands
from promontory.service.values import Values


def _ls(values: Values) -> int:
    from promontory.program.bucket_tool.listing import run

    return run(values)


def _inspect(values: Values) -> int:
    from promontory.program.bucket_tool.inspection import run

    return run(values)


def _mark(values: Values) -> int:
    from promontory.program.bucket_tool.marking import run_mark

    return run_mark(values)


def _unmark(values: Values) -> int:
    from promontory.program.bucket_tool.marking import run_unmark

    return run_unmark(values)


def _verify(values: Values) -> int:
    from promontory.program.bucket_tool.verification import run

    return run(values)


def _index(values: Values) -> int:
    from promontory.program.bucket_tool.indexing import run

    return run(values)


def _cleanup(values: Values) -> int:
    from promontory.program.bucket_tool.cleaning import run

    return run(values)


def _retention(values: Values) -> int:
    from promontory.program.bucket_tool.retention import run

    return run(values)


command = group_commands(
    "bucket",
    "List, draw, mark, verify or clean up the blocks of a bucket.",
    (
        Command("ls", "List the blocks of a bucket.", LS_FLAGS, _ls),
        Command("inspect", "Show all blocks of a bucket as a table or a picture.", INSPECT_FLAGS, _inspect),
        Command("mark", "Mark blocks for deletion, against compaction or against downsampling.", MARK_FLAGS, _mark),
        Command("unmark", "Take a mark off blocks.", UNMARK_FLAGS, _unmark),
        Command("cleanup", "Delete what is marked for deletion, and partial uploads.", CLEANUP_FLAGS, _cleanup),
        Command("retention", "Mark for deletion what is kept no longer.", RETENTION_FLAGS, _retention),
        Command("verify", "Look for what is wrong with the blocks of a bucket.", VERIFY_FLAGS, _verify),
        Command("index", "Show or write the index of a bucket.", INDEX_FLAGS, _index),
    ),
)
