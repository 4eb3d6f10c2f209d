"""Flags on Thanos' names, parsed as Thanos' own parser (kingpin) does.

    --name=value   --name value   --switch   --no-switch   --content-file=path   -n value   VALUE

A bare value belongs to the next flag whose name has no dashes.

A flag stands in one of three ways. It works; or it is *accepted*: it only tunes something that we do not have, parses,
and is named once in the log; or it is *refused*: it would change answers, security, sharding, retention or deletion
and does not work yet, so giving it anything but its default ends the program with exit code 2. So every manifest
written for Thanos either starts and means the same, or says why not.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promontory.errors import InputError
from promontory.model.url import without_user
from promontory.service.flag_kinds import Kind, Value, parse_value
from promontory.service.values import Values

_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
HELP_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; `name` with its dashes, or in capitals without any: then it is given by its place.

    `default` is text as one would write it, None where the flag has no value until given. A CONTENT flag `--x` has a
    twin `--x-file` that names a file with the content. `is_positive`: 0 and less would make no sense. `refused` says
    why it cannot work yet, `is_accepted` that it has no effect here. `short` is a second name such as `-o`.
    """

    name: str
    kind: Kind = Kind.TEXT
    default: str | None = None
    help: str = ""
    group: str = "General"
    choices: tuple[str, ...] = ()
    is_repeated: bool = False
    is_required: bool = False
    is_hidden: bool = False
    is_positive: bool = False
    is_accepted: bool = False
    refused: str = ""
    short: str = ""

    @property
    def is_positional(self) -> bool:
        """Whether it is given by its place among the bare values."""
        return not self.name.startswith("--")

    @property
    def title(self) -> str:
        """The flag as messages name it."""
        return f"{'argument' if self.is_positional else 'flag'} {self.name}"

    def parse(self, text: str) -> Value:
        """Return the value of a text. Raises InputError naming the flag."""
        try:
            value = parse_value(self.kind, text)
        except InputError as error:
            raise InputError(f"{self.title}: {error}") from None
        if self.kind is Kind.CHOICE and value not in self.choices:
            expected = ", ".join(repr(choice) for choice in self.choices)
            raise InputError(f"{self.title}: expected one of {expected}, found {text!r}")
        if self.is_positive and isinstance(value, int | float) and value <= 0:
            raise InputError(f"{self.title}: expected more than 0, found {text!r}")
        return value


def accepted(name: str, kind: Kind = Kind.TEXT, *, is_repeated: bool = False) -> Flag:
    """Return a flag of Thanos that only tunes what we do not have: it parses and is named in the log."""
    return Flag(
        name, kind, is_repeated=is_repeated, is_hidden=True, is_accepted=True, group="Accepted, without effect here"
    )


def refused(
    name: str, kind: Kind = Kind.TEXT, *, default: str | None = None, why: str, is_repeated: bool = False
) -> Flag:
    """Return a flag of Thanos that would change what the service does, and does not work yet."""
    return Flag(
        name, kind, default, help=why, refused=why, is_repeated=is_repeated, is_hidden=True, group="Not supported yet"
    )


