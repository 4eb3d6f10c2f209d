"""ConfigTree: a YAML mapping of settings, read strictly, each key once and by its type.

One rule: a key that nobody reads is an error that names it, its place and what was expected there. What is refused of
YAML itself: model/yaml_text.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from promontory.errors import InputError
from promontory.model.yaml_text import compose_yaml

_TRUE = ("true", "yes", "on", "y")
_FALSE = ("false", "no", "off", "n")
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_DURATION = re.compile(r"(\d{1,15})(ms|[smhdwy])", re.ASCII)


def parse_config_tree(text: str, *, what: str) -> ConfigTree:
    """Return the tree of a YAML mapping. Raises InputError naming `what` and the line."""
    import yaml

    root = compose_yaml(text, what=what)
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{what}: expected a YAML mapping such as `type: FILESYSTEM`")
    return ConfigTree(_mapping(root, what), what=what)


class ConfigTree:
    """One mapping of a configuration; `path` leads to it for errors."""

    def __init__(self, values: Mapping[str, object], *, what: str, path: str = "") -> None:
        self._left = dict(values)
        self._asked: set[str] = set()
        self._what = what
        self._path = path

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self._take(key)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            raise self.wrong(key, "a text", "a mapping or a list")
        return value

    def choice(self, key: str, default: str, allowed: Collection[str]) -> str:
        """Return one of a few texts."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(key, f"one of {', '.join(sorted(name or '(empty)' for name in allowed))}", repr(value))
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.text(key, "true" if default else "false").lower()
        if value not in _TRUE + _FALSE:
            raise self.wrong(key, "true or false", repr(value))
        return value in _TRUE

    def integer(self, key: str, default: int) -> int:
        """Return a whole number that is not negative."""
        value = self.text(key, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            raise self.wrong(key, "a whole number", repr(value))
        return int(value)

    def duration_s(self, key: str, default_s: float) -> float:
        """Return a duration such as 1m30s in seconds."""
        value = self.text(key)
        if not value or value == "0":
            return 0.0 if value else default_s
        if _DURATION.sub("", value):
            raise self.wrong(key, "a duration such as 1m30s", repr(value))
        return sum(int(count) * _UNIT_S[unit] for count, unit in _DURATION.findall(value))

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping of texts."""
        inner = self.tree(key)
        return {name: inner.text(name) for name in list(inner._left)}

    def tree(self, key: str) -> ConfigTree:
        """Return an inner mapping, empty where there is none."""
        value = self._take(key)
        if value is None or value == "":
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(key, "a mapping", repr(value) if isinstance(value, str) else "a list")
        return ConfigTree(value, what=self._what, path=f"{self._path}{key}.")

    def finish(self) -> None:
        """Raise InputError where a key was given that nobody asked for."""
        if self._left:
            known = ", ".join(sorted(self._asked))
            raise self.wrong(next(iter(self._left)), f"one of {known}", "an unknown key")

    def wrong(self, key: str, expected: str, found: str) -> InputError:
        """Return the error that names a key."""
        return InputError(f"{self._what}: key {self._path}{key}: expected {expected}, found {found}")

    def _take(self, key: str) -> object:
        self._asked.add(key)
        return self._left.pop(key, None)


def _mapping(node: object, what: str) -> dict[str, object]:
    import yaml

    assert isinstance(node, yaml.MappingNode)
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise InputError(f"{what}: expected a plain key at line {line}")
        if key_node.value in values:
            raise InputError(f"{what}: key {key_node.value}: expected once, found again at line {line}")
        values[key_node.value] = _value(value_node, what)
    return values


def _value(node: object, what: str) -> object:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return _mapping(node, what)
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag == "tag:yaml.org,2002:null" else node.value
    return []
