"""What reads the same series asks for them once.

    /                                    /
      window rate                          window rate
        read {__name__="x",a="1"}[5m]  →     read {__name__="x",a="1"}[5m] from all with {__name__="x"}
      window rate                          window rate
        read {__name__="x"}[1h]              read {__name__="x"}[1h]

A read is fed by a wider one whose matchers it has too, for a time range that holds both; the rest of its matchers
filter what comes. Ranges are made one where they overlap and little is fed in vain.

What is read may not depend on by whom it is asked. Aggregates of downsampled blocks are chosen by the function; where
replicas are made one, which of them is followed depends on where reading begins; so does whether the first histogram
was reset where only that is asked, and the first counter that says when it began. There ranges, or functions, have to
be equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import Matcher, fixes_name
from promontory.model.selector import Projection, Selector
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.plan.nodes import Extension, PlanNode, Read
from promontory.promql.plan.optimizer import Conditions, Note, Optimizer, Rewrite
from promontory.promql.plan.project_labels import join_projections
from promontory.promql.plan.selects import selector_of, walk_times
from promontory.promql.plan.tree import replace_reads

# So much may be fed in vain to what needs less: to look up series and open blocks costs more.
FREE_MS = 7_200_000
# Of more different selects than this only those are compared that have equal matchers.
MOST_COMPARED = 100


@dataclass(slots=True)
class _Member:
    read: Read
    selector: Selector

    @property
    def ranged(self) -> bool:
        """Whether what it gets depends on where reading begins."""
        return self.read.statistics or self.read.extension is not Extension.NONE


@dataclass(slots=True)
class _Group:
    """Reads that are fed by one select; the matchers are those of the widest."""

    matchers: frozenset[Matcher]
    time_range: TimeRange
    members: list[_Member] = field(default_factory=list)

    def selector(self) -> Selector:
        """Return what to read for all members; hints stay where all give the same."""
        first = min(self.members, key=lambda member: len(member.selector.matchers)).selector
        selectors = [member.selector for member in self.members]
        same_function = len({(one.function, one.range_ms) for one in selectors}) == 1
        same_grouping = len({(one.grouping, one.grouping_by) for one in selectors}) == 1
        projection = first.projection
        for one in selectors:
            projection = join_projections(projection, one.projection)
        filtered = {matcher.name for one in selectors for matcher in one.matchers if matcher not in self.matchers}
        projection = join_projections(projection, Projection(tuple(sorted(filtered)), by=True))
        return replace(
            first,
            time_range=self.time_range,
            function=first.function if same_function else "",
            range_ms=first.range_ms if same_function else 0,
            step_ms=max(one.step_ms for one in selectors),
            grouping=first.grouping if same_grouping else (),
            grouping_by=first.grouping_by and same_grouping,
            projection=projection,
        )


def merge_selects(root: PlanNode, conditions: Conditions) -> Rewrite:
    """Return the plan with reads fed by what others read too."""
    groups = _gather(_find_reads(root, conditions.grid), conditions)
    fed: dict[int, Read] = {}
    notes = []
    for group in groups:
        distinct = {member.selector for member in group.members}
        if len(distinct) == 1:
            continue
        selector = group.selector()
        notes.append(Note("{} selects are {}", (len(distinct), replace(group.members[0].read, filters=(), fed=None))))
        for member in group.members:
            filters = tuple(found for found in member.read.matchers if found not in group.matchers)
            fed[id(member.read)] = replace(member.read, fed=selector, filters=filters)
    return Rewrite(replace_reads(root, fed), tuple(notes))


def _find_reads(root: PlanNode, grid: TimeGrid) -> list[_Member]:
    return [
        _Member(node, selector_of(node, times)) for node, times in walk_times(root, grid)
        if isinstance(node, Read) and not node.never
    ]  # fmt: skip


def _gather(members: Sequence[_Member], conditions: Conditions) -> list[_Group]:
    distinct: dict[Selector, list[_Member]] = {}
    for member in members:
        distinct.setdefault(member.selector, []).append(member)
    # The widest come first, and of these the longest.
    asked = sorted(distinct, key=lambda found: (len(found.matchers), found.time_range.min_time_ms))
    compared = len(asked) <= MOST_COMPARED
    groups: dict[frozenset[Matcher], list[_Group]] = {}
    for selector in asked:
        mine = distinct[selector]
        matchers = frozenset(selector.matchers)
        near = [group for found in groups.values() for group in found] if compared else groups.get(matchers, [])
        joined = next((group for group in near if _can_join(group, matchers, mine, conditions)), None)
        if joined is None:
            joined = _Group(matchers, selector.time_range)
            groups.setdefault(matchers, []).append(joined)
        joined.time_range = _union(joined.time_range, selector.time_range)
        joined.members += mine
    return [group for found in groups.values() for group in found]


def _can_join(group: _Group, matchers: frozenset[Matcher], mine: list[_Member], conditions: Conditions) -> bool:
    selector = mine[0].selector
    if not group.matchers <= matchers:
        return False
    if group.matchers != matchers and not _is_filter(matchers - group.matchers, group, conditions):
        return False
    first = group.members[0].selector
    if conditions.downsampled and (first.function, first.range_ms) != (selector.function, selector.range_ms):
        return False
    if group.time_range == selector.time_range:
        return True
    if conditions.beginning_matters or any(one.ranged for one in (*group.members, *mine)):
        return False
    return _is_worth(group, selector.time_range)


def _is_filter(rest: frozenset[Matcher], group: _Group, conditions: Conditions) -> bool:
    """Say whether labels as they are read tell what the rest of the matchers ask; the name is dropped early."""
    return fixes_name(group.matchers) and not any(
        matcher.name in (METRIC_NAME, *conditions.replica_labels) for matcher in rest
    )


def _is_worth(group: _Group, added: TimeRange) -> bool:
    if not group.time_range.overlaps(added):
        return False
    whole_ms = _length_ms(_union(group.time_range, added))
    parts_ms = [_length_ms(member.selector.time_range) for member in group.members] + [_length_ms(added)]
    return all(whole_ms - part_ms <= max(part_ms, FREE_MS) for part_ms in parts_ms)


def _union(one: TimeRange, other: TimeRange) -> TimeRange:
    return TimeRange(min(one.min_time_ms, other.min_time_ms), max(one.max_time_ms, other.max_time_ms))


def _length_ms(time_range: TimeRange) -> int:
    return time_range.max_time_ms - time_range.min_time_ms


MERGE_SELECTS = Optimizer(
    "merge selects", "What reads the same series asks for them once.", merge_selects,
    lambda census: census.reads > 1,
)  # fmt: skip
