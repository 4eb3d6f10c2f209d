"""What commands print for people and programs, of whom some stop reading early (`| head`)."""

from __future__ import annotations

import os
import sys


def write_stdout(text: str) -> int:
    """Print a text and return the exit code, 0, also where who reads it has seen enough."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return leave_stdout()
    return 0


def print_json(document: object) -> None:
    """Print one document for programs."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def leave_stdout() -> int:
    """Return the exit code where who reads stdout has seen enough (`| head`): a BrokenPipeError was raised."""
    # What is left in the buffer must not be tried again at the exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
