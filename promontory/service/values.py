"""Values: what the flags of a command line say, with typed access by flag name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from promontory.service.flag_kinds import TimeValue, Value

T = TypeVar("T", bound=Value)


class Values:
    """Values by flag name, dashes included: `values.text("--http-address")`."""

    def __init__(
        self,
        given: Mapping[str, Sequence[Value]],
        defaults: Mapping[str, Value | None],
        *,
        without_effect: tuple[str, ...] = (),
    ) -> None:
        self._given = given
        self._defaults = defaults
        self.without_effect = without_effect
        """Flags that were given and are accepted without effect here; a service names them once in its log."""

    def is_given(self, name: str) -> bool:
        """Say whether the flag stands on the command line."""
        return name in self._given

    def text(self, name: str) -> str:
        """Return a text, choice, address or content; empty where it has neither value nor default."""
        return self._single(name, str, empty="")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a repeated flag."""
        values = self._given.get(name)
        if values is None:
            default = self._defaults[name]
            values = [] if default is None else [default]
        return tuple(str(value) for value in values)

    def names(self, name: str) -> tuple[str, ...]:
        """Return the names of a repeated flag, each once; a text may hold several with commas between them."""
        found = (one.strip() for text in self.texts(name) for one in text.split(","))
        return tuple(dict.fromkeys(one for one in found if one))

    def flag(self, name: str) -> bool:
        """Return a switch."""
        return self._single(name, bool, empty=False)

    def integer(self, name: str) -> int:
        """Return a whole number."""
        return self._single(name, int, empty=0)

    def number(self, name: str) -> float:
        """Return a number."""
        return self._single(name, float, empty=0.0)

    def duration_ms(self, name: str) -> int:
        """Return a duration in milliseconds."""
        return self._single(name, int, empty=0)

    def duration_s(self, name: str) -> float:
        """Return a duration in seconds."""
        return self.duration_ms(name) / 1000

    def size_bytes(self, name: str) -> int:
        """Return a size in bytes."""
        return self._single(name, int, empty=0)

    def time_ms(self, name: str, *, now_ms: int) -> int:
        """Return a moment in ms since the epoch; a relative one counts from `now_ms`."""
        return self._single(name, TimeValue, empty=TimeValue(0, is_relative=False)).at(now_ms)

    def _single(self, name: str, kind: type[T], *, empty: T) -> T:
        values = self._given.get(name)
        value = values[-1] if values else self._defaults[name]
        if value is None:
            return empty
        assert type(value) is kind, f"flag {name} holds {value!r}, not {kind.__name__}"
        return value
