"""Command: one subcommand of the program `promontory`.

A package registers its command in the entry-point group `promontory.commands` as `<package>.command:command`. The
module that holds it is light: `promontory --help` imports all of them, so heavy libraries are imported in `run`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Never

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
    members: tuple[Command, ...] = ()
    """The commands of a group, each under its own name; a group has no flags."""


def group_commands(name: str, summary: str, members: tuple[Command, ...]) -> Command:
    """Return the command `name` whose first word chooses one of `members`; their flags are told apart."""

    def refuse(_: Values) -> Never:
        raise InputError(f"expected one of {', '.join(member.name for member in members)}, found nothing")

    return Command(name, summary, FlagSet(), refuse, members)


def run_command(command: Command, arguments: Sequence[str], *, within: str = "promontory") -> int:
    """Parse the flags, run the command and return its exit code; an error is one line on stderr."""
    program = f"{within} {command.name}"
    if command.members:
        words = put_command_first(arguments)
        chosen = next((member for member in command.members if member.name == words[0]), None) if words else None
        if chosen is not None:
            return run_command(chosen, words[1:], within=program)
    if "--version" in arguments:
        sys.stdout.write(version_text())
        return 0
    if any(argument in ("--help", "-h", "--help-long") for argument in arguments):
        sys.stdout.write(_group_help(program, command) if command.members else _help(program, command))
        return 0
    # Read when grpc is loaded: it would write lines of its own form, of faults that its callers are told anyway.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        if command.members and arguments:
            expected = ", ".join(member.name for member in command.members)
            raise InputError(f"unknown command {arguments[0]!r}: expected one of {expected}")
        return command.run(command.flags.parse(arguments))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except PromontoryError as error:
        sys.stderr.write(f"{program}: error: {one_line(error)}\n")
        return EXIT_INPUT if isinstance(error, InputError | BucketError) else EXIT_FAILED


def put_command_first(arguments: Sequence[str]) -> list[str]:
    """Return the words with `--name=value` flags before the command put behind it, as Thanos' parser takes them."""
    words = list(arguments)
    count = next((index for index, word in enumerate(words) if not (word.startswith("--") and "=" in word)), 0)
    return [*words[count : count + 1], *words[:count], *words[count + 1 :]]


def list_commands(commands: Sequence[Command]) -> list[str]:
    """Return the lines of a help that name commands, one each."""
    return [f"  {command.name:<12} {command.summary}" for command in commands]


def version_text() -> str:
    """Return what `--version` prints."""
    from importlib.metadata import version

    return f"promontory {version('promontory')}\n"


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks; the class name where there is no message."""
    return " ".join(str(error).split()) or type(error).__name__


def _help(program: str, command: Command) -> str:
    return command.flags.help_text(program, command.summary)


def _group_help(program: str, command: Command) -> str:
    head = [f"usage: {program} COMMAND [flags]", "", command.summary, "", "Commands:"]
    tail = ["", f"{program} COMMAND --help lists the flags of a command."]
    return "\n".join([*head, *list_commands(command.members), *tail]) + "\n"
