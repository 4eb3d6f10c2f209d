"""Random PromQL: valid texts over the whole grammar, spelt in all the ways that the lexer takes.

    texts = QueryTexts(random.Random(seed))     texts.query()
    @given(query_texts())                       the same by Hypothesis, which shrinks what fails

All functions, operators, modifiers, literals and features stand in them; metric and label names are from small
sets, keywords and UTF-8 names among them. What is valid in text may still fail on data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from promontory.promql.functions import FUNCTIONS, UNBOUNDED, Function
from promontory.promql.nodes import ValueType
from promontory.promql.tokens import AGGREGATORS, AGGREGATORS_WITH_PARAMETER, SET_OPERATORS
from promontory.promql.types import COMPARISONS
from promontory.testing.duration_texts import DurationTexts
from promontory.testing.literal_texts import spell_number, spell_string

T = TypeVar("T")

METRICS = ("foo", "a:b", "up", "x_total", "sum", "by", "offset", "step", "start", "fill", "smoothed", "or", "Rate")
LABELS = ("job", "le", "_x", "by", "sum", "on", '"a b"', "'é.x'", "`job`")
QUOTED_NAMES = ("foo", "a b", "http.requests", "é")
MATCH_OPERATORS = ("=", "!=", "=~", "!~")
REGEXES = ("a.*", "", "(b|c)+", "[^x]", "\\\\d{2}")
SPACES = (" ", " ", " ", "", "\n", "\t", " # why\n")
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
TRIMS = ("</", ">/")
LONGEST_LIST = 2


def query_texts() -> st.SearchStrategy[str]:
    """Return the strategy of valid queries, with all features."""
    return st.randoms(use_true_random=False).map(lambda random: QueryTexts(random).query())


class QueryTexts:
    """Writes queries; `depth` bounds how deep they nest."""

    def __init__(self, random: Random, *, depth: int = 3) -> None:
        self._random = random
        self._depth = depth
        self._durations = DurationTexts(random)

    def query(self) -> str:
        """Return a query of any type."""
        kind = self._choose([ValueType.VECTOR] * 6 + [ValueType.SCALAR, ValueType.MATRIX, ValueType.STRING])
        return self._gap() + self.expression(kind, self._depth) + self._gap()

    def expression(self, kind: ValueType, depth: int) -> str:
        """Return an expression of a type."""
        writers: dict[ValueType, Callable[[int], str]] = {
            ValueType.VECTOR: self._vector,
            ValueType.SCALAR: self._scalar,
            ValueType.MATRIX: self._matrix,
            ValueType.STRING: lambda _: spell_string(self._random),
        }
        return writers[kind](depth)

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._selector()
        writers = [self._aggregation, self._call, self._binary, self._operand, self._signed, self._wrapped]
        return self._choose(writers)(ValueType.VECTOR, depth)

    def _scalar(self, depth: int) -> str:
        if depth <= 0:
            return spell_number(self._random)
        return self._choose([self._call, self._binary, self._operand, self._signed])(ValueType.SCALAR, depth)

    def _operand(self, kind: ValueType, depth: int) -> str:
        """Return an expression that stays whole beside any operator."""
        if self._flip(0.5) or depth <= 0:
            return self.expression(kind, 0)
        return self._wrapped(kind, depth)

    def _wrapped(self, kind: ValueType, depth: int) -> str:
        return f"({self._gap()}{self.expression(kind, depth - 1)}{self._gap()})"

    def _signed(self, kind: ValueType, depth: int) -> str:
        return self._choose("+-") + self._gap() + self._operand(kind, depth - 1)

    def _selector(self) -> str:
        text = self._named() if self._flip(0.7) else self._braced(required=True)
        if self._flip(0.2):
            text += self._space() + self._choose(["anchored", "SMOOTHED", "smoothed"])
        return self._timed(text)

    def _named(self) -> str:
        name = self._choose(METRICS)
        return name + self._gap() + self._braced(required=False) if self._flip(0.5) else name

    def _braced(self, *, required: bool) -> str:
        parts = [self._matcher() for _ in range(self._random.randint(0, LONGEST_LIST))]
        if required:
            quoted = spell_string(self._random, self._choose(QUOTED_NAMES))
            parts.append(self._choose([quoted, f"__name__={quoted}", 'job!=""', "job=~`.+`"]))
        comma = self._choose([",", ""]) if parts else ""
        return "{" + self._gap() + f"{self._gap()},{self._gap()}".join(parts) + comma + self._gap() + "}"

    def _matcher(self) -> str:
        operator = self._choose(MATCH_OPERATORS)
        value = f'"{self._choose(REGEXES)}"' if "~" in operator else spell_string(self._random)
        return f"{self._choose(LABELS)}{self._gap()}{operator}{self._gap()}{value}"

    def _timed(self, text: str) -> str:
        """Return a selector or subquery with @ and offset, in either order."""
        suffixes = []
        if self._flip(0.2):
            time_s = f"{self._choose(['', '-', '+'])}{self._random.randint(0, 10**9)}.{self._random.randint(0, 999)}"
            suffixes.append("@" + self._gap() + self._choose([time_s, "start()", "END ( )", "5m"]))
        if self._flip(0.3):
            suffixes.append(self._choose(["offset", "OFFSET"]) + self._space() + self._durations.offset())
        self._random.shuffle(suffixes)
        whole = "".join([text, *(self._space() + suffix for suffix in suffixes)])
        # An operator behind an offset in parentheses would belong to it.
        return f"({whole})" if suffixes and "(" in suffixes[-1] else whole

    def _matrix(self, depth: int) -> str:
        if self._flip(0.6) or depth <= 0:
            text = self._named() if self._flip(0.7) else self._braced(required=True)
            extended = self._space() + self._choose(["anchored", "smoothed"]) if self._flip(0.2) else ""
            return self._timed(f"{text}{self._gap()}[{self._durations.span()}]{extended}")
        inner = self._choose([self._aggregation, self._call, self._wrapped])(ValueType.VECTOR, depth)
        step = self._durations.span() if self._flip(0.5) else ""
        # Nothing but a digit lets a colon follow.
        span = self._durations.span()
        span = span if any(character.isdigit() for character in span) else f"{span} * 1"
        return self._timed(f"{inner}[{span}{self._gap()}:{self._gap()}{step}]")

    def _call(self, kind: ValueType, depth: int) -> str:
        function = self._choose([found for found in FUNCTIONS.values() if found.return_type is kind])
        arguments = [self.expression(found, depth - 1) for found in self._argument_types(function)]
        if function.name == "info" and len(arguments) > 1:
            arguments[1] = self._braced(required=False)
        return f"{function.name}{self._gap()}({self._gap()}{self._listed(arguments)})"

    def _argument_types(self, function: Function) -> Sequence[ValueType]:
        types = function.argument_types
        if function.variadic == 0:
            return types
        most = LONGEST_LIST if function.variadic == UNBOUNDED else min(LONGEST_LIST, function.variadic)
        return [*types[:-1], *[types[-1]] * self._random.randint(0, most)]

    def _aggregation(self, kind: ValueType, depth: int) -> str:
        operator = self._choose(sorted(AGGREGATORS))
        arguments = [self._vector(depth - 1)]
        if operator == "count_values":
            arguments.insert(0, spell_string(self._random))
        elif operator in AGGREGATORS_WITH_PARAMETER:
            arguments.insert(0, self._scalar(depth - 1))
        body = f"({self._gap()}{self._listed(arguments)}{self._gap()})"
        modifier = (
            f"{self._choose(['by', 'without', 'BY'])}{self._gap()}{self._label_list()}" if self._flip(0.6) else ""
        )
        name = self._choose([operator, operator.upper()])
        return f"{name} {modifier}{body}" if self._flip(0.5) else f"{name}{self._gap()}{body}{self._gap()}{modifier}"

    def _binary(self, kind: ValueType, depth: int) -> str:
        if kind is ValueType.SCALAR:
            return self._operation(ValueType.SCALAR, ValueType.SCALAR, depth)
        other = self._choose([ValueType.VECTOR, ValueType.SCALAR])
        sides = [ValueType.VECTOR, other]
        self._random.shuffle(sides)
        return self._operation(sides[0], sides[1], depth)

    def _operation(self, left: ValueType, right: ValueType, depth: int) -> str:
        between_vectors = left is right is ValueType.VECTOR
        operators = [*ARITHMETIC, *sorted(COMPARISONS), *TRIMS, *(sorted(SET_OPERATORS) if between_vectors else ())]
        operator = self._choose(operators)
        words = [operator]
        if operator in COMPARISONS and (left is right is ValueType.SCALAR or self._flip(0.3)):
            words.append("bool")
        if between_vectors and self._flip(0.6):
            words.append(self._matching(operator))
        is_plain = operator in ARITHMETIC and len(words) == 1 and operator != "^"
        write = self.expression if is_plain else self._operand
        # A word needs space around it, and so does a sign before what could be one, or a number before a word.
        space = self._choose([" ", "\n", " # and\n"])
        return f"{write(left, depth - 1)}{space}{' '.join(words)}{space}{write(right, depth - 1)}"

    def _matching(self, operator: str) -> str:
        is_on = self._flip(0.5)
        text = f"{'on' if is_on else 'IGNORING'}{self._gap()}{self._label_list()}"
        if operator in SET_OPERATORS:
            return text
        if self._flip(0.5):
            group = self._choose(["group_left", "group_right", "GROUP_LEFT"])
            text += f" {group}{self._gap()}" + (f"({self._gap()})" if is_on else self._label_list())
        return text + self._fill() if self._flip(0.4) else text

    def _fill(self) -> str:
        values = [f"{self._choose(['', ' '])}({self._choose(['', '-'])}{spell_number(self._random)})" for _ in range(2)]
        sides = [f" fill_left{values[0]}", f" fill_right{values[1]}"]
        self._random.shuffle(sides)
        return self._choose([f" fill{values[0]}", "".join(sides), sides[0]])

    def _label_list(self) -> str:
        names = [self._choose(LABELS) for _ in range(self._random.randint(0, LONGEST_LIST))]
        return f"({self._gap()}{self._listed(names)}{',' if names and self._flip(0.2) else ''})"

    def _listed(self, parts: Sequence[str]) -> str:
        return f"{self._gap()},{self._gap()}".join(parts)

    def _gap(self) -> str:
        return self._choose(SPACES) if self._flip(0.2) else ""

    def _space(self) -> str:
        return " " + self._gap()

    def _flip(self, share: float) -> bool:
        return self._random.random() < share

    def _choose(self, options: Sequence[T]) -> T:
        return options[self._random.randrange(len(options))]
