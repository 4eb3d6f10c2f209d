"""What a regular expression would cost RE2 to compile, told from its text in time linear in it.

RE2 matches in linear time, but it compiles a repetition by writing its operand out, and spends time with each pair
of places that can follow one another: `(x{0,99}){1000 times in a row}` takes it ten seconds. So the size of what is
written out and the number of such pairs (the edges of Glushkov's automaton) are added up beforehand:

    ab      size a + b          pairs a + b + last(a) * first(b)
    a|b     size a + b          pairs a + b
    a*      size a              pairs a + last(a) * first(a)
    a{2,4}  as aaa?a?

What is no regular expression gets some number too; whether it is one is RE2's to say.
Source: V. M. Glushkov, "The abstract theory of automata" (1961); RE2's syntax, https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace

MAX_SIZE = 100_000
MAX_PAIRS = 20_000_000
MAX_REPEAT = 1_000
UNICODE_CLASS_SIZE = 400
ANY_SIZE = 4

_TOKEN = re.compile(
    rb"(?P<run>[^\\^$.\[()|?*+{]{2,}(?![*+?{]))"
    rb"|(?P<quoted>\\Q(?s:.*?)(?:\\E|\Z))"
    rb"|(?P<unicode>\\[pP](?:\{[^}]*\}|.)?)"
    rb"|(?P<edge>\\[AzbBQE]|[\^$])"
    rb"|(?P<any>\.|\\[CDSW])"
    rb"|(?P<escape>\\(?:x\{[^}]*\}|x..|[0-7]{1,3}|.)?)"
    rb"|(?P<set>\[\^?\]?(?:\\[pP](?:\{[^}]*\}|.)|\\.|\[:\^?\w*:\]|[^\]\\])*\]?)"
    rb"|(?P<flags>\(\?[imsU-]*\))"
    rb"|(?P<open>\((?:\?(?:P?<[^>]*>|[imsU-]*:))?)"
    rb"|(?P<close>\))"
    rb"|(?P<or>\|)"
    rb"|(?P<repeat>(?:[*+?]|\{(?P<least>\d{1,9})(?P<comma>,(?P<most>\d{0,9}))?\})\??)"
    rb"|(?P<character>.)",
    re.DOTALL,
)
_UNICODE = re.compile(rb"\\[pP]")


@dataclass(frozen=True, slots=True)
class RegexCost:
    """Places that are written out, pairs that follow one another, and how many begin and end a match."""

    size: int
    pairs: int
    first: int
    last: int
    nullable: bool

    def then(self, other: RegexCost) -> RegexCost:
        """Return the cost of one behind the other."""
        return RegexCost(
            size=self.size + other.size,
            pairs=self.pairs + other.pairs + self.last * other.first,
            first=self.first + (other.first if self.nullable else 0),
            last=other.last + (self.last if other.nullable else 0),
            nullable=self.nullable and other.nullable,
        )

    def either(self, other: RegexCost) -> RegexCost:
        """Return the cost of one or the other."""
        return RegexCost(
            self.size + other.size, self.pairs + other.pairs, self.first + other.first, self.last + other.last,
            self.nullable or other.nullable,
        )  # fmt: skip

    def repeated(self, least: int, most: int | None) -> RegexCost:
        """Return the cost of `least` to `most` in a row, None for any number."""
        least = min(least, MAX_REPEAT)
        optional = replace(self, nullable=True)
        if most is None:
            loop = replace(self, pairs=self.pairs + self.last * self.first, nullable=self.nullable or least == 0)
            return self._times(least - 1).then(loop)
        return self._times(least).then(optional._times(min(most, MAX_REPEAT) - least))

    def _times(self, count: int) -> RegexCost:
        """Return the cost of so many in a row, by doubling."""
        result, power = EMPTY, self
        while count > 0:
            if count & 1:
                result = result.then(power)
            power = power.then(power)
            count >>= 1
        return result

    @property
    def is_too_large(self) -> bool:
        """Whether compiling it would take long."""
        return self.size > MAX_SIZE or self.pairs > MAX_PAIRS


EMPTY = RegexCost(0, 0, 0, 0, nullable=True)


def _place(size: int = 1) -> RegexCost:
    return RegexCost(size, 0, 1, 1, nullable=False)


@dataclass(slots=True)
class _Group:
    """An open group: the alternatives that are done, and of the one at hand all but its last part."""

    done: RegexCost | None = None
    before: RegexCost = field(default_factory=lambda: EMPTY)
    part: RegexCost = field(default_factory=lambda: EMPTY)

    def add(self, part: RegexCost) -> None:
        self.before, self.part = self.before.then(self.part), part

    def end_alternative(self) -> None:
        whole = self.before.then(self.part)
        self.done = whole if self.done is None else self.done.either(whole)
        self.before = self.part = EMPTY

    def close(self) -> RegexCost:
        self.end_alternative()
        assert self.done is not None
        return self.done


@functools.lru_cache(maxsize=1024)
def estimate_cost(pattern: bytes) -> RegexCost:
    """Return the cost of a regular expression, or of a part that is too large already."""
    groups = [_Group()]
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup
        group = groups[-1]
        if kind == "open":
            groups.append(_Group())
        elif kind == "close":
            if len(groups) > 1:
                groups.pop()
                groups[-1].add(group.close())
        elif kind == "or":
            group.end_alternative()
        elif kind == "repeat":
            group.part = group.part.repeated(*_bounds(token))
        elif kind not in ("edge", "flags"):
            group.add(_cost_of(kind, token))
            if group.before.is_too_large:
                return group.before
    while len(groups) > 1:
        closed = groups.pop().close()
        groups[-1].add(closed)
    return groups[0].close()


def _bounds(token: re.Match[bytes]) -> tuple[int, int | None]:
    if token["least"] is not None:
        least = int(token["least"])
        if token["comma"] is None:
            return least, least
        return least, int(token["most"]) if token["most"] else None
    sign = token[0][:1]
    return (1 if sign == b"+" else 0), (1 if sign == b"?" else None)


def _cost_of(kind: str | None, token: re.Match[bytes]) -> RegexCost:
    text = token[0]
    if kind in ("run", "quoted"):
        return RegexCost(len(text), len(text) - 1, 1, 1, nullable=False)
    if kind == "unicode":
        return _place(UNICODE_CLASS_SIZE)
    if kind == "any":
        return _place(ANY_SIZE)
    if kind == "set":
        return _place(ANY_SIZE + len(text) // 2 + UNICODE_CLASS_SIZE * len(_UNICODE.findall(text)))
    return _place()
