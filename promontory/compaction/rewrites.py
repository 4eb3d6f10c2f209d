"""What meta.json says of series that were dropped from a block: thanos.rewrites.

    { sources: [ULID…], deletions_applied: [ { matchers: [ { Type Name Value }… ] }… ] }     Type 0 to 3: = != =~ !~

Source: thanos pkg/block/metadata/meta.go (Rewrite, DeletionRequest), prometheus model/labels/matcher.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promontory.block.meta import BlockMeta
from promontory.block.strict_json import JsonObject
from promontory.model.matcher import Matcher, MatchKind

_KINDS = (MatchKind.EQUAL, MatchKind.NOT_EQUAL, MatchKind.REGEX, MatchKind.NOT_REGEX)


def render_rewrite(sources: Iterable[str], retired: Iterable[Sequence[Matcher]]) -> JsonObject:
    """Return the entry of thanos.rewrites for the input's sources and the selectors of the series that were dropped."""
    applied = [{"matchers": [_render_matcher(matcher) for matcher in matchers]} for matchers in retired]
    return {"sources": list(sources), **({"deletions_applied": applied} if applied else {})}


def applied_selectors(meta: BlockMeta) -> frozenset[frozenset[Matcher]]:
    """Return the selectors of the series that were dropped from a block whole; what cannot be read counts as none."""
    found = set()
    for rewrite in meta.thanos.rewrites if meta.thanos else ():
        for deletion in _objects(rewrite.get("deletions_applied")):
            matchers = [_parse_matcher(matcher) for matcher in _objects(deletion.get("matchers"))]
            if matchers and not deletion.get("intervals"):
                found.add(frozenset(matcher for matcher in matchers if matcher is not None))
    return frozenset(found)


def _render_matcher(matcher: Matcher) -> JsonObject:
    return {
        "Type": _KINDS.index(matcher.kind),
        "Name": matcher.name.decode(errors="replace"),
        "Value": matcher.value.decode(errors="replace"),
    }


def _parse_matcher(matcher: JsonObject) -> Matcher | None:
    kind, name, value = matcher.get("Type"), matcher.get("Name"), matcher.get("Value")
    if not (isinstance(kind, int) and 0 <= kind < len(_KINDS) and isinstance(name, str) and isinstance(value, str)):
        return None
    return Matcher(_KINDS[kind], name.encode(), value.encode())


def _objects(found: object) -> list[JsonObject]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
