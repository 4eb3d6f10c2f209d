"""The one program: `promontory SUBCOMMAND --flags`. Only the asked subcommand is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from promontory.service.command import (
    EXIT_INPUT,
    Command,
    list_commands,
    put_command_first,
    run_command,
    version_text,
)

COMMAND_GROUP = "promontory.commands"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["--version"]:
        sys.stdout.write(version_text())
        return 0
    commands = _entry_points()
    words = put_command_first(words)
    if words[:1] == ["tools"]:  # where Thanos keeps its bucket tools
        words = put_command_first(words[1:])
    if not words or words[0] in ("--help", "-h", "help"):
        stream = sys.stdout if words else sys.stderr
        stream.write(_help_text())
        return 0 if words else EXIT_INPUT
    found = commands.get(words[0])
    if found is None:
        sys.stderr.write(f"promontory: error: unknown command {words[0]!r}: expected one of {', '.join(commands)}\n")
        return EXIT_INPUT
    command: Command = found.load()
    return run_command(command, words[1:])


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=COMMAND_GROUP)}


def load_commands() -> list[Command]:
    """Return all commands, in order of their entry points."""
    return [entry.load() for entry in _entry_points().values()]


def _help_text() -> str:
    lines = [
        "usage: promontory COMMAND [flags]",
        "",
        "A long-term, global query layer for Prometheus.",
        "",
        "Commands:",
    ]
    lines += list_commands(load_commands())
    lines += ["", "promontory COMMAND --help lists the flags of a command; promontory --version prints the version."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
