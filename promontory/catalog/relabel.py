"""Which blocks are this process' share: relabelling rules over the external labels of each block.

    keep, drop    a block whose source labels, joined, match the expression, or do not
    hashmod       target label = last 8 bytes of MD5(source labels, joined), big-endian, modulo `modulus`

Beside its external labels a block has `__block_id`, its ULID. Replica labels that will be removed are not seen: else
the replicas of one stream would fall to different compactors. Other actions are refused, as in Thanos.
Source: thanos pkg/block/fetcher.go (LabelShardedMetaFilter), prometheus model/relabel/relabel.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from promontory.block.meta import BlockMeta
from promontory.catalog.filters import Blocks, FilterFacts
from promontory.errors import InputError
from promontory.model.matcher import compile_regex
from promontory.model.yaml_place import YamlPlace, parse_yaml

BLOCK_ID = b"__block_id"
MAX_MODULUS = 2**64 - 1


class RelabelAction(Enum):
    """What a rule does; the value is its name in YAML."""

    KEEP = "keep"
    DROP = "drop"
    HASHMOD = "hashmod"


@dataclass(frozen=True, slots=True)
class RelabelRule:
    """One rule; `modulus` and `target` are hashmod's, `regex` the others'."""

    action: RelabelAction
    source_labels: tuple[bytes, ...] = ()
    separator: bytes = b";"
    regex: bytes = b"(.*)"
    modulus: int = 0
    target: bytes = b""


@dataclass(frozen=True, slots=True)
class RelabelFilter:
    """Leaves out the blocks that rules drop; `replica_labels` are taken from the labels before."""

    rules: tuple[RelabelRule, ...]
    replica_labels: tuple[str, ...] = ()

    def exclude(self, blocks: Blocks, facts: FilterFacts) -> dict[str, str]:
        """Apply the rules in their order."""
        if not self.rules:
            return {}
        return {ulid: "dropped by relabelling" for ulid, meta in blocks.items() if not self._keeps(meta)}

    def _keeps(self, meta: BlockMeta) -> bool:
        stripped = {name.encode() for name in self.replica_labels}
        labels = {name: value for name, value in meta.labels.pairs if name not in stripped}
        return keeps({BLOCK_ID: meta.ulid.encode()} | labels, self.rules)


def keeps(labels: Mapping[bytes, bytes], rules: Sequence[RelabelRule]) -> bool:
    """Say whether rules keep what has these labels."""
    known = dict(labels)
    for rule in rules:
        value = rule.separator.join(known.get(name, b"") for name in rule.source_labels)
        if rule.action is RelabelAction.HASHMOD:
            digest = hashlib.md5(value, usedforsecurity=False).digest()
            known[rule.target] = str(int.from_bytes(digest[8:], "big") % rule.modulus).encode()
        elif (compile_regex(rule.regex).fullmatch(value) is not None) is (rule.action is RelabelAction.DROP):
            return False
    return True


def parse_relabel_rules(text: str) -> tuple[RelabelRule, ...]:
    """Return the rules of a YAML list, none of an empty text. Raises InputError naming line and key."""
    if not text.strip():
        return ()
    return tuple(_parse_rule(place) for place in parse_yaml(text, what="relabel").items())


def _parse_rule(place: YamlPlace) -> RelabelRule:
    keys = place.keys("source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action")
    action = _parse_action(place, keys.get("action"))
    modulus, target = _parse_modulus(keys.get("modulus")), _text(keys.get("target_label"), "")
    if action is RelabelAction.HASHMOD and not modulus:
        raise place.wrong("a modulus above 0 for hashmod", "none")
    if action is RelabelAction.HASHMOD and not target:
        raise place.wrong("a target_label for hashmod", "none")
    regex = _text(keys.get("regex"), "(.*)").encode()
    try:
        compile_regex(regex)
    except InputError as error:
        raise keys["regex"].wrong("an RE2 expression", str(error)) from error
    labels = keys["source_labels"].items() if "source_labels" in keys else ()
    return RelabelRule(
        action=action,
        source_labels=tuple(label.text().encode() for label in labels),
        separator=_text(keys.get("separator"), ";").encode(),
        regex=regex,
        modulus=modulus,
        target=target.encode(),
    )


def _parse_action(rule: YamlPlace, place: YamlPlace | None) -> RelabelAction:
    name = _text(place, "replace")
    try:
        return RelabelAction(name.lower())
    except ValueError:
        raise (place or rule).wrong("an action of keep, drop and hashmod", name) from None


def _parse_modulus(place: YamlPlace | None) -> int:
    text = _text(place, "0")
    if place is not None and not (text.isascii() and text.isdigit() and int(text[:21]) <= MAX_MODULUS):
        raise place.wrong("a whole number", repr(text))
    return int(text)


def _text(place: YamlPlace | None, default: str) -> str:
    return default if place is None else place.text()
