"""YAML texts that strangers may have written: composed into nodes, small and plain ones only.

Scalars keep the text that was written (0123 stays 0123). Aliases and deep nesting are refused: a small text must not
unfold into a large one, nor take long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promontory.errors import InputError

if TYPE_CHECKING:
    import yaml

MAX_TEXT_CHARACTERS = 2**20
MAX_DEPTH = 32


def compose_yaml(text: str, *, what: str) -> yaml.Node | None:
    """Return the root of a YAML text, None of an empty one. Raises InputError that begins with `what`."""
    import yaml

    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(f"{what}: expected at most {MAX_TEXT_CHARACTERS} characters, found {len(text)}")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise InputError(f"{what}: expected YAML at most {MAX_DEPTH} levels deep, found more")
            if isinstance(event, yaml.AliasEvent):
                raise InputError(f"{what}: expected YAML without aliases, found *{event.anchor}")
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        where = f" at line {(error.problem_mark.line or 0) + 1}" if error.problem_mark else ""
        raise InputError(f"{what}: expected YAML, found{where}: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{what}: expected YAML, found {type(error).__name__}") from error
    return root
