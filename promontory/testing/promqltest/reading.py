"""Reading scripts: text to commands.

    clear
    load[_with_nhcb] <step>          eval[_fail|_warn|_info|_ordered] instant at <time> <query>
      [<series>@st <offsets>]        eval[_fail|_warn|_info] range from <time> to <time> step <step> <query>
      <series> <values>                expect (fail|warn|no_warn|info|no_info|ordered) [msg: … | regex: …]
      …                                expect string "…" · expect range vector from … to … step …
                                       <number> · <series> <values>

Lines are trimmed, one that begins with # is empty, and an empty line ends a command. A command that cannot be read
stands for itself as Unreadable, and the script goes on. Source: Prometheus 3.14, promql/promqltest/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from promontory.errors import InputError
from promontory.model.durations import parse_duration_ms
from promontory.model.labels import Labels
from promontory.model.time_range import TimeGrid
from promontory.promql.numbers import parse_number
from promontory.promql.strings import unquote
from promontory.testing.promqltest.literals import Values, parse_series
from promontory.testing.promqltest.script import Clear, Command, Evaluation, Expectation, Kind, Load, Unreadable
from promontory.testing.promqltest.start_times import is_start_line, parse_start_line

if TYPE_CHECKING:
    import re2

_LOAD = re.compile(r"load(?:_(with_nhcb))?\s+(.+)")
_INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+at\s+(.+?)\s+(.+)")
_RANGE = re.compile(r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)")
_EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?")
_EXPECT_RANGE = re.compile(r"expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)")
_EXPECT_STRING = re.compile(r"""expect string\s+("(?:\\.|[^"\\])*"|`[^`]*`)""")
_OLD_FAILURE = re.compile(r"expected_fail_(message|regexp)\s+(.+)")


def read_script(text: str) -> list[Command]:
    """Return the commands of a script."""
    lines = [line.strip() for line in text.split("\n")]
    lines = ["" if line.startswith("#") else line for line in lines]
    commands: list[Command] = []
    place = 0
    while place < len(lines):
        if not lines[place]:
            place += 1
            continue
        end = next((end for end in range(place + 1, len(lines)) if not lines[end]), len(lines))
        if lines[place].split()[0].lower() == "clear":
            end = place + 1
        try:
            command, used = _read_command(place + 1, lines[place:end])
            end = place + used
        except InputError as error:
            command = Unreadable(place + 1, lines[place], str(error))
        commands.append(command)
        place = end
    return commands


def _read_command(number: int, lines: list[str]) -> tuple[Command, int]:
    """Return a command that begins on line `number`, and how many lines it takes."""
    word = lines[0].split()[0].lower()
    if word == "clear":
        return Clear(number), 1
    if word.startswith("load"):
        return _read_load(number, lines), len(lines)
    if word.startswith("eval"):
        return _read_evaluation(number, lines)
    raise InputError(f"invalid command {lines[0]!r}")


def _read_load(number: int, lines: list[str]) -> Load:
    head = _LOAD.fullmatch(lines[0])
    if head is None:
        raise InputError("invalid load command. (load[_with_nhcb] <step:duration>)")
    series: dict[Labels, Values] = {}
    starts: dict[Labels, tuple[int | None, ...]] = {}
    waiting: tuple[Labels, tuple[int | None, ...]] | None = None
    for line in lines[1:]:
        if is_start_line(line):
            if waiting is not None:
                raise InputError("@st line has no following sample line")
            waiting = parse_start_line(line)
            continue
        labels, values = parse_series(line)
        series[labels] = values
        starts.pop(labels, None)
        if waiting is not None:
            if waiting[0] != labels or len(waiting[1]) != len(values):
                raise InputError(f"@st line must have the labels and the length of the line below it, {line!r}")
            starts[labels] = waiting[1]
            waiting = None
    if waiting is not None:
        raise InputError("@st line has no following sample line")
    return Load(number, parse_duration_ms(head[2]), series, starts, convert_classic=head[1] is not None)


