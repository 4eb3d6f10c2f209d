"""Matchers in the order of their worth, each once; what contradicts itself is not read.

    read {a!="1",__name__="x",a!="1"}   →   read {__name__="x",a!="1"}
    read {a="1",a="2"}                  →   read {a="1",a="2"} nothing

Those come first that leave few series and are cheap to look up: the name, equality, regular expressions, and last
what series without the label match. Equal sets of matchers are then equal.
"""

from __future__ import annotations

from dataclasses import replace

from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher, MatchKind
from promontory.promql.plan.nodes import PlanNode, Read
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.tree import replace_reads, walk_nodes

_RANKS = {MatchKind.EQUAL: 1, MatchKind.REGEX: 2, MatchKind.NOT_EQUAL: 4, MatchKind.NOT_REGEX: 5}
_EMPTY = 3


def sort_matchers(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with the matchers of its reads in order."""
    fresh: dict[int, Read] = {}
    for node in walk_nodes(root):
        if isinstance(node, Read) and len(node.matchers) > 1:
            matchers = tuple(sorted(dict.fromkeys(node.matchers), key=_worth))
            never = _contradicts(matchers)
            if matchers != node.matchers or never:
                fresh[id(node)] = replace(node, matchers=matchers, never=never)
    return Rewrite(replace_reads(root, fresh), tuple(Note("{}", (read,)) for read in fresh.values()))


def _worth(matcher: Matcher) -> tuple[int, bool, bytes, bytes]:
    absent = matcher.kind is MatchKind.EQUAL and not matcher.value
    rank = _EMPTY if absent else _RANKS[matcher.kind]
    return rank, matcher.name != METRIC_NAME, matcher.name, matcher.value


def _contradicts(matchers: tuple[Matcher, ...]) -> bool:
    """Say whether two matchers ask two values of one label."""
    asked: dict[bytes, bytes] = {}
    equal = (matcher for matcher in matchers if matcher.kind is MatchKind.EQUAL)
    return any(asked.setdefault(matcher.name, matcher.value) != matcher.value for matcher in equal)


SORT_MATCHERS = Optimizer(
    "sort matchers", "Matchers that leave few series come first; what contradicts itself is not read.", sort_matchers
)
