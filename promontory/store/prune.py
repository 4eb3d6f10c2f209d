"""Which Stores a query has to ask: by time, by the label sets they announce, and by storeMatch[].

Rule: a label set rules its Store out only where it has a matcher's label with a value the matcher refuses; a Store
that announces no label sets is always asked. Source: Thanos' proxy (facts: Store kept if …, storeMatch on __address__).
"""

from __future__ import annotations

from collections.abc import Sequence

from promontory.model.labels import Labels
from promontory.model.matcher import Matcher
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo

ADDRESS_LABEL = b"__address__"


def may_answer(info: StoreInfo, selector: Selector, store_matchers: Sequence[Sequence[Matcher]]) -> bool:
    """Say whether a Store can hold series of the selector, and whether the query lets it be asked."""
    if not info.time_range.overlaps(selector.time_range):
        return False
    if store_matchers and not any(_is_chosen(info, matchers) for matchers in store_matchers):
        return False
    return _may_match(info.label_sets, selector.matchers)


def _is_chosen(info: StoreInfo, matchers: Sequence[Matcher]) -> bool:
    """Say whether a Store fulfils one set of storeMatch[]."""
    on_address = [matcher for matcher in matchers if matcher.name == ADDRESS_LABEL]
    others = [matcher for matcher in matchers if matcher.name != ADDRESS_LABEL]
    return all(matcher.matches(info.name.encode()) for matcher in on_address) and _may_match(info.label_sets, others)


def _may_match(label_sets: Sequence[Labels], matchers: Sequence[Matcher]) -> bool:
    return not label_sets or any(
        all(not (value := labels.get(matcher.name)) or matcher.matches(value) for matcher in matchers)
        for labels in label_sets
    )
