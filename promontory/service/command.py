"""Command: one subcommand of the program `promontory`.

A package registers its command in the entry-point group `promontory.commands` as `<package>.command:command`. The
module that holds it is light: `promontory --help` imports all of them, so heavy libraries are imported in `run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from promontory.errors import BucketError, InputError, PromontoryError
from promontory.service.flags import FlagSet
from promontory.service.values import Values

EXIT_FAILED = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A name, one sentence, flags, and what runs with their values and returns the exit code."""

    name: str
    summary: str
    flags: FlagSet
    run: Callable[[Values], int]


def run_command(command: Command, arguments: Sequence[str]) -> int:
    """Parse the flags, run the command and return its exit code; an error is one line on stderr."""
    program = f"promontory {command.name}"
    if "--version" in arguments:
        sys.stdout.write(version_text())
        return 0
    if any(argument in ("--help", "-h", "--help-long") for argument in arguments):
        sys.stdout.write(command.flags.help_text(program, command.summary))
        return 0
    # Read when grpc is loaded: it would write lines of its own form, of faults that its callers are told anyway.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        return command.run(command.flags.parse(arguments))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except PromontoryError as error:
        sys.stderr.write(f"{program}: error: {one_line(error)}\n")
        return EXIT_INPUT if isinstance(error, InputError | BucketError) else EXIT_FAILED


def leave_stdout() -> int:
    """Return the exit code where who reads stdout has seen enough (`| head`): a BrokenPipeError was raised."""
    # What is left in the buffer must not be tried again at the exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def version_text() -> str:
    """Return what `--version` prints."""
    from importlib.metadata import version

    return f"promontory {version('promontory')}\n"


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks; the class name where there is no message."""
    return " ".join(str(error).split()) or type(error).__name__
