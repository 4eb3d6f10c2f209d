"""--selector.relabel-config: the blocks that are asked for, by rules on their external labels."""

from __future__ import annotations

from collections.abc import Sequence

from promontory.catalog.contents import Contents
from promontory.catalog.relabel import BLOCK_ID, RelabelRule, keeps, parse_relabel_rules
from promontory.errors import InputError
from promontory.service.values import Values

SELECTOR_FLAG = "--selector.relabel-config"


def read_rules(values: Values) -> tuple[RelabelRule, ...]:
    """Return the rules of the command line. Raises InputError."""
    try:
        return parse_relabel_rules(values.text(SELECTOR_FLAG))
    except InputError as error:
        raise InputError(f"flag {SELECTOR_FLAG}: {error}") from error


def select_contents(contents: Contents, rules: Sequence[RelabelRule]) -> Contents:
    """Return the contents less the blocks that rules drop; blocks that do not count have no labels and stay."""
    dropped = {
        found.ulid
        for found, meta in contents.whole
        if not keeps({BLOCK_ID: meta.ulid.encode()} | dict(meta.labels.pairs), rules)
    }
    blocks = {ulid: found for ulid, found in contents.blocks.items() if ulid not in dropped}
    return Contents(blocks, contents.view)