def _read_evaluation(number: int, lines: list[str]) -> tuple[Evaluation, int]:
    mode, query, grid = _read_head(lines[0])
    expectations = [Expectation(Kind(mode))] if mode else []
    rows: dict[Labels, Values] = {}
    scalar = text = points = None
    used = 1
    for line in lines[1:]:
        used += 1
        if old := _OLD_FAILURE.fullmatch(line):
            expectations = [_expectation("fail", "msg" if old[1] == "message" else "regex", old[2])]
            break
        if found := _EXPECT_RANGE.fullmatch(line):
            points = _grid(found[1], found[2], found[3])
        elif line.startswith("expect string"):
            text = _read_string(line)
        elif line.split()[0] == "expect":
            expectations.append(_read_expectation(line))
        elif (scalar := _read_number(line)) is not None:
            break
        else:
            labels, values = parse_series(line)
            if len(values) > 1 and grid.step_ms == 0 and points is None:
                raise InputError(
                    "expecting multiple values in instant evaluation not allowed. consider using 'expect range "
                    "vector' directive to enable a range vector result for an instant query"
                )
            if not values:
                raise InputError(f"expected values of a series, found none in {line!r}")
            rows[labels] = values
    if points is not None:
        grid = TimeGrid(points.end_ms, points.end_ms, 0)
    evaluation = Evaluation(number, query, grid, tuple(expectations), rows, scalar, text, points)
    _check(evaluation)
    return evaluation, used


def _read_head(line: str) -> tuple[str | None, str, TimeGrid]:
    if instant := _INSTANT.fullmatch(line):
        time_ms = parse_duration_ms(instant[2])
        return instant[1], instant[3], TimeGrid(time_ms, time_ms, 0)
    if ranged := _RANGE.fullmatch(line):
        return ranged[1], ranged[5], _grid(ranged[2], ranged[3], ranged[4])
    raise InputError(
        "invalid evaluation command. Must be either 'eval[_fail|_warn|_ordered] instant [at <offset:duration>] "
        "<query>' or 'eval[_fail|_warn] range from <from> to <to> step <step> <query>'"
    )


def _grid(start: str, end: str, step: str) -> TimeGrid:
    grid = TimeGrid(parse_duration_ms(start), parse_duration_ms(end), parse_duration_ms(step))
    if grid.end_ms < grid.start_ms:
        raise InputError(f"invalid test definition, end timestamp ({end}) is before start timestamp ({start})")
    if grid.step_ms == 0:
        raise InputError("expected a step above zero, found 0")
    return grid


def _read_expectation(line: str) -> Expectation:
    found = _EXPECT.fullmatch(line)
    if found is None:
        raise InputError("invalid expect statement, must match `expect <type> <match_type>: <string>` format")
    return _expectation(found[1], found[2], found[3])


def _expectation(kind: str, manner: str | None, text: str | None) -> Expectation:
    if manner is None or text is None:
        return Expectation(Kind(kind))
    if manner == "msg":
        return Expectation(Kind(kind), message=text.strip())
    return Expectation(Kind(kind), regex=_compile(text.strip()))


def _compile(pattern: str) -> re2._Regexp[bytes]:
    """Return a pattern that is searched for; scripts are written for Go's regular expressions."""
    import re2

    try:
        return re2.compile(pattern.encode())
    except re2.error as error:
        raise InputError(f"invalid regex {pattern}: {error}") from error


def _read_string(line: str) -> str:
    found = _EXPECT_STRING.fullmatch(line)
    if found is None:
        raise InputError("expected string literal not valid - check that the string is correctly quoted")
    return unquote(found[1].encode()).decode(errors="surrogateescape")


def _read_number(line: str) -> float | None:
    sign, digits = (line[0], line[1:]) if line[0] in "+-" else ("", line)
    try:
        value = float(digits) if digits[:1].isalpha() else parse_number(digits)
    except (InputError, ValueError):
        return None
    return -value if sign == "-" else value


def _check(evaluation: Evaluation) -> None:
    for kind, opposite in ((Kind.INFO, Kind.NO_INFO), (Kind.WARN, Kind.NO_WARN)):
        if evaluation.of(kind) and evaluation.of(opposite):
            raise InputError(f"invalid expect lines, {kind.value} and {opposite.value} cannot be used together")
    if len(evaluation.of(Kind.FAIL)) > 1:
        raise InputError("invalid expect lines, multiple expect fail lines are not allowed")


def evaluations_of(commands: list[Command]) -> Iterator[Evaluation | Unreadable]:
    """Yield what counts."""
    return (command for command in commands if isinstance(command, Evaluation | Unreadable))
