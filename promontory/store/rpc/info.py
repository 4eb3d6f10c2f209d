"""StoreInfo to thanos.info.InfoResponse and back."""

from __future__ import annotations

from promontory.errors import StoreError
from promontory.model.labels import Labels
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.time_range import TimeRange
from promontory.store.rpc.proto import info_pb2, types_pb2


def info_response(info: StoreInfo) -> info_pb2.InfoResponse:
    """Return what a Store says of itself as a message; the store part is always there."""
    return info_pb2.InfoResponse(
        label_sets=[_label_set(labels) for labels in info.label_sets],
        ComponentType=info.kind,
        store=info_pb2.StoreInfo(
            min_time=info.time_range.min_time_ms,
            max_time=info.time_range.max_time_ms,
            supports_sharding=info.supports_sharding,
            supports_without_replica_labels=info.supports_without_replica_labels,
            sorted=info.sorted,
            tsdb_infos=[
                info_pb2.TSDBInfo(
                    labels=_label_set(tsdb.labels),
                    min_time=tsdb.time_range.min_time_ms,
                    max_time=tsdb.time_range.max_time_ms,
                )
                for tsdb in info.tsdb_infos
            ],
        ),
    )


def read_info(response: info_pb2.InfoResponse, *, address: str) -> StoreInfo:
    """Return what a peer says of itself. Raises StoreError where it offers no Store API."""
    if not response.HasField("store"):
        raise StoreError(
            f"{address}: expected a peer with the Store API, found a {response.ComponentType or 'component'} without",
            endpoint=address,
        )
    store = response.store
    return StoreInfo(
        name=address,
        kind=response.ComponentType,
        label_sets=tuple(_labels(one) for one in response.label_sets),
        time_range=TimeRange(store.min_time, store.max_time),
        tsdb_infos=tuple(
            TsdbInfo(_labels(one.labels), TimeRange(one.min_time, one.max_time)) for one in store.tsdb_infos
        ),
        supports_sharding=store.supports_sharding,
        supports_without_replica_labels=store.supports_without_replica_labels,
        sorted=store.sorted,
    )


def _label_set(labels: Labels) -> types_pb2.ZLabelSet:
    return types_pb2.ZLabelSet(labels=[types_pb2.Label(name=name, value=value) for name, value in labels.pairs])


def _labels(message: types_pb2.ZLabelSet) -> Labels:
    return Labels(tuple(sorted((one.name, one.value) for one in message.labels if one.value)))
