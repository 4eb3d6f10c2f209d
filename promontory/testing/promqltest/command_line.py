"""`python -m promontory.testing.promqltest [--list-failed] FILE…`: run scripts, say what failed, count.

The last line is `N passed, M failed`, evaluations counted one each, and the exit status is 1 where any failed.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from promontory.errors import InputError
from promontory.testing.promqltest.database import Database
from promontory.testing.promqltest.evaluation import run_evaluation
from promontory.testing.promqltest.reading import read_script
from promontory.testing.promqltest.script import Clear, Evaluation, Load, Unreadable


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the evaluation on a line of a file went; `problem` is None where it passed."""

    path: Path
    line: int
    query: str
    problem: str | None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.query}\n    {self.problem}"


def run_file(path: Path) -> Iterator[Outcome]:
    """Run a script; yields an outcome for each evaluation, and for each command that could not be run."""
    with ThreadPoolExecutor(1) as pool:
        database = Database(pool)
        for command in read_script(path.read_text("utf-8", errors="surrogateescape")):
            match command:
                case Clear():
                    database.clear()
                case Load():
                    try:
                        database.load(command)
                    except InputError as error:
                        yield Outcome(path, command.line, "load", str(error))
                case Evaluation():
                    yield Outcome(path, command.line, command.query, run_evaluation(command, database))
                case Unreadable():
                    yield Outcome(path, command.line, command.command, command.reason)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scripts that the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog="promontory.testing.promqltest", description="Run PromQL test scripts.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--list-failed", action="store_true", help="print file:line of failed evaluations only")
    chosen = parser.parse_args(arguments)
    for path in chosen.files:
        if not path.is_file():
            parser.error(f"expected a script, found no file {path}")
    passed = failed = 0
    with warnings.catch_warnings():
        # What numpy warns of is what the tests hold for an error.
        warnings.simplefilter("error", RuntimeWarning)
        for path in chosen.files:
            for outcome in run_file(path):
                if outcome.problem is None:
                    passed += 1
                    continue
                failed += 1
                sys.stdout.write(f"{outcome.path}:{outcome.line}\n" if chosen.list_failed else f"{outcome}\n")
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0