class FlagSet:
    """The flags of one command."""

    def __init__(self, *flags: Flag | Iterable[Flag]) -> None:
        self.flags: dict[str, Flag] = {}
        for item in flags:
            for flag in (item,) if isinstance(item, Flag) else item:
                assert flag.name not in self.flags, f"flag {flag.name} is declared twice"
                self.flags[flag.name] = flag

    def parse(self, arguments: Sequence[str]) -> Values:
        """Return the values of a command line. Raises InputError naming the flag, what was expected and found."""
        given: dict[str, list[Value]] = {}
        for flag, text in self._pairs(arguments):
            if flag.name in given and not flag.is_repeated:
                again = "" if flag.kind is Kind.CONTENT else f" with {without_user(text)!r}"  # contents hold secrets
                raise InputError(f"flag {flag.name}: expected once, found it again{again}")
            given.setdefault(flag.name, []).append(flag.parse(text))
        for flag in self.flags.values():
            if flag.is_required and flag.name not in given:
                raise InputError(f"{flag.title} is required: {flag.help}")
            if flag.refused and self._differs(flag, given.get(flag.name, [])):
                raise InputError(f"flag {flag.name} is not supported yet: {flag.refused}")
        defaults = {
            flag.name: flag.parse(flag.default) if flag.default is not None else None for flag in self.flags.values()
        }
        without_effect = tuple(name for name in given if self.flags[name].is_accepted)
        return Values(given, defaults, without_effect=without_effect)

    def help_text(self, program: str, summary: str) -> str:
        """Return the complete help, grouped."""
        places = [flag.name for flag in self.flags.values() if flag.is_positional]
        lines = [f"usage: {' '.join((program, *places))} [flags]", "", summary]
        groups: dict[str, list[Flag]] = {}
        for flag in self.flags.values():
            if not flag.is_hidden:
                groups.setdefault(flag.group, []).append(flag)
        for group, flags in groups.items():
            lines += ["", f"{group}:"]
            for flag in flags:
                lines += _describe(flag)
        for title, names in (
            ("Accepted for Thanos' manifests, without effect here", [f for f in self.flags.values() if f.is_accepted]),
            ("Not supported yet (exit code 2 when given)", [f for f in self.flags.values() if f.refused]),
        ):
            if names:
                lines += ["", f"{title}:"]
                lines += textwrap.wrap(
                    " ".join(flag.name for flag in names),
                    HELP_WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False,
                )  # fmt: skip
        return "\n".join(lines) + "\n"

    def _pairs(self, arguments: Sequence[str]) -> Iterable[tuple[Flag, str]]:
        rest = list(arguments)
        places = [flag for flag in self.flags.values() if flag.is_positional]
        while rest:
            argument = self._lengthen(rest.pop(0))
            if places and not argument.startswith("-"):
                yield places.pop(0), argument
                continue
            if not argument.startswith("--") or argument == "--":
                raise InputError(f"unexpected argument {argument!r}: expected flags, see --help")
            name, separator, text = argument.partition("=")
            flag, is_file, is_negated = self._find(name)
            if flag.kind is Kind.BOOLEAN:
                if is_negated and separator:
                    raise InputError(f"flag {name}: expected no value, found {text!r}")
                yield flag, text if separator else ("false" if is_negated else "true")
                continue
            if not separator:
                if not rest or (rest[0].startswith("--") and len(rest[0]) > 2):
                    raise InputError(f"flag {name}: expected a value, found none")
                text = rest.pop(0)
            if is_file:
                text = _read(name, text)
            yield flag, _substitute(name, text) if flag.kind is Kind.CONTENT else text

    def _lengthen(self, argument: str) -> str:
        """Return `-o` as `--output`, `-ovalue` as `--output=value`; what is no short name as it is."""
        flag = next((one for one in self.flags.values() if one.short and argument.startswith(one.short)), None)
        if flag is None:
            return argument
        text = argument.removeprefix(flag.short)
        return f"{flag.name}={text.removeprefix('=')}" if text else flag.name

    def _find(self, name: str) -> tuple[Flag, bool, bool]:
        if name in self.flags:
            return self.flags[name], False, False
        positive = "--" + name.removeprefix("--no-")
        flag = self.flags.get(positive)
        if flag is not None and flag.kind is Kind.BOOLEAN:
            return flag, False, True
        flag = self.flags.get(name.removesuffix("-file"))
        if flag is not None and flag.kind is Kind.CONTENT:
            return flag, True, False
        import difflib

        near = difflib.get_close_matches(name, self.flags, n=1)
        hint = f"did you mean {near[0]}?" if near else "see --help"
        raise InputError(f"unknown flag {name}: {hint}")

    @staticmethod
    def _differs(flag: Flag, values: list[Value]) -> bool:
        default = flag.parse(flag.default) if flag.default is not None else None
        return any(value not in (default, "") for value in values)


def _describe(flag: Flag) -> list[str]:
    negation = "--[no-]" if flag.kind is Kind.BOOLEAN else "" if flag.is_positional else "--"
    head = f"  {f'{flag.short}, ' if flag.short else ''}{negation}{flag.name.removeprefix('--')}"
    if flag.kind is Kind.CHOICE:
        head += "=" + "|".join(choice or '""' for choice in flag.choices)
    elif flag.kind is not Kind.BOOLEAN and not flag.is_positional:
        head += f"={flag.kind.value}"
    if flag.kind is Kind.CONTENT:
        head += f" | {flag.name}-file=PATH"
    notes = [flag.help.rstrip(".")] if flag.help else []
    if flag.is_repeated:
        notes.append("may be repeated")
    if flag.is_required:
        notes.append("required")
    elif flag.default and flag.kind is not Kind.BOOLEAN:
        notes.append(f"default {flag.default}")
    elif flag.kind is Kind.BOOLEAN and flag.default == "true":
        notes.append("on by default")
    text = "; ".join(notes)
    if not text:
        return [head]
    return [head, *textwrap.wrap(text, HELP_WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)]


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"flag {name}: expected a readable text file, found {path!r}: {reason}") from None


def _substitute(name: str, text: str) -> str:
    """Replace `$(NAME)` by the environment variable, as Thanos does in configuration contents."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise InputError(f"flag {name}: expected environment variable {found[1]}, found it unset")
        return os.environ[found[1]]

    return _VARIABLE.sub(value, text)
