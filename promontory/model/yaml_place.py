"""YamlPlace: a node of a YAML text and where it stands, read strictly: mappings with known keys, lists, texts.

For texts with lists in them, whose errors are to name line and key: `ladder.steps[1].keep (line 4): expected …`.
What is refused of YAML itself: yaml_text.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promontory.errors import InputError
from promontory.model.durations import parse_duration_ms
from promontory.model.yaml_text import compose_yaml

if TYPE_CHECKING:
    import yaml


def parse_yaml(text: str, *, what: str) -> YamlPlace:
    """Return the root of a YAML text; `what` begins the path that errors name. Raises InputError."""
    node = compose_yaml(text, what=what)
    if node is None:
        raise InputError(f"{what}: expected a list or a mapping, found nothing")
    return YamlPlace(what, node)


class YamlPlace:
    """A node and the path to it; what it is asked for and is not, is an InputError that says so."""

    def __init__(self, path: str, node: yaml.Node) -> None:
        self._path = path
        self._node = node

    def is_list(self) -> bool:
        """Say whether it is a list."""
        import yaml

        return isinstance(self._node, yaml.SequenceNode)

    def items(self) -> Iterator[YamlPlace]:
        """Yield the items of a list."""
        if not self.is_list():
            raise self.wrong("a list", self._found())
        for index, node in enumerate(self._node.value):
            yield YamlPlace(f"{self._path}[{index}]", node)

    def keys(self, *known: str) -> dict[str, YamlPlace]:
        """Return the values of a mapping by key; other keys than the known are errors, as is one that comes twice."""
        import yaml

        if not isinstance(self._node, yaml.MappingNode):
            raise self.wrong("a mapping", self._found())
        found: dict[str, YamlPlace] = {}
        for key_node, node in self._node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "…"
            place = YamlPlace(f"{self._path}.{key}", key_node)
            if key not in known:
                raise place.wrong(f"one of {', '.join(known)}", "an unknown key")
            if key in found:
                raise place.wrong("the key once", "it again")
            found[key] = YamlPlace(f"{self._path}.{key}", node)
        return found

    def text(self) -> str:
        """Return the text of a scalar, as it was written."""
        import yaml

        if not isinstance(self._node, yaml.ScalarNode):
            raise self.wrong("a text", self._found())
        return str(self._node.value)

    def duration_ms(self) -> int:
        """Return the milliseconds of a duration in Prometheus' notation."""
        try:
            return parse_duration_ms(self.text())
        except InputError as error:
            raise self.wrong("a duration such as 30d", repr(self.text())) from error

    def wrong(self, expected: str, found: str) -> InputError:
        """Return the error that names this place."""
        return InputError(f"{self._path} (line {self._node.start_mark.line + 1}): expected {expected}, found {found}")

    def _found(self) -> str:
        import yaml

        if isinstance(self._node, yaml.MappingNode):
            return "a mapping"
        return "a list" if self.is_list() else repr(self._node.value)
