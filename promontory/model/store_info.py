"""StoreInfo: what a Store says of itself; the columns of /api/v1/stores and the fields of Thanos' InfoResponse."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.labels import Labels
from promontory.model.time_range import ALL_TIME, TimeRange


@dataclass(frozen=True, slots=True)
class TsdbInfo:
    """The time range of one set of external labels."""

    labels: Labels
    time_range: TimeRange


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """Identity, coverage and abilities of a Store.

    `kind` is Thanos' component type: sidecar, store, query, rule, receive. No label sets means "ask me always".
    `sorted` says that answers come in Store order after replica labels were stripped (extension field; Thanos
    peers do not say it, and are gathered and sorted).
    """

    name: str
    kind: str
    label_sets: tuple[Labels, ...] = ()
    time_range: TimeRange = ALL_TIME
    tsdb_infos: tuple[TsdbInfo, ...] = ()
    supports_sharding: bool = True
    supports_without_replica_labels: bool = True
    sorted: bool = True
